"""What was done to a set of pairs, and how far the panel and the labels could be checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from judge.curation.strength import Decision
from judge.curation.trusted import Trusted
from judge.curation.votes import Panel
from judge.statistics import wilson
from judge.types import FloatArray, Record

Twice = tuple[Decision, Decision | None]
"""What the panel decides on a pair, and what people do in its place."""


class Share(Record, frozen=True):
    """The mean of credits in [0, 1], with Wilson's 95 % interval; ties count half."""

    value: float | None
    """None where nothing was counted."""
    low: float
    high: float
    n: int


class Curated(Record, frozen=True):
    """What was done to a set of pairs."""

    pairs: int
    actions: Mapping[str, int]
    """By what was decided: keep, flip, soften, drop, unjudged, unlabelled."""
    relabelled: int
    """Pairs with another label than before, the dropped ones left out."""
    agreement: Mapping[str, Share]
    """By member of the panel: how often its vote is the label as it was."""
    panel_right: Share | None
    """On the pairs labelled by people, which may be those that a judge found hardest; None without
    any."""
    labels_before: Share | None
    """How often the labels of the data are those of people, where both are known."""
    labels_after: Share | None
    """The same of the labels that the panel alone decides on; a pair it would drop counts as it
    was."""


def share_of(credits: Iterable[float]) -> Share:
    """The mean of credits in [0, 1]; NaN is not counted."""
    known = [one for one in credits if not math.isnan(one)]
    hits = math.fsum(known)
    return Share(hits / len(known) if known else None, *wilson(hits, len(known)), len(known))


def leads_of(better: Sequence[int | None], votes: FloatArray) -> FloatArray:
    """How far each member prefers the response called better, [n, members], in [-1, 1].

    Args:
        better: [n], 0 or 1; None gives NaN.
        votes: P(response 0 is better), [n, members]; NaN: no vote.
    """
    sides = [math.nan if one is None else 1.0 - 2.0 * one for one in better]
    leads: FloatArray = np.array(sides)[:, None] * (2.0 * votes - 1.0)
    return leads


def figures(
    panel: Panel,
    before: Sequence[int | None],
    votes: FloatArray,
    decided: Sequence[Twice],
    trusted: Trusted | None,
    made: Sequence[Decision],
) -> Curated:
    """Count what was done.

    Args:
        panel: Who voted.
        before: The labels as they were, [n].
        votes: P(response 0 is better), [n, members].
        decided: What the panel decided, and what people did, [n].
        trusted: Labels by people, if there are any.
        made: What was decided in the end, [n].
    """
    right = 0.5 * (1.0 + np.sign(leads_of(before, votes)))
    actions: dict[str, int] = {}
    for one in made:
        actions[one.action] = actions.get(one.action, 0) + 1
    changed = sum(
        one.action != "drop" and label is not None and one.better != label
        for one, label in zip(made, before, strict=True)
    )
    known = [
        (settled.better, label, voted.better)
        for (voted, settled), label in zip(decided, before, strict=True)
        if settled is not None and label is not None
    ]
    told = trusted is not None
    return Curated(
        len(before),
        dict(sorted(actions.items())),
        changed,
        {name: share_of(right[:, at]) for at, name in enumerate(panel.names)},
        share_of(trusted.right) if trusted is not None else None,
        share_of(float(by == label) for by, label, _ in known) if told else None,
        share_of(float(by == voted) for by, _, voted in known) if told else None,
    )
