import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from judge.errors import ConfigError
from judge.transforms import consistency_weight, lambda_weights, margin_scaling

SMALL = st.integers(0, 4).map(float)


def test_margin_scaling_by_hand():
    assert margin_scaling([0.0, None, 2.0], beta=0.1, w=0.5, k=0.5) == [
        pytest.approx(0.1),
        None,
        pytest.approx(0.1 * (1 + 0.5 * (1 - math.exp(-1.0)))),
    ]


@given(st.lists(st.floats(0, 1e6), max_size=8), st.floats(0.01, 1), st.floats(0, 3))
def test_margin_scaling_is_bounded_and_grows(margins, beta, w):
    betas = margin_scaling(sorted(margins), beta=beta, w=w)
    assert betas == sorted(betas)
    assert all(beta * (1 - 1e-12) <= b <= beta * (1 + w) * (1 + 1e-12) for b in betas)


def test_lambda_weights_by_hand():
    """Labels 2, 0, 1 (ranks 1, 3, 2): gains 4, 1, 2 and discounts 1, 1/2, 1/log2(3)."""
    middle = 1 / math.log2(3)
    first, second, _, fourth = lambda_weights([2.0, 0.0, None, 1.0])
    assert first == [0.0, pytest.approx(3 * 0.5), None, pytest.approx(2 * (1 - middle))]
    assert second == [pytest.approx(3 * 0.5), 0.0, None, pytest.approx(1 * (middle - 0.5))]
    assert fourth == [first[3], second[3], None, 0.0]
    assert lambda_weights([2.0, None])[1] == [None, None]


def test_lambda_ranks_come_from_the_policys_scores():
    """Under scores that reverse the order, the label 2 has rank 2 and the label 0 rank 1."""
    table = lambda_weights([2.0, 0.0], [-1.0, 1.0])
    assert table[0][1] == pytest.approx(3 * (1 - 1 / math.log2(3)))
    tied = lambda_weights([2.0, 0.0], [1.0, 1.0])
    assert tied[0][1] == 0.0


@given(st.lists(SMALL, max_size=6))
def test_lambda_weights_are_symmetric_and_zero_between_equals(labels):
    table = np.array(lambda_weights(labels)).reshape(len(labels), len(labels))
    assert (table == table.T).all()
    equal = np.equal.outer(labels, labels)
    assert (table[equal] == 0.0).all()
    assert (table[~equal] > 0.0).all()


@given(st.lists(st.tuples(SMALL, SMALL), min_size=2, max_size=8))
def test_consistency_is_the_oracles_correlation(pairs):
    a, b = [list(column) for column in zip(*pairs, strict=True)]
    if len(set(a)) < 2 or len(set(b)) < 2:
        assert consistency_weight(a, b) is None
        return
    assert consistency_weight(a, b) == pytest.approx((kendalltau(a, b).statistic + 1) / 2)
    rho = spearmanr(a, b).statistic
    assert consistency_weight(a, b, form="spearman") == pytest.approx((rho + 1) / 2, abs=1e-9)


@pytest.mark.parametrize("form", ["kendall", "spearman", "ends"])
def test_full_agreement_is_one_and_reversal_zero(form):
    assert consistency_weight([1, 2, 5, None], [0.1, 0.4, 0.6, 0.0], form=form) == 1.0
    assert consistency_weight([1, 2, 5, 9], [0.6, 0.4, 0.1, None], form=form) == 0.0
    assert consistency_weight([1, None], [0.6, 0.4], form=form) is None
    assert consistency_weight([1, 1], [0.6, 0.4], form=form) is None
    assert consistency_weight([], [], form=form) is None


def test_ends_look_only_at_the_ends():
    assert consistency_weight([0, 1, 2, 3], [0, 2, 1, 3], form="ends") == 1.0
    assert consistency_weight([0, 1, 2, 3], [0, 1, 3, 2], form="ends") == 0.0
    assert consistency_weight([0, 1, 2, 3], [1, 0, 2, 3], form="ends") == 0.0
    assert consistency_weight([0, 0, 2, 3], [0, 1, 2, 3], form="ends") == 0.0


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: margin_scaling([-0.1]), "margins"),
        (lambda: margin_scaling([0.1], beta=-1.0), "beta"),
        (lambda: margin_scaling([0.1], w=-1.0), "w"),
        (lambda: margin_scaling([0.1], k=-1.0), "k"),
        (lambda: lambda_weights([101.0]), "labels"),
        (lambda: lambda_weights([1.0], []), "scores"),
        (lambda: consistency_weight([1.0], []), "second"),
        (lambda: consistency_weight([1, 2], [1, 2], form="pearson"), "form"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
