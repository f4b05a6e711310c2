"""Methods that turn tables of wins and ties into ratings of models.

All but `elo` take stacks of tables, [..., n, n], and return ratings, [..., n]. `wins[i, j]` is the
weight of i's wins over j; `ties` is symmetric; a tie is half a win for either where a method does
not model ties.

Numpy alone, with evalica and choix as the tests' oracles: of evalica 0.4.2, `newman` oscillates on
chains, `eigen` ranks by losses, `eigen` and `pagerank` always report the limit as their number of
iterations, and `elo` multiplies the outcome by the weight instead of the step.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from judge.aggregate.games import BoolArray, Games
from judge.aggregate.soft_condorcet import soft_condorcet
from judge.errors import ConfigError
from judge.types import FloatArray

Method = Literal[
    "bradley_terry", "newman", "elo", "average_win_rate", "eigen", "pagerank", "soft_condorcet"
]

MEAN = 1000.0
SCALE = 400.0
"""A difference of SCALE Elo points is odds of 10 : 1."""
POINT = SCALE / math.log(10.0)
"""Elo points a logit."""
NEEDS_PRIOR = frozenset({"bradley_terry", "newman", "eigen"})
"""Methods without a usable estimate where a group of models is unbeaten."""
SETTLED = 1e-7
"""Newton steps shorter than this, in logits, end the search: what is left is their square."""
STEPS = 100
LONGEST = 3.0
"""The longest Newton step, in logits."""


class Settings(NamedTuple):
    """What the methods can be told; `leaderboard` says what each is."""

    prior: float
    k: float
    damping: float
    temperature: float


def rate(method: Method, wins: FloatArray, ties: FloatArray, settings: Settings) -> FloatArray:
    """Ratings, [..., n], by any method but `elo`.

    Raises:
        ConfigError: The method found no estimate.
    """
    if method in NEEDS_PRIOR:
        met = (wins + wins.swapaxes(-1, -2) + ties) > 0.0
        wins = wins + settings.prior / 2.0 * met
    match method:
        case "bradley_terry":
            return bradley_terry(wins, ties)
        case "newman":
            return newman(wins, ties)
        case "average_win_rate":
            return average_win_rate(wins, ties)
        case "eigen":
            return eigen(wins, ties)
        case "pagerank":
            return pagerank(wins, ties, settings.damping)
        case _:
            return soft_condorcet(wins + ties / 2.0, settings.temperature)


def bradley_terry(wins: FloatArray, ties: FloatArray) -> FloatArray:
    """Maximum-likelihood strengths of P(i beats j) = 1 / (1 + 10^((r_j - r_i) / 400)).

    Bradley & Terry 1952; Elo points, mean 1000. Finite where no group of models is `unbeaten`.

    Raises:
        ConfigError: There is no finite maximum.
    """
    return _points(_strengths(wins + ties / 2.0, np.zeros_like(ties)))


def newman(wins: FloatArray, ties: FloatArray) -> FloatArray:
    """As `bradley_terry`, with a probability of ties that is estimated too.

    P(i beats j) : P(tie) : P(j beats i) = p_i : 2 v sqrt(p_i p_j) : p_j (Davidson 1970; Newman
    2023, JMLR 24). Elo points, mean 1000: r = 400 log10 p.

    Raises:
        ConfigError: There is no finite maximum.
    """
    return _points(_strengths(wins, ties))


def elo(games: Games, k: float) -> FloatArray:
    """Elo points, [n], after all games in the order given, from 1000 each; the mean stays 1000.

    r += k * weight * (outcome - 1 / (1 + 10^((r_other - r) / 400))), Elo 1978. The order matters
    by definition: later games count more.
    """
    rating = [MEAN] * len(games.names)
    columns = (games.first, games.second, games.outcome, k * games.weight)
    for i, j, outcome, size in zip(*(column.tolist() for column in columns), strict=True):
        odds = 10.0 ** min((rating[j] - rating[i]) / SCALE, 300.0)
        gain = size * (outcome - 1.0 / (1.0 + odds))
        rating[i] += gain
        rating[j] -= gain
    return np.array(rating)


def average_win_rate(wins: FloatArray, ties: FloatArray) -> FloatArray:
    """Mean over the opponents met of the share won against each; NaN where there are none."""
    met = wins + wins.swapaxes(-1, -2) + ties
    share = (wins + ties / 2.0) / np.where(met > 0.0, met, 1.0)
    opponents = (met > 0.0).sum(-1)
    rate: FloatArray = share.sum(-1) / np.where(opponents > 0, opponents, np.nan)
    return rate


def eigen(wins: FloatArray, ties: FloatArray) -> FloatArray:
    """Shares of 1 in proportion to sum_j scores_ij * share_j: wins over the strong count more.

    The Perron vector of the scores (wins + ties / 2), Kendall & Wei 1955; found by squaring the
    matrix until its columns agree, so that periodic and nearly periodic ones converge as well.
    A model that plays more gets more.
    """
    scores = wins + ties / 2.0
    n = scores.shape[-1]
    shift = np.maximum(scores.sum(-1).max(-1), np.finfo(np.float64).tiny)[..., None, None]
    power: FloatArray = scores / shift + np.eye(n)
    for _ in range(60):
        power = power @ power
        power /= power.max((-2, -1), keepdims=True)
        columns = power / np.maximum(power.sum(-2, keepdims=True), np.finfo(np.float64).tiny)
        if (np.ptp(columns, -1) <= 1e-13).all():
            break
    rating = power.sum(-1)
    share: FloatArray = rating / rating.sum(-1, keepdims=True)
    return share


def pagerank(wins: FloatArray, ties: FloatArray, damping: float) -> FloatArray:
    """Shares of 1: the time a surfer spends who moves from losers to those who beat them.

    r = damping * M r + (1 - damping) / n, where column j of M spreads j over the models that took
    points from it in proportion, and over all where none did (Brin & Page 1998). Solved exactly.
    """
    scores = wins + ties / 2.0
    n = scores.shape[-1]
    lost = scores.sum(-2, keepdims=True)
    move = np.where(lost > 0.0, scores / np.where(lost > 0.0, lost, 1.0), 1.0 / n)
    start = np.full((*scores.shape[:-1], 1), (1.0 - damping) / n)
    return np.asarray(np.linalg.solve(np.eye(n) - damping * move, start)[..., 0])


def _points(strength: FloatArray) -> FloatArray:
    points: FloatArray = MEAN + POINT * (strength - strength.mean(-1, keepdims=True))
    return points


def _strengths(wins: FloatArray, ties: FloatArray) -> FloatArray:
    """Log-strengths that maximise Davidson's likelihood (Bradley-Terry's without ties), [..., n].

    Newton's method on the strengths and log(2 v); the likelihood is concave in both.
    """
    n = wins.shape[-1]
    free = (ties.sum((-2, -1)) > 0.0) & (wins.sum((-2, -1)) > 0.0)
    strength = np.zeros(wins.shape[:-1])
    tie = np.where(ties.sum((-2, -1)) > 0.0, 0.0, -np.inf)
    value, gradient, curvature = _derivatives(strength, tie, wins, ties, free)
    for _ in range(STEPS):
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        longest = np.abs(step).max(-1, keepdims=True)
        step *= np.minimum(1.0, LONGEST / np.maximum(longest, SETTLED))
        size, before = np.ones(value.shape), value
        for _ in range(30):
            move = size[..., None] * step
            new, new_tie = strength + move[..., :n], tie + move[..., n]
            value, gradient, curvature = _derivatives(new, new_tie, wins, ties, free)
            better = value >= before - 1e-9 * np.abs(before)
            if better.all():
                break
            size = np.where(better, size, size / 2.0)
        strength, tie = new, new_tie
        if float(longest.max()) < SETTLED:
            return strength
    raise ConfigError(
        f"prior: the likelihood has no maximum that {STEPS} steps reach",
        hint="use prior=0.1 or more",
    )


def _derivatives(
    strength: FloatArray, tie: FloatArray, wins: FloatArray, ties: FloatArray, free: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The log-likelihood, [...], its gradient, [..., n + 1], and minus its Hessian.

    The last parameter is log(2 v); where it is not `free` it stays put. A pair is a choice of
    three with the logits x / 2, -x / 2 and log(2 v), x being the difference of the strengths.
    """
    n = wins.shape[-1]
    met = wins + wins.swapaxes(-1, -2) + ties
    half = (strength[..., :, None] - strength[..., None, :]) / 2.0
    logit = np.broadcast_to(tie[..., None, None], half.shape)
    total = np.logaddexp(np.logaddexp(half, -half), logit)
    win, draw = np.exp(half - total), np.exp(logit - total)
    lead = win - win.swapaxes(-1, -2)
    surplus = (wins - wins.swapaxes(-1, -2) - met * lead) / 2.0
    drawn = ties * np.where(ties > 0.0, logit - total, 0.0)
    value = (wins * (half - total) + drawn / 2.0).sum((-2, -1))
    spread = met * (1.0 - draw - lead * lead) / 4.0
    curvature = np.zeros((*value.shape, n + 1, n + 1))
    curvature[..., :n, :n] = -spread
    every = np.arange(n)
    own = spread.sum(-1) - spread[..., every, every]
    # The mean is free, and so is a model without games: both are held where they are.
    curvature[..., every, every] = own + 1e-12 * own.max(-1, keepdims=True)
    curvature[..., :n, :n] += (own.mean(-1) / n)[..., None, None]
    cross = np.where(free[..., None], -(met * lead * draw).sum(-1) / 2.0, 0.0)
    curvature[..., :n, n] = curvature[..., n, :n] = cross
    curvature[..., n, n] = np.where(free, (met * draw * (1.0 - draw)).sum((-2, -1)) / 2.0, 1.0)
    more = np.where(free, (ties - met * draw).sum((-2, -1)) / 2.0, 0.0)
    gradient = np.concatenate([surplus.sum(-1), more[..., None]], -1)
    return value, gradient, curvature
