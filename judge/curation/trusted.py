"""Labels by people: they settle their pairs, and say where the panel may be believed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from judge.curation.likeness import Alike
from judge.curation.pairs import LabelledRow
from judge.curation.strength import strength
from judge.curation.votes import DIGITS, Key, Panel, pair_key
from judge.types import FloatArray, Group


class Trusted:
    """Pairs that people have labelled, and how a panel does on them.

    Skywork-Reward-V2 (Liu et al. 2025, arXiv 2507.01352) gives its annotating models labels by
    people on similar pairs, and keeps what two reward models agree on. With verdicts that are
    saved, the similar pairs can only say how often the panel was right there. (The paper was read
    in summaries alone.)

    Args:
        rows: The pairs; those without a winner are left out.
        panel: Whose votes are looked up.
    """

    def __init__(self, rows: Iterable[LabelledRow], panel: Panel) -> None:
        kept = [row for row in rows if row.better is not None]
        self._better = dict(map(_winner, kept))
        judged = [(row.group, strength(_votes(panel, row))) for row in kept]
        known = [(group, found.mean) for group, found in judged if found.votes]
        self._right: FloatArray = np.array([0.5 * (1.0 + np.sign(mean)) for _, mean in known])
        self._keys = [pair_key(group, 0, 1) for group, _ in known]
        self._alike = Alike(group for group, _ in known)

    @property
    def right(self) -> FloatArray:
        """1 where the panel has a labelled pair right, 1/2 at a tie, else 0, [m]."""
        return self._right

    def better(self, group: Group) -> int | None:
        """The response of a pair that people call better, 0 or 1; None: they have not seen it."""
        digest = self._better.get(pair_key(group, 0, 1))
        return None if digest is None else int(group.responses[0].digest[:DIGITS] != digest)

    def reliability(self, group: Group, k: int) -> tuple[float, int]:
        """How many of the k most similar other pairs the panel has right, of how many."""
        key = pair_key(group, 0, 1)
        near = [at for at in self._alike.near(group, k + 1) if self._keys[at] != key][:k]
        return float(self._right[near].sum()), len(near)


def _winner(row: LabelledRow) -> tuple[Key, str]:
    assert row.better is not None
    return pair_key(row.group, 0, 1), row.group.responses[row.better].digest[:DIGITS]


def _votes(panel: Panel, row: LabelledRow) -> FloatArray:
    assert row.better is not None
    return panel.of(row.group, row.better, 1 - row.better)
