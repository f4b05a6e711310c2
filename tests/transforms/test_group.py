import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.errors import ConfigError
from judge.transforms import rank_quantile, tiers, z_score


def test_both_standard_deviations():
    assert z_score([0.0, 1.0]) == pytest.approx([-math.sqrt(0.5), math.sqrt(0.5)], rel=1e-5)
    assert z_score([0.0, 1.0], unbiased=False) == pytest.approx([-1.0, 1.0], rel=1e-5)
    values = [0.1, 0.4, 0.9, 0.2]
    expected = (np.array(values) - 0.4) / (np.std(values, ddof=1) + 0.5)
    assert z_score(values, epsilon=0.5) == pytest.approx(expected)


def test_nothing_to_tell_apart_is_exactly_zero():
    assert z_score([0.1, 0.1, 0.1, None]) == [0.0, 0.0, 0.0, None]
    assert z_score([3.0]) == [0.0]


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=9), st.booleans())
def test_z_scores_have_mean_zero_and_keep_the_order(values, unbiased):
    scores = z_score(values, unbiased=unbiased)
    assert sum(scores) == pytest.approx(0.0, abs=1e-6)
    for a, b in pairwise(values):
        assert (a - b) * (scores[values.index(a)] - scores[values.index(b)]) >= 0.0


def test_rank_quantiles_by_hand():
    assert rank_quantile([0.2, None, 0.9, 0.5]) == [0.0, None, 1.0, 0.5]
    assert rank_quantile([7.0, 1.0, 1.0, -2.0, 1.0]) == [1.0, 0.5, 0.5, 0.0, 0.5]
    assert rank_quantile([3.0, 3.0, 1.0, 2.0, 0.0]) == [0.875, 0.875, 0.25, 0.5, 0.0]
    assert rank_quantile([3.0, 3.0]) == [0.5, 0.5]
    assert rank_quantile([3.0, None]) == [0.5, None]


@given(st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=9))
def test_rank_quantiles_have_mean_a_half_and_see_only_order(values):
    shares = rank_quantile(values)
    assert sum(shares) == pytest.approx(len(values) / 2)
    assert rank_quantile([math.exp(v) for v in values]) == shares
    assert rank_quantile([-v for v in values]) == pytest.approx([1.0 - share for share in shares])


def test_tiers_by_hand():
    values = [0.0, 0.24, 0.25, 0.5, 0.74, 0.75, 1.0, None]
    thirds = [0.0, 0.0, 1 / 3, 2 / 3, 2 / 3, 1.0, 1.0]
    assert tiers(values) == [*map(pytest.approx, thirds), None]
    assert tiers([0.49, 0.5], 2) == [0.0, 1.0]


@pytest.mark.parametrize("zones", [3, 7, 10, 100])
def test_borders_belong_to_the_upper_zone_in_spite_of_rounding(zones):
    borders = [k / zones for k in range(zones)]
    assert tiers(borders, zones) == pytest.approx([k / (zones - 1) for k in range(zones)])


@given(st.lists(st.floats(0, 1), max_size=9), st.integers(2, 6))
def test_tiers_keep_the_order_and_know_only_so_many_values(values, zones):
    rewards = tiers(values, zones)
    assert set(rewards) <= {k / (zones - 1) for k in range(zones)}
    ordered = [reward for _, reward in sorted(zip(values, rewards, strict=True))]
    assert ordered == sorted(ordered)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: z_score([0.0], epsilon=0.0), "epsilon"),
        (lambda: tiers([0.5], 1), "zones"),
        (lambda: tiers([1.5]), "values"),
        (lambda: tiers([-0.1]), "values"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
