"""Intervals and tests for what is counted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.types import FloatArray, Record

IntArray = npt.NDArray[np.int64]

Z95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""
INTERVAL_DRAWS = 2000
BATCH = 1_000_000
"""Numbers drawn at a time."""
EVEN = 1e-9
"""Sums closer than this are equal."""


class PairedTest(Record, frozen=True):
    """Whether a first condition is right more often than a second on the same items."""

    difference: float | None
    """Mean of first - second, in [-1, 1]; None where no item is known under both."""
    low: float
    """Ends of the 95 % bootstrap interval of the difference."""
    high: float
    p_value: float
    """One-sided: of a difference at least this large if the two were alike."""
    n: int
    """Items known under both conditions."""


def wilson(hits: float, n: int, z: float = Z95) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson 1927); (0, 1) for n = 0.

    Args:
        hits: How many of `n` count; halves are allowed.
        n: How many were looked at.
        z: Normal quantile.
    """
    if n == 0:
        return 0.0, 1.0
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def binomial_tail(hits: int, n: int) -> float:
    """P(at least `hits` of n fair coins fall heads), exact.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    if not 0 <= hits <= n:
        raise ConfigError(f"hits: {hits} is not in 0 .. {n}")
    ways, total = 1, 0
    for heads in range(n, hits - 1, -1):
        total += ways
        ways = ways * heads // (n - heads + 1)
    return total / (1 << n)


def sign_test(right: int, wrong: int) -> float:
    """Two-sided exact p-value of `right` against `wrong` if both were equally likely; 1 for 0, 0.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    for name, count in (("right", right), ("wrong", wrong)):
        if count < 0:
            raise ConfigError(f"{name}: {count} is negative")
    return min(1.0, 2.0 * binomial_tail(max(right, wrong), right + wrong))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number, in the order given (Holm 1979).

    Rejecting those at or below a level keeps the chance of any false rejection at that level,
    however the tests depend on each other.

    Args:
        p_values: In [0, 1].

    Raises:
        ConfigError: A value is not in [0, 1].
    """
    for value in p_values:
        if not 0.0 <= value <= 1.0:
            raise ConfigError(f"p_values: {value} is not in [0, 1]")
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = highest
    return adjusted


def cluster_bootstrap(
    values: Sequence[float] | FloatArray,
    clusters: Sequence[str] | None = None,
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    draws: int = INTERVAL_DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """The 95 % percentile interval of a mean; whole clusters are drawn again (Field-Welsh 2007).

    Where the clusters' means are all equal, drawing says nothing. The interval is then what is
    possible if a share q of the clusters, the upper end of Wilson's interval for none of them, lay
    at either bound: for values all at a bound it is Wilson's own.

    Args:
        values: [n], inside `bounds`.
        clusters: [n], such as the prompt of each; None: every value on its own.
        bounds: Lowest and highest value possible; the interval for n = 0.
        draws: How many times.
        seed: Of the draws; the order of the values does not matter where clusters are given.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    given = np.asarray(values, dtype=np.float64)
    low, high = bounds
    if given.ndim != 1 or not ((given >= low - EVEN) & (given <= high + EVEN)).all():
        raise ConfigError(f"values: need numbers from {low} to {high}")
    if draws < 1:
        raise ConfigError(f"draws: {draws} is not a number of draws")
    return _interval(given, cluster_codes(clusters, len(given)), bounds, draws, seed)


def paired_test(
    first: Sequence[float | None],
    second: Sequence[float | None],
    *,
    clusters: Sequence[str] | None = None,
    draws: int = 10_000,
    seed: int = 0,
) -> PairedTest:
    """Whether `first` is right more often than `second` on the same items, by flipping signs.

    If the two are alike, the sign of each item's difference is a fair coin (Fisher 1935). For
    differences in steps of 1/2 (right, half right at a tie, wrong) the distribution of their sum is
    computed exactly, however many there are; with 0 and 1 alone it is McNemar's exact test. For
    other numbers it is drawn, p = (1 + as large) / (1 + draws).

    Args:
        first: [n], how right each item is, in [0, 1]; None = unknown, and the item is left out.
        second: [n], the same items under the other condition.
        clusters: [n], such as the prompt of each item: a whole cluster flips, and is drawn, at
            once. None: every item on its own.
        draws: Of signs, where they are drawn.
        seed: Of the draws and of the interval.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    if len(first) != len(second):
        raise ConfigError(f"second: has {len(second)} items, first has {len(first)}")
    if draws < 1:
        raise ConfigError(f"draws: {draws} is not a number of draws")
    sides = [_shares(name, side) for name, side in (("first", first), ("second", second))]
    differences = sides[0] - sides[1]
    known = ~np.isnan(differences)
    codes = cluster_codes(clusters, len(differences))[known]
    differences = differences[known]
    if not len(differences):
        return PairedTest(None, -1.0, 1.0, 1.0, 0)
    low, high = _interval(differences, codes, (-1.0, 1.0), INTERVAL_DRAWS, seed)
    sums: FloatArray = np.bincount(codes, differences).astype(np.float64)
    p_value = _flipped(sums, draws, seed)
    return PairedTest(float(differences.mean()), low, high, p_value, len(differences))


def cluster_codes(clusters: Sequence[str] | None, n: int) -> IntArray:
    """Names of clusters as numbers from 0 in alphabetical order, [n]; without names 0 .. n - 1.

    Raises:
        ConfigError: There is not one name an item.
    """
    if clusters is None:
        return np.arange(n)
    if len(clusters) != n:
        raise ConfigError(f"clusters: there are {len(clusters)}, for {n} items")
    order = {name: at for at, name in enumerate(sorted(set(clusters)))}
    return np.array([order[name] for name in clusters], dtype=np.int64)


def _interval(
    values: FloatArray, codes: IntArray, bounds: tuple[float, float], draws: int, seed: int
) -> tuple[float, float]:
    low, high = bounds
    if not len(values):
        return low, high
    total, count = np.bincount(codes, values), np.bincount(codes)
    sums, sizes = total[count > 0], count[count > 0]
    means = sums / sizes
    if means.max() - means.min() <= EVEN:
        mean, q = float(means.mean()), wilson(0.0, len(sizes))[1]
        return mean - q * (mean - low), mean + q * (high - mean)
    rng = np.random.default_rng(seed)
    drawn = []
    for size in _batches(draws, len(sizes)):
        picked = rng.integers(0, len(sizes), (size, len(sizes)))
        drawn.append(sums[picked].sum(1) / sizes[picked].sum(1))
    ends = np.quantile(np.concatenate(drawn), (0.025, 0.975))
    return float(ends[0]), float(ends[1])


def _flipped(sums: FloatArray, draws: int, seed: int) -> float:
    """P(the total is at least what it is) if each sum's sign is a fair coin."""
    moving = sums[abs(sums) > EVEN]
    steps = np.rint(2.0 * moving)
    if abs(2.0 * moving - steps).max(initial=0.0) <= EVEN:
        return _exactly_flipped(steps.astype(np.int64).tolist())
    rng = np.random.default_rng(seed)
    reached = 0
    for size in _batches(draws, len(moving)):
        signs = 2.0 * rng.integers(0, 2, (size, len(moving))) - 1.0
        reached += int((signs @ moving >= moving.sum() - EVEN).sum())
    return (1 + reached) / (1 + draws)


def _exactly_flipped(steps: Sequence[int]) -> float:
    """P(a sum of whole numbers with random signs is at least the sum as it is)."""
    chances = np.ones(1)
    for step in map(abs, steps):
        wider = np.zeros(len(chances) + 2 * step)
        wider[: len(chances)] += chances / 2.0
        wider[2 * step :] += chances / 2.0
        chances = wider
    lowest = sum(map(abs, steps))
    return min(1.0, float(chances[sum(steps) + lowest :].sum()))


def _shares(name: str, side: Sequence[float | None]) -> FloatArray:
    given = np.array([math.nan if value is None else value for value in side], dtype=np.float64)
    if not (np.isnan(given) | ((given >= 0.0) & (given <= 1.0))).all():
        raise ConfigError(f"{name}: need numbers in [0, 1] or None")
    return given


def _batches(draws: int, width: int) -> Iterator[int]:
    most = max(1, BATCH // width)
    for start in range(0, draws, most):
        yield min(most, draws - start)
