"""Expectation propagation against numerical integration."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from judge.aggregate.gaussian import fit_under, moments, prior_under
from judge.aggregate.margins import read
from judge.aggregate.probit import fit_labels, fit_labels_under, propagate
from judge.types import Comparison, JudgeProfile


def label(i, j, side, weight=1.0):
    won = {1: (1.0, 0.0, 0.0), 0: (0.0, 1.0, 0.0), -1: (0.0, 0.0, 1.0)}[side]
    return Comparison(i, j, *won, graded=False, weight=weight)


def approximate(n, told, profile, sweeps=10):
    data = read(n, told)
    precision, shift = prior_under(profile, n, None)
    width = np.array([profile.tie_width])
    return propagate(data, precision[None], shift[None], profile.noise_var, width, sweeps)


@pytest.mark.parametrize("side", [1, 0, -1])
@pytest.mark.parametrize("effect", [0.0, 1.5, -6.0])
@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_one_label_is_exact(side, effect, weight):
    """One comparison: the latent margin is a truncated Gaussian, and EP matches its moments."""
    profile = JudgeProfile(2.0, 1.5, effect, 0.5, tie_width=0.4)
    low, high = {1: (0.4, np.inf), 0: (-0.4, 0.4), -1: (-np.inf, -0.4)}[side]
    scale = math.sqrt(1.5 / weight)

    def likelihood(f):
        return stats.norm.cdf((high - f) / scale) - stats.norm.cdf((low - f) / scale)

    prior = stats.norm(effect, math.sqrt(2 * 2.0 + 0.5))
    bounds = (effect - 16.0, effect + 16.0)
    moment = [
        integrate.quad(lambda f, k=k: f**k * prior.pdf(f) * likelihood(f), *bounds, limit=400)[0]
        for k in range(3)
    ]
    mean = moment[1] / moment[0]
    var = moment[2] / moment[0] - mean**2
    found = approximate(2, [label(0, 1, side, weight)], profile, sweeps=30)
    row = np.array([1.0, -1.0, 1.0])
    assert row @ found.mean[0] == pytest.approx(mean, abs=1e-3)
    assert row @ found.covariance[0] @ row == pytest.approx(var, abs=1e-3)
    assert found.log_evidence[0] == pytest.approx(math.log(moment[0]), abs=1e-3)


def test_evidence_of_three_labels_is_close_to_the_integral():
    """Three items on a grid: P(labels) by brute force."""
    profile = JudgeProfile(1.0, 1.0, 0.3, tie_width=0.3)
    told = [label(0, 1, 1), label(1, 2, 0), label(2, 0, -1)]
    grid = np.linspace(-5, 5, 81)
    x = np.array(np.meshgrid(grid, grid, grid, indexing="ij")).reshape(3, -1)
    weight = stats.norm.pdf(x).prod(0) * (grid[1] - grid[0]) ** 3
    total = weight.copy()
    for c, (low, high) in zip(told, [(0.3, np.inf), (-0.3, 0.3), (-np.inf, -0.3)], strict=True):
        f = x[c.first] - x[c.second] + 0.3
        total *= stats.norm.cdf(high - f) - stats.norm.cdf(low - f)
    mean = x @ total / total.sum()
    found = approximate(3, told, profile)
    assert found.log_evidence[0] == pytest.approx(math.log(total.sum()), abs=0.02)
    assert found.mean[0, :3] == pytest.approx(mean, abs=0.02)


def test_alone_averages_over_the_spread_of_the_strengths():
    """Every variance by itself to convergence, weighted by evidence and log-normal prior."""
    rng = np.random.default_rng(4)
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j] * 2
    told = [label(i, j, int(rng.choice([1, 0, -1], p=[0.6, 0.1, 0.3]))) for i, j in pairs]
    data, n = read(6, told), 6
    scores, means, squares = [], [], []
    for v in np.geomspace(0.08, 8.0, 6):
        tied = float((data.margin == 0.0).sum()) / (len(told) + 1)
        width = stats.norm.ppf((1 + tied) / 2) * math.sqrt(1 + 2 * v)
        profile = JudgeProfile(v, 1.0, 0.0, 1.0, tie_width=width)
        found = approximate(6, told, profile, sweeps=60)
        scores.append(found.log_evidence[0] + stats.norm.logpdf(math.log(v / 0.7), scale=1.2))
        means.append(found.mean[0, :n])
        squares.append(found.covariance[0, :n, :n] + np.outer(means[-1], means[-1]))
    share = np.exp(np.array(scores) - max(scores))
    share /= share.sum()
    mean = share @ np.array(means)
    covariance = np.tensordot(share, np.array(squares), 1) - np.outer(mean, mean)
    result = fit_labels(data)
    assert result.mean == pytest.approx(1.702 * mean, abs=0.01)
    assert result.covariance == pytest.approx(1.702**2 * covariance, abs=0.02)


def test_a_tie_pulls_together_and_a_win_apart():
    profile = JudgeProfile(1.0, 0.2, 0.0, tie_width=0.3)
    base = [label(0, 1, 1), label(1, 0, -1)]
    gap = lambda told: np.subtract(*fit_labels_under(profile, read(2, told)).mean)  # noqa: E731
    assert gap([*base, label(0, 1, 0)]) < gap(base) < gap([*base, label(0, 1, 1)])


def test_graded_answers_stay_gaussian_beside_labels():
    """With labels of weight next to none, only the graded answers speak."""
    profile = JudgeProfile(1.0, 0.5, 0.2, 0.1, tie_width=0.3)
    graded = [Comparison(0, 1, 0.8, 0.0, 0.2), Comparison(1, 2, 0.6, 0.0, 0.4)]
    whisper = label(0, 2, -1, weight=1e-9)
    alone = read(3, graded)
    mixed = fit_labels_under(profile, read(3, [*graded, whisper]))
    plain = fit_under(profile, alone, moments(alone))
    assert mixed.mean == pytest.approx(plain.mean, abs=1e-3)
    assert mixed.covariance == pytest.approx(plain.covariance, abs=1e-3)


def test_many_contradicting_labels_converge():
    """All pairs won by both sides many times, one item beaten a hundred times."""
    told = [label(i, j, side) for i, j in itertools.permutations(range(5), 2) for side in (1, -1)]
    told += [label(0, 4, 1)] * 100
    profile = JudgeProfile(4.0, 1.0, 0.0, 1.0, tie_width=0.0)
    short, long = (fit_labels_under(profile, read(5, told), sweeps=k) for k in (10, 60))
    assert np.isfinite(long.mean).all()
    assert short.mean == pytest.approx(long.mean, abs=0.02)
