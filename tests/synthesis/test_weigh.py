import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.errors import ConfigError
from judge.synthesis.nonnegative import logistic
from judge.synthesis.weigh import STRENGTHS, attribute_weights, fit_weights

NAMES = [f"c{k:02d}" for k in range(13)]
seeds = st.integers(0, 2**32 - 1)


def planted(seed, pairs, good, noise, right=0.8):
    """Leads of `good` criteria that agree with the label `right` of the time, and of coins."""
    rng = np.random.default_rng(seed)
    chance = np.array([right] * good + [0.5] * noise)
    signs = np.where(rng.random((pairs, good + noise)) < chance, 1.0, -1.0)
    return signs * rng.random((pairs, good + noise))


def test_three_criteria_are_found_among_thirteen():
    for seed in range(3):
        found = fit_weights(planted(seed, 200, 3, 10), NAMES, seed=seed)
        order = sorted(NAMES, key=lambda name: -found.weights[name])
        assert set(order[:3]) == set(NAMES[:3])
        assert min(found.weights[name] for name in order[:3]) > 1.5 * found.weights[order[3]]
        assert found.better_than_equal
        assert found.fitted > found.equal
        assert found.n == 200
        known = [weight for weight in found.weights.values() if weight]
        assert np.mean(known) == pytest.approx(1.0)
        assert not set(found.misleading) & set(NAMES[:3])
        assert all(found.weights[name] == 0.0 for name in found.misleading)


def test_shuffled_labels_are_no_better_than_equal_weights():
    """At 5 % each, 24 or more of 200 happen once in twenty thousand times."""
    leads = planted(0, 120, 2, 6)
    better = 0
    for seed in range(200):
        coins = np.random.default_rng(seed).choice([-1.0, 1.0], size=(120, 1))
        better += fit_weights(coins * leads, NAMES[:8], strength=1.0, seed=seed).better_than_equal
    assert 1 <= better <= 23


def test_equal_weights_are_not_beaten_where_they_are_best():
    leads = planted(1, 300, 5, 0, right=0.7)
    found = fit_weights(leads, NAMES[:5])
    assert not found.better_than_equal
    assert found.equal > 0.75


def test_a_criterion_that_points_the_wrong_way_is_misleading():
    leads = planted(2, 200, 3, 0)
    leads[:, 1] *= -1.0
    found = fit_weights(leads, NAMES[:3], strength=1.0)
    assert found.misleading == ("c01",)
    assert found.weights["c01"] == 0.0
    free = fit_weights(leads, NAMES[:3], strength=1.0, signs=[True, False, True])
    assert free.weights["c01"] < -0.5
    assert free.misleading == ()
    assert np.mean([abs(w) for w in free.weights.values()]) == pytest.approx(1.0)


def test_missing_leads_count_for_neither_side():
    leads = planted(3, 100, 2, 1)
    leads[::2, 0] = math.nan
    leads[:10] = math.nan
    found = fit_weights(leads, NAMES[:3], strength=1.0)
    assert found.coverage == pytest.approx({"c00": 0.45, "c01": 0.9, "c02": 0.9})
    assert found.n == found.test.n == 90
    zeros = fit_weights(np.nan_to_num(leads)[10:], NAMES[:3], strength=1.0)
    assert zeros.weights == pytest.approx(found.weights)


def test_the_held_out_accuracy_is_by_hand_that_of_other_folds():
    """Two clusters: each is judged by weights fitted on the other."""
    leads = planted(4, 40, 1, 1, right=0.9)
    found = fit_weights(leads, NAMES[:2], strength=2.0, clusters=["a"] * 20 + ["b"] * 20)
    halves = [leads[:20], leads[20:]]
    scores = np.concatenate([
        halves[k] @ logistic(halves[1 - k], np.ones(2, dtype=bool), 2.0) for k in (0, 1)
    ])  # fmt: skip
    assert found.fitted == pytest.approx((scores > 0.0).mean())
    assert found.equal == pytest.approx((leads.sum(1) > 0.0).mean())
    # two clusters cannot show anything at 5 %
    assert found.test.p_value >= 0.25


def chosen_by_halves(parts):
    """The strength under which each of two clusters is best told by the other."""

    def loss(strength):
        return sum(
            np.logaddexp(0.0, -(there @ logistic(here, np.ones(6, dtype=bool), strength))).sum()
            for here, there in (parts, parts[::-1])
        )

    return min(sorted(STRENGTHS, reverse=True), key=loss)


def test_a_strength_is_chosen_without_the_pairs_held_out():
    """Four clusters, two folds: the accuracy is that of one of the three ways to halve them."""
    told = []
    for seed in range(8):
        leads = planted(seed, 100, 2, 4, right=0.65)
        parts = [leads[k * 25 : (k + 1) * 25] for k in range(4)]
        ways = set()
        for other in (1, 2, 3):
            sides = [[0, other], [k for k in (1, 2, 3) if k != other]]
            right = 0
            for inside, outside in (sides, sides[::-1]):
                strength = chosen_by_halves([parts[k] for k in inside])
                fitted = np.concatenate([parts[k] for k in inside])
                weights = logistic(fitted, np.ones(6, dtype=bool), strength)
                right += sum(int((parts[k] @ weights > 0.0).sum()) for k in outside)
            ways.add(right)
        clusters = [f"p{k // 25}" for k in range(100)]
        found = fit_weights(leads, NAMES[:6], clusters=clusters, folds=2)
        told.append(round(100 * found.fitted) in ways)
    assert all(told)


def test_copies_of_a_pair_in_one_cluster_are_no_evidence():
    leads = np.repeat(planted(8, 12, 1, 6, right=0.95), 20, axis=0)
    apart = fit_weights(leads, NAMES[:7], strength=1.0)
    names = [f"p{k // 20}" for k in range(240)]
    joined = fit_weights(leads, NAMES[:7], strength=1.0, clusters=names)
    assert apart.test.p_value < 1e-6
    assert joined.test.p_value > 1e-4
    assert joined.fitted <= apart.fitted


def test_the_strength_follows_the_noise():
    assert fit_weights(planted(0, 60, 0, 13), NAMES).strength == max(STRENGTHS)
    assert fit_weights(planted(0, 300, 3, 0, right=0.9), NAMES[:3]).strength < max(STRENGTHS)
    assert fit_weights(planted(0, 30, 1, 1), NAMES[:2], strength=3.0).strength == 3.0


@settings(max_examples=25, deadline=None)
@given(seeds, st.data())
def test_the_order_of_pairs_and_criteria_does_not_matter(seed, data):
    leads = planted(seed, 30, 2, 2)
    leads[np.random.default_rng(seed).random(leads.shape) < 0.2] = math.nan
    clusters = [f"p{k // 2}" for k in range(30)]
    found = fit_weights(leads, NAMES[:4], clusters=clusters, folds=3)
    pairs = data.draw(st.permutations(range(30)))
    order = data.draw(st.permutations(range(4)))
    moved = fit_weights(
        leads[pairs][:, order],
        [NAMES[k] for k in order],
        clusters=[clusters[p] for p in pairs],
        folds=3,
    )
    assert moved.weights == pytest.approx(found.weights, abs=1e-6)
    assert set(moved.misleading) == set(found.misleading)
    assert moved.fitted == pytest.approx(found.fitted)
    assert moved.test.p_value == pytest.approx(found.test.p_value)


@pytest.mark.parametrize("pairs", [0, 1])
def test_too_few_pairs_hold_nothing_out(pairs):
    found = fit_weights(np.full((pairs, 2), 0.5), ["a", "b"])
    assert (found.fitted, found.equal, found.better_than_equal) == (None, None, False)
    assert found.n == pairs
    assert list(found.weights.values()) == pytest.approx([pairs, pairs])


def test_criteria_that_are_all_wrong_get_nothing():
    found = fit_weights(-np.ones((20, 2)), ["a", "b"])
    assert set(found.weights.values()) == {0.0}
    assert found.misleading == ("a", "b")
    # ties beat being wrong, but a rubric needs a weight
    assert (found.fitted, found.equal, found.better_than_equal) == (0.5, 0.0, False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 0.0}, "strength: 0.0"),
        ({"strength": math.inf}, "strength: inf"),
        ({"folds": 1}, "folds: 1"),
        ({"signs": [True]}, "signs: need a truth value for each of 2"),
        ({"signs": [1, -1]}, "signs: need a truth value"),
        ({"clusters": ["a"]}, "clusters: there are 1, for 3"),
    ],
)
def test_what_cannot_be_fitted(options, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        fit_weights(np.zeros((3, 2)), ["a", "b"], **options)


# --- ratings ---------------------------------------------------------------------------------


def rated(seed, n, weights, noise=0.0, intercept=1.0):
    rng = np.random.default_rng(seed)
    table = rng.random((n, len(weights)))
    return table, intercept + table @ np.array(weights) + noise * rng.normal(size=n)


def test_ratings_give_their_weights_back():
    table, ratings = rated(0, 50, [2.0, 0.0, 1.0])
    found = attribute_weights(table, ratings, ["a", "b", "c"])
    assert found.weights == pytest.approx({"a": 2.0, "b": 0.0, "c": 1.0}, abs=1e-6)
    assert found.intercept == pytest.approx(1.0, abs=1e-6)
    assert found.r2 == pytest.approx(1.0, abs=1e-6)
    assert found.n == 50


def test_ratings_are_fitted_as_by_scipy():
    optimize = pytest.importorskip("scipy.optimize")
    table, ratings = rated(1, 60, [1.5, -1.0, 0.3, 0.0], noise=0.5)
    found = attribute_weights(table, ratings, NAMES[:4])
    centred = table - table.mean(0)
    oracle, _ = optimize.nnls(centred, ratings - ratings.mean())
    assert list(found.weights.values()) == pytest.approx(oracle.tolist(), abs=1e-6)
    assert "c01" in found.misleading
    assert found.weights["c01"] == 0.0


def test_the_variance_explained_is_that_of_rows_held_out():
    table, ratings = rated(2, 400, [1.0, 1.0], noise=math.sqrt(1 / 6))
    # signal 2 / 12, noise 1 / 6
    assert attribute_weights(table, ratings, ["a", "b"]).r2 == pytest.approx(0.5, abs=0.08)
    rng = np.random.default_rng(3)
    nothing = attribute_weights(rng.random((40, 13)), rng.random(40), NAMES)
    assert nothing.r2 < 0.0


def test_clusters_are_held_out_as_a_whole():
    """Copies of a row would give the answer away."""
    clusters = [str(k // 10) for k in range(100)]
    known, held = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        table = np.repeat(rng.random((10, 8)), 10, axis=0)
        ratings = np.repeat(rng.random(10), 10)
        known.append(attribute_weights(table, ratings, NAMES[:8]).r2)
        held.append(attribute_weights(table, ratings, NAMES[:8], clusters=clusters).r2)
    assert np.mean(held) < 0.0 < 0.3 < np.mean(known)


def test_missing_values_and_ratings():
    table, ratings = rated(5, 80, [2.0, 1.0])
    table[:8, 0] = math.nan
    ratings[8:16] = math.nan
    found = attribute_weights(table, ratings, ["a", "b"])
    assert found.n == 72
    assert found.weights == pytest.approx({"a": 2.0, "b": 1.0}, abs=0.3)
    table[:, 1] = math.nan
    assert attribute_weights(table, ratings, ["a", "b"]).weights["b"] == 0.0


def test_criteria_that_are_copies_share_a_weight():
    table, ratings = rated(6, 50, [2.0])
    found = attribute_weights(np.hstack([table, table]), ratings, ["a", "b"])
    assert found.weights == pytest.approx({"a": 1.0, "b": 1.0}, abs=1e-3)


def test_ratings_without_anything_to_explain():
    table, _ = rated(0, 10, [1.0, 1.0])
    found = attribute_weights(table, np.full(10, 3.1), ["a", "b"])
    assert set(found.weights.values()) == {0.0}
    assert (found.intercept, found.r2, found.misleading) == (pytest.approx(3.1), None, ())
    empty = attribute_weights(np.zeros((0, 1)), [], ["a"])
    assert (empty.intercept, empty.r2, empty.n) == (None, None, 0)
    assert attribute_weights([[0.5]], [2.0], ["a"]).r2 is None


@settings(max_examples=25, deadline=None)
@given(seeds, st.data())
def test_the_order_of_rows_and_columns_does_not_matter(seed, data):
    table, ratings = rated(seed, 20, [1.0, -0.5, 0.4], noise=0.3)
    clusters = [f"p{k}" for k in range(20)]
    found = attribute_weights(table, ratings, NAMES[:3], clusters=clusters)
    rows, order = data.draw(st.permutations(range(20))), data.draw(st.permutations(range(3)))
    moved = attribute_weights(
        table[rows][:, order],
        ratings[rows],
        [NAMES[k] for k in order],
        clusters=[clusters[r] for r in rows],
    )
    assert moved.weights == pytest.approx(found.weights, abs=1e-7)
    assert moved.r2 == pytest.approx(found.r2)


@pytest.mark.parametrize(
    ("table", "ratings", "options", "message"),
    [
        ([[0.1]], [1.0], {}, "table: need finite"),
        ([[0.1, math.inf]], [1.0], {}, "table: need finite"),
        ([[0.1, 0.2]], [1.0, 2.0], {}, "ratings: need a finite"),
        ([[0.1, 0.2]], [math.inf], {}, "ratings: need a finite"),
        ([[0.1, 0.2]], [1.0], {"folds": 0}, "folds: 0"),
    ],
)
def test_what_cannot_be_regressed(table, ratings, options, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        attribute_weights(table, ratings, ["a", "b"], **options)


def test_names_are_distinct():
    with pytest.raises(ConfigError, match=r"^criteria: one is named twice"):
        attribute_weights([[0.1, 0.2]], [1.0], ["a", "a"])
