"""Competitive Swiss dynamics: rank by simulated Swiss rounds over given pairwise outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.types import FloatArray

CHUNK = 2000
"""Simulations held in memory at once."""


class SwissScores(NamedTuple):
    """Of M items: the mean final score over the simulations, [M], and its standard error, [M]."""

    score: FloatArray
    standard_error: FloatArray


def competitive_swiss(
    wins: npt.ArrayLike,
    *,
    eliminate: int | Sequence[int] = 0,
    simulations: int = 10_000,
    seed: int = 0,
) -> SwissScores:
    """Expected win score of a Swiss contest over K rounds (CSD, arXiv 2512.21010).

    In round k the items still in are grouped by score so far and paired at random inside a group;
    the winner under `wins[:, :, k]` gets a point. The odd one of a group gets nothing. Then T_k
    random items of the lowest group are out (all of it if it is smaller) and keep their score.

    Args:
        wins: [M, M, K]: 1 where item i beats j in round k, 0 where it loses, .5 for a tie (half a
            point each), NaN where there is no verdict (nothing for either). `wins[i, j]` and
            `wins[j, i]` sum to 1; the diagonal is ignored.
        eliminate: T_k, for all rounds or one a round.
        simulations: Monte Carlo repetitions; the standard error is at most
            K / 2 / sqrt(simulations).
        seed: All draws derive from it.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    table = _check(wins)
    m, _, rounds = table.shape
    cuts = [eliminate] * rounds if isinstance(eliminate, int) else list(eliminate)
    if len(cuts) != rounds or min(cuts, default=0) < 0:
        raise ConfigError(f"eliminate: need one number >= 0, or {rounds} of them")
    if simulations < 1:
        raise ConfigError(f"simulations: {simulations} is not a number of simulations")
    rng = np.random.default_rng(seed)
    total, square = np.zeros(m), np.zeros(m)
    for start in range(0, simulations, CHUNK):
        size = min(CHUNK, simulations - start)
        score, active = np.zeros((size, m)), np.ones((size, m), dtype=np.bool_)
        for k in range(rounds):
            _play(table[:, :, k], score, active, rng)
            _cut(cuts[k], score, active, rng)
        total += score.sum(0)
        square += (score**2).sum(0)
    mean = total / simulations
    var = np.maximum(square / simulations - mean**2, 0.0)
    return SwissScores(mean, np.sqrt(var / simulations))


def failure_sensitivity(
    wins: npt.ArrayLike,
    *,
    levels: Sequence[int] = (0, 1, 2, 3),
    simulations: int = 10_000,
    seed: int = 0,
) -> FloatArray:
    """How fast each item's expected score falls as more are eliminated a round, [M].

    The least-squares slope of the expected win score on T, every round eliminating T. Steeply
    negative = a specialist that early failures throw out. (The paper profiles by varying T; that
    the profile is this slope is our reading.)
    """
    if len(set(levels)) < 2:
        raise ConfigError("levels: need at least two different ones")
    scores = [
        competitive_swiss(wins, eliminate=level, simulations=simulations, seed=seed).score
        for level in levels
    ]
    t = np.asarray(levels, dtype=np.float64) - float(np.mean(levels))
    slope: FloatArray = t @ np.array(scores) / float(t @ t)
    return slope


def _check(wins: npt.ArrayLike) -> FloatArray:
    table = np.array(wins, dtype=np.float64)
    if table.ndim != 3 or table.shape[0] != table.shape[1]:
        raise ConfigError(f"wins: the shape is {table.shape}, not [M, M, K]")
    away = ~np.eye(len(table), dtype=np.bool_)
    values, mirror = table[away], table.swapaxes(0, 1)[away]
    known = ~np.isnan(values)
    if (known != ~np.isnan(mirror)).any() or (values[known] + mirror[known] != 1.0).any():
        raise ConfigError("wins: wins[i, j] and wins[j, i] must sum to 1, or both be NaN")
    if not np.isin(values[known], (0.0, 0.5, 1.0)).all():
        raise ConfigError("wins: the values must be 0, .5, 1 or NaN")
    return np.nan_to_num(table, nan=0.0)


def _play(
    table: FloatArray,
    score: FloatArray,
    active: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> None:
    """One round in every simulation: sort by group, then pair neighbours; `score` is updated."""
    size, m = score.shape
    group = np.where(active, score, -1.0)
    order = np.lexsort((rng.random((size, m)), group), axis=1)
    sorted_group = np.take_along_axis(group, order, 1)
    change = np.ones((size, m), dtype=np.bool_)
    change[:, 1:] = sorted_group[:, 1:] != sorted_group[:, :-1]
    start = np.maximum.accumulate(np.where(change, np.arange(m), 0), axis=1)
    leads = (np.arange(m) - start) % 2 == 0
    pairs = leads[:, :-1] & ~change[:, 1:] & (sorted_group[:, :-1] >= 0.0)
    run, at = np.nonzero(pairs)
    a, b = order[run, at], order[run, at + 1]
    score[run, a] += table[a, b]
    score[run, b] += table[b, a]


def _cut(
    count: int,
    score: FloatArray,
    active: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> None:
    """Take `count` random items of the lowest group out of every simulation; updates `active`."""
    if not count:
        return
    lowest = np.where(active, score, np.inf).min(1, keepdims=True)
    draw = np.where(active & (score == lowest), rng.random(score.shape), np.inf)
    place = draw.argsort(1).argsort(1)
    active &= ~((place < count) & np.isfinite(draw))
