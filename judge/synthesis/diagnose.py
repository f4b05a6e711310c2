"""What a run tells about a rubric without asking anything: what each criterion adds, its flaws.

Every figure is of one criterion. Comparisons of responses are made within a group, because a
reward is: only where every group has one response are they made over the whole run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np

from judge.statistics import Z95, wilson
from judge.synthesis.relations import Relations, relations
from judge.synthesis.verdict_columns import Column, Columns, IntArray, Row, indices, numbers
from judge.types import FloatArray, Record

LEAST = 20
"""Fewer verdicts, pairs or groups than this lead to no suggestion."""
SATURATED = 0.95
SAME = 0.9
"""Criteria correlated by this much say the same."""
FLIPPED = 0.2
LOW_MASS = 0.5
OFTEN_NOT_APPLICABLE = 0.5
DRIFTED = 0.1


class Estimate(Record, frozen=True):
    """A figure with its 95 % interval and what it was counted over."""

    value: float
    low: float
    high: float
    n: int


class CriterionFigures(Record, frozen=True):
    """What a run says on one criterion; None: there was nothing to tell it by."""

    id: str
    pairs: bool
    """Whether it was judged on pairs of responses."""
    asked: int
    """Verdicts, those included that it does not apply."""
    n: int
    """Verdicts with a value."""
    mean: float | None
    """Mean value, in [0, 1] along the scale; of pairs, in favour of the first shown (0.5: even)."""
    saturation: float | None
    """Share of verdicts at the worst or at the best level, whichever is larger; of pairs, the share
    of ties."""
    flips: Estimate | None
    """Share of pairs whose two display orders prefer different sides."""
    preference: Estimate | None
    """Chance that the labelled response is worth more than another of its group, ties half: the
    area under the curve (Mann and Whitney 1947), the mean over groups; Wilson's interval with
    groups as n is at least as wide as it has to be."""
    nearest: str | None
    """The criterion it is most correlated with."""
    correlation: float | None
    """Pearson's, of worths less their group's mean, with `nearest`."""
    reward_share: float | None
    """Share of the reward's variance: b cov(worth, reward) / var(reward), b from least squares
    (Pratt 1987); the shares add up to `Diagnosis.explained`."""
    drift: Estimate | None
    """Mean worth in the file's second half less that in the first; groups are the units. Of pairs,
    of the distance from a tie, in [0, 1]."""
    not_applicable: float | None
    label_mass: float | None
    """Mean probability the judge gave to the allowed codes."""


class Suggestion(Record, frozen=True):
    """What to do about a criterion, and the figure that says why."""

    criterion: str
    action: Literal["drop", "merge", "rewrite"]
    why: str
    other: str | None = None
    """What to merge it with."""


class Diagnosis(Record, frozen=True):
    """All of it."""

    groups: int
    responses: int
    labelled: int
    explained: float | None
    """Share of the reward's variance that is linear in the criteria, in [0, 1]."""
    criteria: tuple[CriterionFigures, ...]
    suggestions: tuple[Suggestion, ...]


def diagnose(rows: Iterable[Row]) -> Diagnosis:
    """Read a run's result rows once and say what they tell about its criteria.

    Args:
        rows: Rows of `results.jsonl`.
    """
    columns = Columns.of(rows)
    return diagnosed(columns, relations(columns, least=LEAST))


def diagnosed(columns: Columns, found: Relations) -> Diagnosis:
    """As `diagnose`, of rows that were read.

    Args:
        columns: The verdicts of a run.
        found: How its criteria go together.
    """
    figures = []
    for name, column in columns.by_id.items():
        near, r = found.nearest.get(name, (None, None))
        figures.append(_figures(name, column, columns.groups, near, r, found.shares.get(name)))
    return Diagnosis(
        columns.groups,
        len(columns.reward),
        columns.labelled,
        found.explained,
        tuple(figures),
        tuple(suggestions(figures)),
    )


def _figures(
    name: str,
    column: Column,
    groups: int,
    near: str | None,
    correlation: float | None,
    share: float | None,
) -> CriterionFigures:
    n = column.judged
    stuck = column.ends[2] if column.paired else max(column.ends[:2])
    seen = n + column.not_applicable
    return CriterionFigures(
        name,
        column.paired,
        seen,
        n,
        column.total / n if n else None,
        stuck / n if n else None,
        _share(column.flips, column.orders),
        _share(column.ranked, column.labelled),
        near,
        correlation,
        share,
        _drift(indices(column.seen_in), numbers(column.level_of), groups),
        column.not_applicable / seen if seen else None,
        column.mass / column.massed if column.massed else None,
    )


def _share(hits: float, n: int) -> Estimate | None:
    return Estimate(hits / n, *wilson(hits, n), n) if n else None


def _drift(groups: IntArray, values: FloatArray, n_groups: int) -> Estimate | None:
    """Difference of the means of group means, with Welch's standard error."""
    if not len(groups):
        return None
    known, place = np.unique(groups, return_inverse=True)
    means = np.bincount(place, values) / np.bincount(place)
    first, second = means[known < n_groups / 2], means[known >= n_groups / 2]
    if min(len(first), len(second)) < 2:
        return None
    rise = float(second.mean() - first.mean())
    half = Z95 * math.sqrt(first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second))
    return Estimate(rise, rise - half, rise + half, len(known))


def suggestions(criteria: Iterable[CriterionFigures]) -> list[Suggestion]:
    """What to drop, merge or rewrite; nothing is said on fewer than `LEAST` of what counts."""
    found: list[Suggestion] = []
    merged: set[frozenset[str]] = set()
    for one in criteria:
        dropped = _reason_to_drop(one)
        if dropped:
            found.append(Suggestion(one.id, "drop", dropped))
        if one.nearest is not None and abs(one.correlation or 0.0) >= SAME:
            both = frozenset((one.id, one.nearest))
            if both not in merged:
                merged.add(both)
                why = f"its correlation with {one.nearest} is {one.correlation:.2f}"
                found.append(Suggestion(one.id, "merge", why, one.nearest))
        if not dropped:
            found += [Suggestion(one.id, "rewrite", why) for why in _reasons_to_rewrite(one)]
    return found


def _reason_to_drop(one: CriterionFigures) -> str:
    told = one.preference
    if told is not None and told.n >= LEAST and told.high < 0.5:
        return (
            f"it ranks the preferred response higher in only {told.value:.0%}"
            f" [{told.low:.0%}, {told.high:.0%}] of {told.n} groups"
        )
    if one.saturation is not None and one.n >= LEAST and one.saturation >= SATURATED:
        where = "ties" if one.pairs else "at one end of its scale"
        return f"{one.saturation:.0%} of its {one.n} verdicts are {where}"
    return ""


def _reasons_to_rewrite(one: CriterionFigures) -> Iterator[str]:
    flips, drift = one.flips, one.drift
    if flips is not None and flips.n >= LEAST and flips.low > FLIPPED:
        yield (
            f"{flips.value:.0%} [{flips.low:.0%}, {flips.high:.0%}] of {flips.n} pairs flip with"
            " the display order"
        )
    if one.n >= LEAST and one.label_mass is not None and one.label_mass < LOW_MASS:
        yield f"the judge gave its codes a probability of only {one.label_mass:.2f}"
    rare = one.not_applicable
    if rare is not None and rare > OFTEN_NOT_APPLICABLE and one.asked >= LEAST:
        yield f"it does not apply to {rare:.0%} of what it was asked about"
    if drift is None or drift.n < LEAST or abs(drift.value) < DRIFTED:
        return
    if drift.low > 0.0 or drift.high < 0.0:
        yield (
            f"it moved by {drift.value:+.2f} [{drift.low:+.2f}, {drift.high:+.2f}] from the"
            " first half of the run to the second"
        )
