"""How the criteria of a run go together with each other and with the reward.

All is computed from deviations: a worth less the mean of its group, or less the whole mean where
every group has one response. Sums are taken over some thousand responses at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from judge.synthesis.verdict_columns import Columns, IntArray, indices, numbers
from judge.types import FloatArray, Record

_CHUNK = 8192
_NOTHING = 1e-12
"""A sum of squares this small is none."""


class Relations(Record, frozen=True):
    """What was found."""

    nearest: Mapping[str, tuple[str, float]]
    """By criterion: the one it is most correlated with (either sign), and Pearson's r."""
    shares: Mapping[str, float]
    """By criterion: b cov(worth, reward) / var(reward), with b from least squares of the reward on
    all worths (Pratt 1987). A verdict that is missing counts as its group's mean. Criteria that say
    the same share alike."""
    explained: float | None
    """Sum of the shares: R^2 of the reward on the criteria."""
    between: Mapping[tuple[str, str], float] = {}
    """Pearson's r of each two criteria, the one that appeared first named first; two that have too
    little in common, or of which one never varies, are not in it."""


def _deviations(values: FloatArray, groups: IntArray, within: bool) -> FloatArray:
    """Values less their group's mean (the whole mean if not `within`); NaN for a group of one."""
    if not within:
        whole: FloatArray = values - values.mean()
        return whole
    _, place = np.unique(groups, return_inverse=True)
    counts = np.bincount(place)
    means: FloatArray = np.where(counts > 1, np.bincount(place, values) / counts, np.nan)
    less: FloatArray = values - means[place]
    return less


Centred = list[tuple[IntArray, FloatArray]]
"""By criterion: responses, ascending, and the deviations of their worths."""


def _centred(columns: Columns, names: list[str]) -> Centred:
    group_of, within = indices(columns.group_of), len(columns.reward) > columns.groups
    table = []
    for name in names:
        at, worth = indices(columns.by_id[name].at), numbers(columns.by_id[name].worth)
        deviations = _deviations(worth, group_of[at], within)
        known = np.isfinite(deviations)
        table.append((at[known], deviations[known]))
    return table


def _blocks(table: Centred, n: int) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
    """Rows of responses x criteria, and which of them are known, some thousand rows at a time."""
    for start in range(0, n, _CHUNK):
        stop = min(n, start + _CHUNK)
        x, known = np.zeros((2, stop - start, len(table)))
        for k, (at, deviations) in enumerate(table):
            low, high = np.searchsorted(at, (start, stop))
            x[at[low:high] - start, k] = deviations[low:high]
            known[at[low:high] - start, k] = 1.0
        yield slice(start, stop), x, known


def relations(columns: Columns, *, least: int) -> Relations:
    """Relate every criterion to the others and to the reward.

    Args:
        columns: The verdicts.
        least: Fewest responses two criteria must share to be correlated.
    """
    names = [name for name, column in columns.by_id.items() if column.at]
    table = _centred(columns, names)
    k, reward = len(names), numbers(columns.reward)
    rated = np.flatnonzero(np.isfinite(reward))
    y = np.full(len(reward), np.nan)
    if len(rated):
        groups, within = indices(columns.group_of)[rated], len(reward) > columns.groups
        y[rated] = _deviations(reward[rated], groups, within)
    n, sums, squares, products = np.zeros((4, k, k))
    inner, outer, total = np.zeros((k, k)), np.zeros(k), 0.0
    for rows, x, known in _blocks(table, len(reward)):
        n += known.T @ known
        sums += x.T @ known
        squares += (x * x).T @ known
        products += x.T @ x
        here = np.isfinite(y[rows])
        inner += x[here].T @ x[here]
        outer += x[here].T @ y[rows][here]
        total += float(y[rows][here] @ y[rows][here])
    spread = np.maximum(0.0, squares - sums * sums / np.maximum(n, 1.0))
    scale = np.sqrt(spread * spread.T)
    usable = (n >= least) & (spread > _NOTHING) & (spread.T > _NOTHING) & ~np.eye(k, dtype=bool)
    r = np.where(usable, (products - sums * sums.T / np.maximum(n, 1.0)) / (scale + ~usable), 0.0)
    r = np.clip(r, -1.0, 1.0)
    upper = zip(*np.nonzero(np.triu(usable)), strict=True)
    between = {(names[i], names[j]): float(r[i, j]) for i, j in upper}
    near = {}
    for at, name in enumerate(names):
        if usable[at].any():
            best = int(np.abs(r[at]).argmax())
            near[name] = (names[best], float(r[at, best]))
    if total <= _NOTHING or not k:
        return Relations(near, {}, None, between)
    slopes = np.linalg.pinv(inner, rcond=1e-10, hermitian=True) @ outer
    shares = slopes * outer / total
    told = dict(zip(names, shares.tolist(), strict=True))
    return Relations(near, told, float(shares.sum()), between)
