"""Two convex problems with weights that must not fall below 0."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from judge.types import FloatArray

BoolArray = npt.NDArray[np.bool_]

TOLERANCE = 1e-9
"""A slope this small is none, relative to the largest there was (or 1)."""
SETTLED = 1e-12
"""A Newton step that would gain less is the last."""
STEPS = 100
"""Newton steps at most; fewer than ten are usual."""


def logistic(leads: FloatArray, bounded: BoolArray, strength: float) -> FloatArray:
    """The w that minimises sum_p log(1 + exp(-w . lead_p)) + strength |w|^2 / 2, by Newton steps.

    Args:
        leads: [P, K], none missing.
        bounded: [K], whether the weight must be >= 0.
        strength: > 0.
    """

    def loss(at: FloatArray) -> float:
        return float(np.logaddexp(0.0, -(leads @ at)).sum() + strength * at @ at / 2.0)

    weights = np.zeros(leads.shape[1])
    for _ in range(STEPS):
        slopes, doubt = logistic_slopes(leads, weights, strength), _doubt(leads @ weights)
        curvature = (leads.T * (doubt * (1.0 - doubt))) @ leads + strength * np.eye(len(weights))
        aim = quadratic(curvature, slopes + curvature @ weights, bounded, weights)
        gain = float(slopes @ (aim - weights))
        if gain <= SETTLED:
            return aim
        share, here = 1.0, loss(weights)
        while share > SETTLED and loss(weights + share * (aim - weights)) > here - share * gain / 4:
            share /= 2.0
        weights = aim if share == 1.0 else weights + share * (aim - weights)
    return weights


def logistic_slopes(leads: FloatArray, weights: FloatArray, strength: float) -> FloatArray:
    """How fast the logistic objective falls as each weight grows, [K]."""
    slopes: FloatArray = leads.T @ _doubt(leads @ weights) - strength * weights
    return slopes


def quadratic(
    matrix: FloatArray, target: FloatArray, bounded: BoolArray, start: FloatArray
) -> FloatArray:
    """The w that minimises w.Aw / 2 - b.w with w_k >= 0 where bounded (Lawson-Hanson 1974, ch. 23).

    Args:
        matrix: A, [K, K], positive definite.
        target: b, [K].
        bounded: [K].
        start: [K], inside the bounds; near the answer saves steps.

    Returns:
        [K]; what is held at its bound is exactly 0.
    """
    weights, free = start.copy(), ~bounded | (start > 0.0)
    least = TOLERANCE * abs(target).max(initial=1.0)
    for _ in range(STEPS + 10 * len(target)):
        aim = np.zeros(len(target))
        aim[free] = np.linalg.solve(matrix[np.ix_(free, free)], target[free])
        below = free & bounded & (aim <= 0.0)
        if below.any():
            # only as far as the first weight that reaches 0, which stays there
            way = np.full(len(target), math.inf)
            way[below] = weights[below] / np.maximum(weights[below] - aim[below], 1e-300)
            weights = np.where(way > way.min(), weights + way.min() * (aim - weights), 0.0)
            free &= way > way.min()
            continue
        weights = aim
        slopes = np.where(free, 0.0, target - matrix @ weights)
        if not len(slopes) or slopes.max() <= least:
            break
        free[slopes.argmax()] = True
    return weights


def _doubt(scores: FloatArray) -> FloatArray:
    """1 / (1 + exp(score)) without overflow."""
    result: FloatArray = (1.0 - np.tanh(scores / 2.0)) / 2.0
    return result
