"""Soft Condorcet Optimization: ratings that mispredict the fewest comparisons, smoothly."""

from __future__ import annotations

import numpy as np

from judge.errors import ConfigError
from judge.types import FloatArray

TOP = 1000.0
"""Ratings lie in [0, TOP], as in the reference implementation."""
START = 400.0
"""Off the middle: from there, data that mirror themselves would lead to a saddle point, which only
rounding errors leave."""
SPREAD = 4.0
"""Temperatures of room that each model has in [0, TOP] by default."""
SHRINK = 0.7
INNER = 5
"""The temperature falls from TOP by the factor SHRINK every INNER steps."""
LONGEST = 2.0
"""The longest step, in temperatures."""
STEPS = 1000
SETTLED = 1e-7
"""The search ends when no rating moves further than this."""
NOISE = 1e-12
"""A sum this small beside its terms is 0: models in a symmetric cycle stay equal."""


def default_temperature(n: int) -> float:
    """The temperature at which n models have room to differ, in rating points."""
    return TOP / (SPREAD * n)


def soft_condorcet(scores: FloatArray, temperature: float) -> FloatArray:
    """Ratings in [0, 1000] that minimise a smooth count of mispredicted comparisons.

    The loss is sum_ij scores_ij * sigmoid((r_j - r_i) / temperature) (Lanctot et al. 2024, arXiv
    2411.00119), which tends to the Kemeny-Young loss as the temperature falls. A model that wins
    a majority against every other has the highest rating, which Elo and Bradley-Terry do not
    promise. The loss is not convex: all models start at 400 and the temperature falls from 1000,
    which is deterministic, and finds a good optimum but not always the best. Only margins count:
    a tie changes nothing.

    Each step divides the gradient by the Laplacian with weights |margin| * slope of the sigmoid,
    which is at least the curvature: it descends, and moves groups of models at once. It is
    clipped to the box, and halved until the loss does not rise.

    Args:
        scores: What i took from j (wins + ties / 2), [..., n, n].
        temperature: In rating points, > 0.

    Returns:
        Ratings, [..., n]. With no margins at all they are all 400.

    Raises:
        ConfigError: The search did not settle.
    """
    margin = scores - scores.swapaxes(-1, -2)
    scale = np.abs(margin).max((-2, -1), keepdims=True)
    margin = margin / np.where(scale > 0.0, scale, 1.0)
    rating = np.full(margin.shape[:-1], START)
    now = max(TOP, temperature)
    for step in range(1, STEPS + 1):
        new = _climb(rating, margin, now)
        moved = float(np.abs(new - rating).max(initial=0.0))
        rating = new
        if now == temperature and moved < SETTLED:
            return rating
        if step % INNER == 0:
            now = max(temperature, now * SHRINK)
    raise ConfigError(
        f"temperature: no optimum found in {STEPS} steps at {temperature:g}",
        hint="use a higher temperature",
    )


def _climb(rating: FloatArray, margin: FloatArray, temperature: float) -> FloatArray:
    """The ratings after one step; the loss is no larger than before."""
    agreement, slope = _agreement(rating, margin, temperature)
    pull = margin * slope
    gradient = pull.sum(-1)
    weight = np.abs(pull)
    total = weight.sum(-1)
    gradient[np.abs(gradient) <= NOISE * total] = 0.0
    free = ~(((rating >= TOP) & (gradient > 0.0)) | ((rating <= 0.0) & (gradient < 0.0)))
    curvature = np.where(free[..., :, None] & free[..., None, :], -weight, 0.0)
    every = np.arange(rating.shape[-1])
    # A little more than the sum: the Laplacian alone does not fix the mean of the free ratings.
    curvature[..., every, every] = np.where(free & (total > 0.0), total * (1.0 + 1e-6), 1.0)
    wanted = np.where(free, gradient, 0.0)[..., None]
    step = temperature * np.linalg.solve(curvature, wanted)[..., 0]
    longest = np.abs(step).max(-1, keepdims=True, initial=0.0)
    step *= np.minimum(1.0, LONGEST * temperature / np.maximum(longest, SETTLED))
    size = np.ones(rating.shape[:-1])
    for _ in range(30):
        new = np.clip(rating + size[..., None] * step, 0.0, TOP)
        better = _agreement(new, margin, temperature)[0] >= agreement - NOISE * np.abs(agreement)
        if better.all():
            break
        size = np.where(better, size, size / 2.0)
    return new


def _agreement(
    rating: FloatArray, margin: FloatArray, temperature: float
) -> tuple[FloatArray, FloatArray]:
    """A constant minus the loss, [...], and the sigmoid's slope at every pair, [..., n, n]."""
    gap = (rating[..., :, None] - rating[..., None, :]) / temperature
    small = np.exp(-np.abs(gap))
    likely = 1.0 / (1.0 + small)
    value: FloatArray = (margin * np.copysign(likely - 0.5, gap)).sum((-2, -1)) / 2.0
    slope: FloatArray = small * likely * likely
    return value, slope
