"""`fit_profile` finds the judge that made the comparisons."""

import asyncio
import math

import numpy as np
import pytest

from judge.aggregate import fit_profile, rank, strengths
from judge.errors import ConfigError
from judge.types import Comparison, JudgeProfile


def made(groups, calls, *, orders="one", kind="margin", n=12, seed=0, **truth):
    """Groups judged by a known judge: (profile input, seeds, strengths)."""
    t = {"v": 2.0, "s2": 1.5, "g": 0.8, "vg": 0.0, "pair": 0.0, "tie": 0.0, "sum": 3.0, **truth}
    rng = np.random.default_rng(seed)
    pool, cheap, real = [], [], []
    for k in range(groups):
        x = rng.normal(size=n) * math.sqrt(t["v"])
        g = t["g"] + rng.normal() * math.sqrt(t["vg"])
        own = rng.normal(size=(n, n)) * math.sqrt(t["pair"])
        own = np.triu(own, 1) + np.triu(own, 1).T

        async def compare(pairs, x=x, g=g, own=own):
            told = []
            for i, j in pairs:
                y = x[i] - x[j] + g + own[i, j] + rng.normal() * math.sqrt(t["s2"])
                z = 8.0 + x[i] + x[j] + rng.normal() * math.sqrt(t["sum"])
                tied = abs(y) < t["tie"]
                p = (0.0, 1.0, 0.0) if tied else (float(y > 0), 0.0, float(y < 0))
                if kind != "label":
                    q = float(1.0 / (1.0 + np.exp(-y)))
                    p = (q, 0.0, 1.0 - q)
                scores = (float(z + y) / 2, float(z - y) / 2) if kind == "scores" else None
                told.append(Comparison(i, j, *p, scores=scores, graded=kind != "label"))
            return told

        result = asyncio.run(rank(n, compare, budget=calls, orders=orders, seed=k))
        pool.append((n, result.comparisons))
        cheap.append((0.6 * x / math.sqrt(t["v"]) + 0.8 * rng.normal(size=n)).tolist())
        real.append(x)
    return pool, cheap, real


def test_graded_margins():
    pool, _, _ = made(150, 40, vg=0.3)
    found = fit_profile(pool)
    assert found.strength_var == pytest.approx(2.0, rel=0.15)
    assert found.noise_var == pytest.approx(1.5, rel=0.1)
    assert found.order_effect == pytest.approx(0.8, abs=0.15)
    assert found.order_effect_var == pytest.approx(0.3, abs=0.12)
    assert (found.sum_var, found.seed_slope, found.n_groups) == (None, 0.0, 150)
    assert found.tie_width == 0.0
    assert not found.both_orders


def test_scores_have_the_noise_of_their_sum():
    pool, _, _ = made(100, 40, kind="scores")
    found = fit_profile(pool)
    assert found.noise_var == pytest.approx(1.5, rel=0.1)
    assert found.sum_var == pytest.approx(3.0, rel=0.35)  # a grid with steps of 1.8
    assert found.strength_var == pytest.approx(2.0, rel=0.15)


@pytest.mark.parametrize("kind", ["margin", "label"])
def test_seeds_have_a_slope(kind):
    pool, cheap, _ = made(120, 60, kind=kind)
    found = fit_profile(pool, seeds=cheap)
    unit = found.noise_var / 1.5
    assert found.seed_slope == pytest.approx(0.6 * math.sqrt(2.0 * unit), rel=0.2)
    whole = found.strength_var + found.seed_slope**2
    assert whole == pytest.approx(2.0 * unit, rel=0.2)
    without = fit_profile(pool, seeds=[None] * 120)
    assert without == fit_profile(pool)
    assert without.seed_slope == 0.0


def test_labels_with_ties():
    pool, _, _ = made(120, 60, kind="label", tie=0.9)
    found = fit_profile(pool)
    unit = found.noise_var / 1.5
    assert found.noise_var == pytest.approx(1.702**2)
    assert found.strength_var == pytest.approx(2.0 * unit, rel=0.15)
    assert found.order_effect == pytest.approx(0.8 * math.sqrt(unit), rel=0.15)
    assert found.tie_width == pytest.approx(0.9 * math.sqrt(unit), rel=0.1)


def test_mixed_answers_take_the_unit_of_the_graded_ones():
    graded, _, _ = made(60, 40)
    labels, _, _ = made(60, 40, kind="label", tie=0.9, seed=1)
    mixed = [(12, [*a, *b]) for (_, a), (_, b) in zip(graded, labels, strict=True)]
    found = fit_profile(mixed)
    assert found.noise_var == pytest.approx(1.5, rel=0.15)
    assert found.tie_width == pytest.approx(0.9, rel=0.15)


def test_both_orders_pay_where_the_order_effect_varies_by_pair():
    assert not fit_profile(made(20, 60, orders="both", pair=0.0)[0]).both_orders
    assert fit_profile(made(20, 60, orders="both", pair=4.0)[0]).both_orders
    assert not fit_profile(made(1, 60, orders="both", pair=4.0)[0]).both_orders  # too few pairs
    assert not fit_profile(made(20, 60, orders="one", pair=4.0)[0]).both_orders  # cannot be known


def test_a_fitted_profile_gives_honest_intervals():
    pool, _, _ = made(60, 40, seed=1)
    profile = fit_profile(pool)
    inside = []
    for (n, told), x in zip(*made(150, 40, seed=2)[::2], strict=True):
        result = strengths(n, told, profile=profile)
        error = np.array(result.strengths) - (x - x.mean())
        inside += (abs(error) < 1.645 * np.sqrt(np.diag(result.covariance))).tolist()
    assert 0.87 < np.mean(inside) < 0.93


def test_the_order_effect_is_taken_off():
    """One pair shown only one way: with the pooled order effect the second is the better."""
    profile = JudgeProfile(2.0, 1.0, order_effect=1.5)
    told = [Comparison(0, 1, 0.7, 0.0, 0.3)]
    assert strengths(2, told).ranks == (1.0, 2.0)
    assert strengths(2, told, profile=profile).ranks == (2.0, 1.0)


def test_goes_through_json_and_digest():
    found = fit_profile(made(10, 30)[0])
    assert JudgeProfile.from_json(found.to_json()) == found
    assert fit_profile(made(10, 30)[0]).digest == found.digest


def test_groups_of_ties_only_are_usable():
    tied = [(3, [Comparison(i, j, 0.5, 0.0, 0.5) for i, j in [(0, 1), (1, 2), (2, 0)]])]
    profile = fit_profile(tied)
    assert strengths(3, tied[0][1], profile=profile).strengths == pytest.approx([0.0] * 3)
    labels = [(3, [Comparison(i, j, 0.0, 1.0, 0.0, graded=False) for i, j in [(0, 1), (1, 2)]])]
    profile = fit_profile(labels)
    assert strengths(3, labels[0][1], profile=profile).strengths == pytest.approx([0.0] * 3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: fit_profile([]), "groups"),
        (lambda: fit_profile([(4, [])]), "groups"),
        (lambda: fit_profile([(2, [Comparison(0, 3, 1.0, 0.0, 0.0)])]), "comparisons"),
        (lambda: fit_profile([(2, [Comparison(0, 1, 1.0, 0.0, 0.0)])], seeds=[]), "seeds"),
        (lambda: fit_profile([(2, [Comparison(0, 1, 1.0, 0.0, 0.0)])], seeds=[[1.0]]), "seeds"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
