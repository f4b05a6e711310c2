"""Probability maps and order effects, fitted on probabilities and what happened."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from judge.calibration import MapKind, ProbabilityMap, expit, logit
from judge.metaeval.reliability import checked
from judge.types import FloatArray

RIDGE = 1.0
"""Weight of the prior on log slope and intercept, of a normal of standard deviation 1 logit: keeps
the maps of separable data finite."""
STEPS = 100
CLOSE = 1e-10
"""A step of Newton's method smaller than this is the last one."""


def fit_map(
    p: npt.ArrayLike, happened: npt.ArrayLike, kind: MapKind, *, mirrored: bool = False
) -> ProbabilityMap:
    """The map of one kind by penalised maximum likelihood; isotonic by least squares.

    Args:
        p: [n], in [0, 1].
        happened: [n], 0 or 1.
        kind: Of the map.
        mirrored: Each event is also counted the other way round, 1 - p and 1 - y, so that the map
            is symmetric: for pairs, whose first and second have no other meaning.

    Raises:
        ConfigError: A number is outside [0, 1], or the lists are empty or of different lengths.
    """
    stated, events = checked(p, happened)
    if mirrored:
        stated = np.concatenate((stated, 1.0 - stated))
        events = np.concatenate((events, 1.0 - events))
    if kind == "identity":
        return ProbabilityMap()
    if kind == "isotonic":
        return ProbabilityMap("isotonic", knots=_isotonic_knots(stated, events))
    slope, intercept = _logistic(logit(stated), events, intercept=kind == "platt")
    return ProbabilityMap(kind, slope, intercept)


def fit_order_effect(share: npt.ArrayLike, first_better: npt.ArrayLike) -> float:
    """Logits that being shown first adds: b of logit P(first better) = a * (logit p - b).

    By penalised maximum likelihood; 0 where the judge's probabilities do not rise with the truth,
    since then nothing can be said. The better response must be shown first no more often than
    second, or the effect holds the imbalance too; ask both orders.

    Raises:
        ConfigError: As `fit_map`.
    """
    stated, events = checked(share, first_better)
    slope, intercept = _logistic(logit(stated), events, intercept=True)
    return -intercept / slope if slope > 0.05 else 0.0


def _logistic(x: FloatArray, y: FloatArray, *, intercept: bool) -> tuple[float, float]:
    """Slope >= 0 and intercept of logit P(y) = slope * x + intercept, slope near 1 a priori.

    The penalised loss is convex: where its minimum has a slope below 0, the one on the edge has 0.
    """
    slope, shift = _lowest(x, y, (True, intercept))
    return (slope, shift) if slope >= 0.0 else _lowest(x, y, (False, intercept))


def _lowest(x: FloatArray, y: FloatArray, free: tuple[bool, bool]) -> tuple[float, float]:
    """Where the penalised loss is lowest, by Newton's steps; what is not free is 0."""
    slope, shift = float(free[0]), 0.0
    now = _loss(x, y, slope, shift)
    for _ in range(STEPS):
        p = expit(slope * x + shift)
        error, weight = p - y, p * (1.0 - p)
        pull = (error * x).sum() + RIDGE * (slope - 1.0), error.sum() + RIDGE * shift
        a, b, c = (weight * x * x).sum() + RIDGE, (weight * x).sum(), weight.sum() + RIDGE
        if free == (True, True):
            whole = a * c - b * b
            move = (c * pull[0] - b * pull[1]) / whole, (a * pull[1] - b * pull[0]) / whole
        else:
            move = free[0] * pull[0] / a, free[1] * pull[1] / c
        size = 1.0
        while size > CLOSE:
            then = _loss(x, y, slope - size * move[0], shift - size * move[1])
            if then <= now:
                break
            size /= 2.0
        else:
            break  # no step is lower: this is the lowest there is in these numbers
        slope, shift, now = slope - size * move[0], shift - size * move[1], then
        if size * max(abs(move[0]), abs(move[1])) < CLOSE:
            break
    return float(slope), float(shift)


def _loss(x: FloatArray, y: FloatArray, slope: float, shift: float) -> float:
    line = slope * x + shift
    value = float((np.logaddexp(0.0, line) - y * line).sum())
    return value + 0.5 * RIDGE * ((slope - 1.0) ** 2 + shift**2)


def _isotonic_knots(p: FloatArray, y: FloatArray) -> tuple[tuple[float, float], ...]:
    """The rising step function of least squares (pool adjacent violators), at each distinct p.

    Each block's mean is drawn towards 1/2 by one pseudo-event, so that no block says 0 or 1.
    """
    from scipy.optimize import isotonic_regression

    x, codes = np.unique(p, return_inverse=True)
    weight = np.bincount(codes).astype(np.float64)
    fitted = isotonic_regression(np.bincount(codes, y) / weight, weights=weight).x
    _, block = np.unique(fitted, return_inverse=True)
    size = np.bincount(block, weight)[block]
    softened = isotonic_regression((fitted * size + 0.5) / (size + 1.0), weights=weight).x
    kept = _corners(softened)
    return tuple((float(a), float(b)) for a, b in zip(x[kept], softened[kept], strict=True))


def _corners(y: FloatArray) -> npt.NDArray[np.bool_]:
    """Both ends of each level run of a step function."""
    same = np.diff(y) == 0.0
    inner = np.concatenate(([False], same)) & np.concatenate((same, [False]))
    return np.asarray(~inner)
