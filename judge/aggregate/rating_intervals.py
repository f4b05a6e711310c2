"""Bootstrap intervals of ratings, and the ranks that follow from them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from judge.aggregate.games import Games, IntArray, check_beaten
from judge.aggregate.rating_methods import NEEDS_PRIOR, Method, Settings, elo, rate
from judge.types import FloatArray

LEVELS = (0.025, 0.975)
AT_ONCE = 100_000
"""Numbers in the tables, or draws, of the resamples that are rated together."""

Interval = tuple[float, float]


def bootstrap_intervals(
    method: Method,
    games: Games,
    clusters: IntArray | None,
    settings: Settings,
    resamples: int,
    rng: np.random.Generator,
) -> list[Interval | None]:
    """95 % percentile intervals of the ratings, [n]; None for a model no resample had.

    Args:
        method: Of `rate`, or `elo`.
        games: What was compared.
        clusters: The cluster of each row, 0 to K - 1; whole clusters are resampled. None: rows.
        settings: Of the method.
        resamples: How many, at least 1.
        rng: Source of all draws.

    Raises:
        ConfigError: A resample has no estimate.
    """
    drawn = _replayed if method == "elo" else _redrawn
    ratings = np.concatenate(list(drawn(method, games, clusters, settings, resamples, rng)))
    columns = (column[~np.isnan(column)] for column in ratings.T)
    ends = (np.quantile(column, LEVELS).tolist() if len(column) else None for column in columns)
    return [None if pair is None else (pair[0], pair[1]) for pair in ends]


def overlap_ranks(intervals: list[Interval | None]) -> list[float]:
    """1 + the number of intervals that lie wholly above one's own, [n].

    The rule of Chatbot Arena (Chiang et al. 2024, arXiv 2403.04132). None overlaps with all.
    """
    ends = [(-np.inf, np.inf) if pair is None else pair for pair in intervals]
    low, high = np.array(ends).T
    ranks: list[float] = (1.0 + (low[None, :] > high[:, None]).sum(1)).tolist()
    return ranks


def _redrawn(
    method: Method,
    games: Games,
    clusters: IntArray | None,
    settings: Settings,
    resamples: int,
    rng: np.random.Generator,
) -> Iterator[FloatArray]:
    """Ratings, [chunk, n], of resamples drawn as counts of equal rows or of clusters."""
    n = len(games.names)
    if clusters is None:
        games, counts = games.cells()
    else:
        counts = np.ones(int(clusters.max()) + 1, dtype=np.int64)
    total = int(counts.sum())
    chunk = max(1, AT_ONCE // max(n * n, len(counts)))
    for start in range(0, resamples, chunk):
        draws = rng.multinomial(total, counts / total, size=min(chunk, resamples - start))
        times = draws if clusters is None else draws[:, clusters]
        tables = [games.table(row) for row in times]
        wins, ties = (np.stack(side) for side in zip(*tables, strict=True))
        if method in NEEDS_PRIOR and not settings.prior:
            for scored in (wins + ties) > 0.0:
                check_beaten(games.names, scored, " in a resample")
        seen = (wins + wins.swapaxes(-1, -2) + ties).any(-1)
        yield np.where(seen, rate(method, wins, ties, settings), np.nan)


def _replayed(
    method: Method,
    games: Games,
    clusters: IntArray | None,
    settings: Settings,
    resamples: int,
    rng: np.random.Generator,
) -> Iterator[FloatArray]:
    """Elo ratings, [1, n], of resamples played in the order in which they are drawn."""
    if clusters is None:
        clusters = np.arange(len(games.first))
    groups = int(clusters.max()) + 1
    order = np.argsort(clusters, kind="stable")
    size = np.bincount(clusters, minlength=groups)
    start = np.cumsum(size) - size
    for _ in range(resamples):
        drawn = rng.integers(groups, size=groups)
        length = size[drawn]
        inside = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        sample = games.take(order[np.repeat(start[drawn], length) + inside])
        rating = elo(sample, settings.k)
        absent = np.bincount(np.r_[sample.first, sample.second], minlength=len(rating)) == 0
        yield np.where(absent, np.nan, rating)[None]
