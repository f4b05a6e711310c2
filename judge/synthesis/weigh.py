"""Weights of criteria, learned from labelled pairs or from human ratings.

No weight is below 0: a rubric cannot count a criterion against a response. What the data would
count so is given 0 and named as misleading. Fitted weights are set against equal ones on pairs that
were not fitted, and have to beat them to be called better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.statistics import IntArray, PairedTest, cluster_codes, paired_test
from judge.synthesis.evidence import check_leads, check_names, rightness
from judge.synthesis.nonnegative import BoolArray, logistic, logistic_slopes, quadratic
from judge.types import FloatArray, Record

STRENGTHS = (0.1, 1.0, 10.0, 100.0)
"""Of regularisation, tried by cross-validation."""
LEVEL = 0.05
"""Fitted weights are better than equal ones below this p-value."""
RIDGE = 1e-9
"""Added to the least squares, relative to the largest diagonal, so that copies share a weight."""


class WeightFit(Record, frozen=True):
    """Weights of criteria from labelled pairs, and whether they are worth having."""

    weights: Mapping[str, float]
    """>= 0 where wanted; the mean of those that are not 0 is 1 (of their sizes)."""
    misleading: tuple[str, ...]
    """Held at 0: given the others, they point to the worse response. Half of those that know
    nothing come out so by chance; `select.signals` tells them apart."""
    coverage: Mapping[str, float]
    """Share of the pairs in which the criterion was judged."""
    fitted: float | None
    """Accuracy in [0, 1] of fitted weights on pairs held out; None where nothing could be."""
    equal: float | None
    """Accuracy of equal weights on the same pairs."""
    test: PairedTest
    """Of fitted against equal, on the pairs held out."""
    better_than_equal: bool
    """Fitted weights were right more often on pairs held out, p < .05, and are not all 0. If not,
    use equal ones."""
    strength: float
    """Of the regularisation."""
    n: int
    """Pairs with a lead on one criterion or more; only these are fitted and tested."""


class AttributeFit(Record, frozen=True):
    """Weights of criteria from ratings of single responses."""

    weights: Mapping[str, float]
    """Points of the rating that the whole scale of a criterion is worth, >= 0."""
    intercept: float | None
    """The rating expected of a response with 0 on all criteria; None without ratings."""
    misleading: tuple[str, ...]
    """Held at 0: given the others, a higher value goes with a lower rating."""
    r2: float | None
    """Share of the ratings' variance predicted on rows held out, at most 1; below 0: worse than
    their mean. None where nothing can be held out or all ratings are equal."""
    n: int
    """Rows with a rating."""


def fit_weights(
    leads: npt.ArrayLike,
    criteria: Sequence[str],
    *,
    strength: float | None = None,
    signs: Sequence[bool] | None = None,
    clusters: Sequence[str] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> WeightFit:
    """The weights under which the better response wins most credibly.

    Minimises sum_p log(1 + exp(-w . lead_p)) + strength |w|^2 / 2: a logistic regression of "the
    better one wins" on the leads. Each pair stands for its mirror too (leads and label negated),
    which is why there is no intercept. A missing lead adds nothing to either side.

    The accuracies are of weights fitted without the pair's fold; a strength is chosen, by the
    log-loss on folds of what is left, without it as well. The folds share most of what they are
    fitted on, which makes the test a little too sure: with shuffled labels it says "better" in up
    to 6 % of runs, not 5 %.

    Args:
        leads: [P, K], in [-1, 1], above 0 where the criterion ranks the pair as labelled; NaN =
            missing.
        criteria: [K] ids.
        strength: > 0; None: the best of `STRENGTHS` by cross-validation.
        signs: [K], whether the weight must be >= 0; None: all of them.
        clusters: [P], such as the prompt of each pair: a cluster is held out as a whole, and is one
            item of the test. None: every pair on its own.
        folds: >= 2; no more than there are clusters are made.
        seed: Of the folds and the test. Where clusters are given the order of the pairs does not
            matter.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    table = check_leads(leads, criteria)
    bounded = np.ones(len(criteria), dtype=np.bool_) if signs is None else np.array(signs)
    if bounded.dtype != np.bool_ or bounded.shape != (len(criteria),):
        raise ConfigError(f"signs: need a truth value for each of {len(criteria)} criteria")
    if strength is not None and not 0.0 < strength < math.inf:
        raise ConfigError(f"strength: {strength} is not a finite number > 0")
    _check_folds(folds)
    known = ~np.isnan(table)
    rows = known.any(1)
    x = np.where(known, table, 0.0)[rows]
    codes = cluster_codes(clusters, len(table))[rows]

    def choose(at: IntArray) -> float:
        return strength or _strength(x[at], bounded, _folds(codes[at], folds, seed))

    scores = np.full(len(x), math.nan)
    for inside, outside in _folds(codes, folds, seed):
        scores[outside] = x[outside] @ logistic(x[inside], bounded, choose(inside))
    used = choose(np.arange(len(x)))
    weights = logistic(x, bounded, used)
    plain = np.where(np.isnan(scores), math.nan, x.sum(1))
    right, even = ([rightness(lead) for lead in side.tolist()] for side in (scores, plain))
    test = paired_test(right, even, clusters=[str(code) for code in codes], seed=seed)
    size = abs(weights[weights != 0.0])
    scaled = weights / size.mean() if len(size) else weights
    slopes = logistic_slopes(x, weights, used)
    coverage = known.sum(0) / max(1, len(table))
    return WeightFit(
        dict(zip(criteria, scaled.tolist(), strict=True)),
        _misleading(criteria, bounded, weights, slopes),
        dict(zip(criteria, coverage.tolist(), strict=True)),
        _mean(right),
        _mean(even),
        test,
        len(size) > 0 and test.p_value < LEVEL,
        used,
        len(x),
    )


def attribute_weights(
    table: npt.ArrayLike,
    ratings: npt.ArrayLike,
    criteria: Sequence[str],
    *,
    clusters: Sequence[str] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> AttributeFit:
    """Weights under which the criteria's values explain human ratings of single responses.

    Least squares with an intercept and weights >= 0, as an overall rating is regressed on
    attributes such as HelpSteer2's (arXiv 2406.08673). A missing value is taken to be the mean of
    its criterion.

    Args:
        table: [N, K], values of responses, in [0, 1] along each criterion's scale; NaN = missing.
        ratings: [N], in points of any scale, higher = better; NaN = missing.
        criteria: [K] ids.
        clusters: [N], such as the prompt of each response: held out as a whole. None: every
            response on its own.
        folds: >= 2; no more than there are clusters are made.
        seed: Of the folds.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    check_names(criteria)
    values, rated = np.array(table, dtype=np.float64), np.array(ratings, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(criteria) or np.isinf(values).any():
        raise ConfigError(f"table: need finite numbers or NaN, [responses, {len(criteria)}]")
    if rated.shape != (len(values),) or np.isinf(rated).any():
        raise ConfigError(f"ratings: need a finite number or NaN for each of {len(values)} rows")
    _check_folds(folds)
    rows = ~np.isnan(rated)
    values, rated = values[rows], rated[rows]
    codes = cluster_codes(clusters, len(rows))[rows]
    bounded = np.ones(len(criteria), dtype=np.bool_)
    if not len(rated):
        return AttributeFit(dict.fromkeys(criteria, 0.0), None, (), None, 0)
    missed = spread = 0.0
    for inside, outside in _folds(codes, folds, seed):
        weights, means, _ = _least_squares(values[inside], rated[inside])
        level = rated[inside].mean()
        guess = level + np.where(np.isnan(x := values[outside]), 0.0, x - means) @ weights
        missed += float(((rated[outside] - guess) ** 2).sum())
        spread += float(((rated[outside] - level) ** 2).sum())
    weights, means, slopes = _least_squares(values, rated)
    return AttributeFit(
        dict(zip(criteria, weights.tolist(), strict=True)),
        float(rated.mean() - means @ weights),
        _misleading(criteria, bounded, weights, slopes),
        1.0 - missed / spread if spread > 1e-12 else None,
        len(rated),
    )


def _least_squares(
    values: FloatArray, rated: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights, the criteria's means, and the slopes at the weights, all [K]."""
    known = ~np.isnan(values)
    means = np.where(known, values, 0.0).sum(0) / np.maximum(1, known.sum(0))
    centred = np.where(known, values - means, 0.0)
    matrix, target = centred.T @ centred, centred.T @ (rated - rated.mean())
    matrix += RIDGE * (matrix.diagonal().max(initial=0.0) or 1.0) * np.eye(len(matrix))
    zeros = np.zeros(len(target))
    weights = quadratic(matrix, target, zeros == 0.0, zeros)
    return weights, means, target - matrix @ weights


def _strength(
    x: FloatArray, bounded: BoolArray, folds: Sequence[tuple[IntArray, IntArray]]
) -> float:
    """The strength with the lowest log-loss on pairs held out, the strongest of equals."""
    if not folds:
        return 1.0

    def loss(strength: float) -> float:
        scores = [x[outside] @ logistic(x[inside], bounded, strength) for inside, outside in folds]
        return float(np.logaddexp(0.0, -np.concatenate(scores)).sum())

    return min(sorted(STRENGTHS, reverse=True), key=loss)


def _folds(codes: IntArray, folds: int, seed: int) -> list[tuple[IntArray, IntArray]]:
    """Rows to fit and rows held out, fold by fold; none where there are not two clusters."""
    names, at = np.unique(codes, return_inverse=True)
    count = min(folds, len(names))
    if count < 2:
        return []
    fold = (np.random.default_rng(seed).permutation(len(names)) % count)[at]
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count)]


def _misleading(
    criteria: Sequence[str], bounded: BoolArray, weights: FloatArray, slopes: FloatArray
) -> tuple[str, ...]:
    held = bounded & (weights == 0.0) & (slopes < -1e-6)
    return tuple(name for name, is_held in zip(criteria, held, strict=True) if is_held)


def _mean(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return math.fsum(known) / len(known) if known else None


def _check_folds(folds: int) -> None:
    if folds < 2:
        raise ConfigError(f"folds: {folds} is not a number of folds >= 2")
