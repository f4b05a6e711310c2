"""What labelled pairs say about a rubric: who led in each pair, on each criterion, in both orders.

A pair is labelled: its first response is the better one. All leads are oriented to it, so a lead
above 0 agrees with the label whichever response was shown first.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.statistics import EVEN, cluster_bootstrap
from judge.types import FloatArray, Group, GroupResult, Pairwise, Record, text_key

Told = list[tuple[bool, float]]
"""(the better one was shown first, how far it led), one a call."""


class PairOutcome(Record, frozen=True):
    """What a judge made of one labelled pair."""

    pair_id: str
    cluster: str
    """Pairs of one cluster (a prompt) are not independent of each other."""
    lead: float | None
    """P(the better one is preferred) - P(the worse one is), mean over the display orders, in
    [-1, 1]; None: not judged."""
    flipped: bool | None
    """The two orders prefer different sides; None where one order is missing."""
    leads: Mapping[str, float]
    """How far the better one led on each criterion, in [-1, 1]; missing: not judged."""


class Accuracy(Record, frozen=True):
    """How often the better response won."""

    value: float | None
    """In [0, 1], a tie counts 1/2; None where nothing was judged."""
    low: float
    """Ends of the 95 % interval."""
    high: float
    n: int
    """Pairs that were judged."""
    ties: int
    flips: int
    """Pairs in which the order of display decided."""
    unjudged: int


def outcome_of(group: Group, result: GroupResult, *, cluster: str | None = None) -> PairOutcome:
    """What a pairwise judge made of a group of two whose first response is the better one.

    The two display orders count alike, however often each was asked, so that a judge's lean to one
    side cancels. A verdict on a criterion is its own lead, 2 value - 1 for the first shown.

    Args:
        group: Exactly two responses, the better one first.
        result: Of this group; verdicts other than pairwise ones are not looked at.
        cluster: What the pair shares with others; None: a digest of the prompt.

    Raises:
        ConfigError: The group is no pair, or the result is not this group's.
    """
    if len(group.responses) != 2:
        raise ConfigError(f"group: {group.id!r} has {len(group.responses)} responses, not two")
    if result.group_id != group.id:
        raise ConfigError(f"result: is of group {result.group_id!r}, not {group.id!r}")
    whole: Told = []
    parts: dict[str, Told] = {}
    for verdict in result.verdicts:
        if not isinstance(verdict, Pairwise):
            continue
        if {verdict.first, verdict.second} != {0, 1}:
            raise ConfigError(
                f"result: compares {verdict.first} with {verdict.second} in a group of two"
            )
        ascending = verdict.first == 0
        sign = 1.0 if ascending else -1.0
        whole.append((ascending, sign * (verdict.p_first - verdict.p_second)))
        for part in verdict.parts:
            if part.value is not None:
                told = parts.setdefault(part.criterion_id, [])
                told.append((ascending, sign * (2.0 * part.value - 1.0)))
    lead, flipped = _joined(whole) if whole else (None, None)
    if cluster is None:
        cluster = hashlib.sha256(text_key(group.prompt)).hexdigest()[:16]
    leads = {name: _joined(told)[0] for name, told in parts.items()}
    return PairOutcome(group.id, cluster, lead, flipped, leads)


def accuracy(outcomes: Iterable[PairOutcome], *, seed: int = 0) -> Accuracy:
    """How often the better response won, with a 95 % interval by drawing clusters again.

    Args:
        outcomes: Labelled pairs; those that were not judged are counted, nothing else.
        seed: Of the draws; the order of the outcomes does not matter.
    """
    outcomes = list(outcomes)
    known = [outcome for outcome in outcomes if outcome.lead is not None]
    rights = [share for o in known if (share := rightness(o.lead)) is not None]
    low, high = cluster_bootstrap(rights, [outcome.cluster for outcome in known], seed=seed)
    return Accuracy(
        math.fsum(rights) / len(rights) if rights else None,
        low,
        high,
        len(known),
        rights.count(0.5),
        sum(outcome.flipped is True for outcome in known),
        len(outcomes) - len(known),
    )


def rightness(lead: float | None) -> float | None:
    """1 where the better response leads, 1/2 at a tie, 0 where it trails; None or NaN: None."""
    if lead is None or math.isnan(lead):
        return None
    return 0.5 if abs(lead) <= EVEN else float(lead > 0.0)


def leads_table(outcomes: Sequence[PairOutcome], criteria: Sequence[str]) -> FloatArray:
    """The leads as a table, [P, K], in the order of the outcomes and the criteria; NaN = missing.

    Raises:
        ConfigError: A criterion is named twice.
    """
    rows = [[outcome.leads.get(name, math.nan) for name in criteria] for outcome in outcomes]
    return check_leads(np.array(rows).reshape(len(outcomes), len(criteria)), criteria)


def check_leads(leads: npt.ArrayLike, criteria: Sequence[str]) -> FloatArray:
    """Leads as numbers, [P, K].

    Raises:
        ConfigError: They are not in [-1, 1] or NaN, or there is not one column a criterion.
    """
    check_names(criteria)
    table = np.array(leads, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(criteria):
        raise ConfigError(f"leads: the shape {table.shape} is not [pairs, {len(criteria)}]")
    if not (np.isnan(table) | (abs(table) <= 1.0 + EVEN)).all():
        raise ConfigError("leads: need numbers in [-1, 1] or NaN")
    return table


def check_names(criteria: Sequence[str]) -> None:
    """Raise `ConfigError` if a criterion is named twice."""
    if len(set(criteria)) != len(criteria):
        raise ConfigError("criteria: one is named twice")


def _joined(told: Told) -> tuple[float, bool | None]:
    """The mean over the display orders, and whether they disagree."""
    orders: dict[bool, list[float]] = {}
    for ascending, lead in told:
        orders.setdefault(ascending, []).append(lead)
    means = [math.fsum(order) / len(order) for order in orders.values()]
    flipped = means[0] * means[1] < 0.0 if len(means) == 2 else None
    return math.fsum(means) / len(means), flipped
