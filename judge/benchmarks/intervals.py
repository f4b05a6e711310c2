"""Weighted means of subsets with intervals by drawing prompts again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from judge.statistics import EVEN, INTERVAL_DRAWS, cluster_bootstrap
from judge.types import FloatArray, Record

BATCH = 100
"""Draws at a time."""


class Part(Record, frozen=True, eq=False):
    """The credits of one subset, [n], the cluster of each, and its weight in the mean."""

    values: FloatArray
    clusters: tuple[str, ...]
    weight: float


def weighted_mean(parts: Sequence[Part]) -> float:
    """The weighted mean of the parts' means; weights need not sum to 1."""
    total = sum(part.weight for part in parts)
    return float(sum(part.weight * part.values.mean() for part in parts) / total)


def weighted_interval(
    parts: Sequence[Part],
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    draws: int = INTERVAL_DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """The 95 % percentile interval of `weighted_mean`, whole clusters drawn again.

    A cluster that lies in several parts is drawn for all of them at once. Clusters are drawn among
    those that lie in the same parts, so that every part keeps its size.

    Args:
        parts: At least one, none of them empty.
        bounds: Lowest and highest credit. Where no part varies, the ends are the weighted means of
            the parts' own (see `cluster_bootstrap`).
        draws: How many.
        seed: Of the draws.
    """
    if len(parts) == 1 or all(np.ptp(part.values) <= EVEN for part in parts):
        ends = [
            cluster_bootstrap(one.values, one.clusters, bounds=bounds, draws=draws, seed=seed)
            for one in parts
        ]
        shares = np.array([part.weight for part in parts])
        low, high = shares @ np.array(ends) / shares.sum()
        return float(low), float(high)
    rng = np.random.default_rng(seed)
    sums, counts = np.zeros((draws, len(parts))), np.zeros((draws, len(parts)))
    for total, count in _strata(parts):
        k = len(total)
        for start in range(0, draws, BATCH):
            size = min(BATCH, draws - start)
            times = rng.multinomial(k, np.full(k, 1.0 / k), size=size).astype(np.float64)
            sums[start : start + size] += times @ total
            counts[start : start + size] += times @ count
    weights = np.array([part.weight for part in parts])
    means = (sums / counts) @ (weights / weights.sum())
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def _strata(parts: Sequence[Part]) -> list[tuple[FloatArray, FloatArray]]:
    """(sums, counts) of the clusters that lie in the same parts, each [clusters, parts]."""
    table: dict[str, tuple[FloatArray, FloatArray]] = {}
    for at, part in enumerate(parts):
        for value, name in zip(part.values, part.clusters, strict=True):
            if name not in table:
                table[name] = (np.zeros(len(parts)), np.zeros(len(parts)))
            table[name][0][at] += value
            table[name][1][at] += 1.0
    strata: dict[tuple[bool, ...], list[tuple[FloatArray, FloatArray]]] = defaultdict(list)
    for name in sorted(table):
        strata[tuple((table[name][1] > 0.0).tolist())].append(table[name])
    return [
        (np.array([one[0] for one in group]), np.array([one[1] for one in group]))
        for _, group in sorted(strata.items(), reverse=True)
    ]
