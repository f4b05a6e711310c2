"""What runs say of pairs, by the texts that were compared, whichever data set they stood in."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from judge.aggregate.preferences import preferences
from judge.runs.dataset import Row
from judge.types import Comparison, FloatArray, Group, text_key

Key = tuple[str, str, str]
"""Digests of what is asked and of two responses, the lower digest first."""
DIGITS = 24
_FIELDS = ("first", "second", "p_first", "p_tie", "p_second")


class Vote(NamedTuple):
    """What one run says of two responses of a group."""

    i: int
    j: int
    """i < j."""
    share: float
    """P(i is better), a tie counting half, in [0, 1]."""
    flipped: bool | None
    """The two display orders prefer different sides; None: not asked in both."""


def votes_of(result: Mapping[str, Any]) -> Iterator[Vote]:
    """The votes of one result row (see `judge.records.result_row`).

    Where pairs were judged, a vote is the mean over both display orders. Elsewhere it comes from
    the two rewards: P(a normal draw around the one is above a draw around the other), with their
    standard errors; a reward without one is taken as it is, so that the higher wins outright.
    """
    compared = [verdict for verdict in result["verdicts"] if verdict["kind"] == "pairwise"]
    told = [Comparison(*(verdict[name] for name in _FIELDS)) for verdict in compared]
    for pair in preferences(told):
        yield Vote(pair.i, pair.j, pair.p_i + pair.p_tie / 2.0, pair.flipped)
    if compared:
        return
    rewards = enumerate(result["rewards"])
    known = [(at, reward) for at, reward in rewards if reward["value"] is not None]
    for (i, one), (j, other) in combinations(known, 2):
        yield Vote(i, j, _above(one, other), None)


def _above(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    lead = one["value"] - other["value"]
    spread = math.hypot(one["standard_error"] or 0.0, other["standard_error"] or 0.0)
    if spread == 0.0:
        return 0.5 if lead == 0.0 else float(lead > 0.0)
    return 0.5 * math.erfc(-lead / (spread * math.sqrt(2.0)))


def pair_key(group: Group, i: int, j: int) -> Key:
    """What two pairs share if and only if the same two texts answer the same prompt."""
    first, second = sorted(group.responses[at].digest[:DIGITS] for at in (i, j))
    return asked_key(group), first, second


def asked_key(group: Group) -> str:
    """Digest of a group's prompt and context."""
    told = text_key(group.prompt) + b"\0" + (group.context or "").encode("utf-8", "surrogatepass")
    return hashlib.sha256(told).hexdigest()[:DIGITS]


class Panel:
    """The votes of several runs; each run is one member.

    Args:
        names: Of the members.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._votes: dict[Key, FloatArray] = {}

    def add(self, member: int, rows: Iterable[tuple[Row, Mapping[str, Any]]]) -> int:
        """Take a run's rows with their results (`judge.runs.joined`); how many votes there were.

        Of a pair that a run has judged twice the first vote counts.
        """
        count = 0
        for row, result in rows:
            for vote in votes_of(result):
                responses = row.group.responses
                key = pair_key(row.group, vote.i, vote.j)
                as_keyed = responses[vote.i].digest[:DIGITS] == key[1]
                told = self._votes.setdefault(key, np.full(len(self.names), np.nan))
                if np.isnan(told[member]):
                    told[member] = vote.share if as_keyed else 1.0 - vote.share
                    count += 1
        return count

    def of(self, group: Group, i: int = 0, j: int = 1) -> FloatArray:
        """P(response i is better than j) of each member, [members]; NaN where it has no vote."""
        key = pair_key(group, i, j)
        told = self._votes.get(key)
        if told is None or key[1] == key[2]:
            return np.full(len(self.names), np.nan)
        return told if group.responses[i].digest[:DIGITS] == key[1] else 1.0 - told
