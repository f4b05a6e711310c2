"""Several objectives without a weighted sum: fronts, the worst-off group, and a hierarchy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from judge.aggregate.voting import as_table
from judge.errors import ConfigError
from judge.types import FloatArray, Record


class WorstOff(Record, frozen=True):
    """The group of users that a batch serves worst."""

    group: int | None
    """Its column; the first of equals; None where no group has a value."""
    values: tuple[float | None, ...]
    """Each candidate's value for it; None where it is not known."""
    means: tuple[float | None, ...]
    """Each group's mean over the batch."""


def pareto_fronts(table: npt.ArrayLike) -> tuple[int | None, ...]:
    """The front of every candidate: 1 = dominated by nobody, 2 = only by front 1, and so on.

    One dominates another if it is nowhere worse and somewhere better, over the columns where both
    are known. With missing scores that can run in circles (a over b over c over a, each on another
    column); candidates that dominate each other along such a chain share a front.

    Args:
        table: [N, K] scores, higher = better, NaN = not known.

    Returns:
        [N]; None for a candidate of which nothing is known.
    """
    scores = as_table(table)
    better: npt.NDArray[np.bool_] = (scores[:, None] > scores[None]).sum(2) > 0
    reach = better & ~better.T
    for via in range(len(scores)):
        reach |= reach[:, via, None] & reach[None, via]
    above = reach & ~reach.T
    left: npt.NDArray[np.bool_] = (~np.isnan(scores)).sum(1) > 0
    fronts: list[int | None] = [None] * len(scores)
    front = 0
    while left.any():
        front += 1
        top = left & ~above[left].any(0)
        for candidate in np.flatnonzero(top):
            fronts[candidate] = front
        left &= ~top
    return tuple(fronts)


def maxmin(table: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> WorstOff:
    """Rewards of the group of users with the lowest mean over the batch (MaxMin-RLHF, 2402.08925).

    The minimum is over means of the batch, not taken for each candidate. Bring the columns to one
    scale beforehand, by each group's mean and deviation over *earlier* batches: standardised
    inside the batch, all means would be 0. (The paper was not read for its own normalisation.) A
    small group with a noisy mean is chosen too often.

    Args:
        table: [N, K] values of N candidates for K groups, higher = better, NaN = not known.
        weights: [N], >= 0: how much each candidate counts in the means; equal by default.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    values = as_table(table)
    n = len(values)
    w = np.ones(n) if weights is None else np.array(weights, dtype=np.float64)
    if w.shape != (n,) or not (np.isfinite(w) & (w >= 0.0)).all():
        raise ConfigError(f"weights: need {n} finite numbers >= 0, one a candidate")
    _check_finite(values)
    known = ~np.isnan(values)
    weight = np.where(known, w[:, None], 0.0).sum(0)
    mean = (np.where(known, values, 0.0) * w[:, None]).sum(0) / np.where(weight > 0.0, weight, 1.0)
    means = tuple([m if has else None for m, has in zip(mean.tolist(), weight > 0.0, strict=True)])
    if not (weight > 0.0).any():
        return WorstOff(None, (None,) * n, means)
    group = int(np.where(weight > 0.0, mean, np.inf).argmin())
    column = values[:, group].tolist()
    return WorstOff(group, tuple([None if v != v else v for v in column]), means)


def hierarchy(table: npt.ArrayLike, margins: npt.ArrayLike) -> npt.NDArray[np.int8]:
    """Compare all pairs by the first column that tells them apart (HERON, arXiv 2309.02632).

    The order is *not* transitive where a margin is above 0 (2 beats 0, but 1 is too near to both):
    give it to a rule that stands cycles, such as Copeland or Bradley-Terry, never to a sort. (The
    rule is stated from memory of the paper.)

    Args:
        table: [N, K] scores, higher = better; columns in order of importance, first = most. A
            column where either of a pair is NaN is skipped for the pair.
        margins: [K], >= 0, in the units of the columns: a difference above it decides.

    Returns:
        [N, N], skew-symmetric: 1 where the row's candidate is better, -1 where the column's is, 0
        where no column decides.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    scores = as_table(table)
    n, levels = scores.shape
    gaps = np.array(margins, dtype=np.float64)
    if gaps.shape != (levels,) or not (np.isfinite(gaps) & (gaps >= 0.0)).all():
        raise ConfigError(f"margins: need {levels} finite numbers >= 0, one a column")
    _check_finite(scores)
    verdict = np.zeros((n, n), dtype=np.int8)
    for level in range(levels):
        difference = scores[:, None, level] - scores[None, :, level]
        decides = (verdict == 0) & (abs(difference) > gaps[level])
        verdict[decides] = np.sign(difference[decides]).astype(np.int8)
    return verdict


def hierarchy_margins(table: npt.ArrayLike, fraction: float) -> FloatArray:
    """Margins for `hierarchy`, [K]: a fraction of each column's standard deviation (HERON).

    The deviation is that of the known scores, divided by their number (not by one less); 0 for a
    column with fewer than two.
    """
    scores = as_table(table)
    if not 0.0 <= fraction < np.inf:
        raise ConfigError(f"fraction: {fraction} is not a finite number >= 0")
    _check_finite(scores)
    known = ~np.isnan(scores)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, scores, 0.0).sum(0) / count
    squares = np.where(known, (scores - mean) ** 2, 0.0).sum(0)
    result: FloatArray = fraction * np.sqrt(squares / count)
    return result


def _check_finite(scores: FloatArray) -> None:
    if np.isinf(scores).any():
        raise ConfigError("table: a score is infinite")
