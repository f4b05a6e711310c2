import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.synthesis.nonnegative import logistic, logistic_slopes, quadratic

seeds = st.integers(0, 2**32 - 1)


def problem(seed, k):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(k + 2, k))
    bounded = rng.random(k) < 0.8
    start = np.where(rng.random(k) < 0.5, abs(rng.normal(size=k)), 0.0)
    return root.T @ root + 0.01 * np.eye(k), 3.0 * rng.normal(size=k), bounded, start


def best_by_trying(matrix, target, bounded):
    """The minimum over all choices of which bounded weights are 0."""
    best, least = None, np.inf
    for zero in itertools.product((False, True), repeat=len(target)):
        if (np.array(zero) & ~bounded).any():
            continue
        free = ~np.array(zero, dtype=bool)
        w = np.zeros(len(target))
        w[free] = np.linalg.solve(matrix[np.ix_(free, free)], target[free])
        value = w @ matrix @ w / 2 - target @ w
        if (w[bounded] >= 0.0).all() and value < least:
            best, least = w, value
    return best


@settings(max_examples=80, deadline=None)
@given(seeds, st.integers(1, 5))
def test_the_quadratic_is_solved(seed, k):
    matrix, target, bounded, start = problem(seed, k)
    found = quadratic(matrix, target, bounded, start)
    assert found == pytest.approx(best_by_trying(matrix, target, bounded), abs=1e-6)
    assert found == pytest.approx(quadratic(matrix, target, bounded, np.zeros(k)), abs=1e-6)
    slopes = target - matrix @ found
    held = bounded & (found == 0.0)
    assert (slopes[held] <= 1e-6).all()
    assert slopes[~held] == pytest.approx(0.0, abs=1e-6)


def test_the_quadratic_is_scipys_nnls():
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.normal(size=(30, 8)), rng.normal(size=30)
        mine = quadratic(a.T @ a, a.T @ b, np.ones(8, dtype=bool), np.zeros(8))
        assert mine == pytest.approx(optimize.nnls(a, b)[0], abs=1e-8)


def test_no_weights_at_all():
    nothing = np.zeros(0)
    assert quadratic(np.zeros((0, 0)), nothing, nothing == 0.0, nothing).shape == (0,)
    assert logistic(np.zeros((3, 0)), nothing == 0.0, 1.0).shape == (0,)


def leads_of(seed, pairs=40, k=4, shift=0.2):
    return np.clip(np.random.default_rng(seed).normal(shift, 0.6, size=(pairs, k)), -1.0, 1.0)


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from([0.01, 1.0, 30.0]))
def test_the_logistic_problem_is_solved(seed, strength):
    leads = leads_of(seed, shift=0.0)
    bounded = np.array([True, True, False, True])
    found = logistic(leads, bounded, strength)
    slopes = logistic_slopes(leads, found, strength)
    held = bounded & (found == 0.0)
    assert (found[bounded] >= 0.0).all()
    assert (slopes[held] <= 1e-6).all()
    assert slopes[~held] == pytest.approx(0.0, abs=1e-6)


def test_the_logistic_fit_is_scipys():
    optimize = pytest.importorskip("scipy.optimize")
    leads = leads_of(5, shift=0.1)

    def loss(w):
        return np.logaddexp(0.0, -(leads @ w)).sum() + 0.25 * w @ w

    oracle = optimize.minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=[(0, None)] * 4,
                               options={"ftol": 1e-15, "gtol": 1e-10})  # fmt: skip
    assert logistic(leads, np.ones(4, dtype=bool), 0.5) == pytest.approx(oracle.x, abs=1e-4)


def test_a_pair_and_its_mirror_need_no_intercept():
    """An ordinary logistic regression on pairs and mirrors finds an intercept of 0."""
    optimize = pytest.importorskip("scipy.optimize")
    leads = leads_of(3)
    x = np.vstack([leads, -leads])
    won = np.repeat([1.0, -1.0], len(leads))

    def loss(w):
        return np.logaddexp(0.0, -won * (w[0] + x @ w[1:])).sum() + 0.5 * 2.0 * w[1:] @ w[1:]

    whole = optimize.minimize(loss, np.full(5, 0.3), tol=1e-12).x
    assert whole[0] == pytest.approx(0.0, abs=1e-5)
    mine = logistic(leads, np.zeros(4, dtype=bool), 1.0)
    assert mine == pytest.approx(whole[1:], abs=1e-5)


def test_pairs_that_are_all_right_do_not_run_away():
    found = logistic(np.ones((500, 2)), np.ones(2, dtype=bool), 0.1)
    assert np.isfinite(found).all()
    assert found[0] == pytest.approx(found[1])
    assert (logistic(-np.ones((500, 2)), np.ones(2, dtype=bool), 0.1) == 0.0).all()
