import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.errors import ConfigError
from judge.statistics import (
    PairedTest,
    binomial_tail,
    cluster_bootstrap,
    holm,
    paired_test,
    sign_test,
    wilson,
)


def test_wilson_is_the_published_interval() -> None:
    # 10 of 20 at 95 %: (0.299, 0.701), Wilson 1927.
    low, high = wilson(10, 20)
    assert (round(low, 4), round(high, 4)) == (0.2993, 0.7007)


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (0, 0)])
def test_wilson_stays_in_the_unit_interval(hits: int, n: int) -> None:
    low, high = wilson(hits, n)
    assert 0.0 <= low <= high <= 1.0
    assert high - low > 0.1


def test_a_binomial_tail_is_counted_exactly() -> None:
    assert binomial_tail(8, 10) == 56 / 1024  # 45 + 10 + 1
    assert binomial_tail(0, 0) == binomial_tail(0, 7) == 1.0
    assert binomial_tail(2000, 2000) == pytest.approx(0.0, abs=1e-300)
    with pytest.raises(ConfigError, match=r"^hits: 4 is not in 0 .. 3"):
        binomial_tail(4, 3)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_is_the_two_sided_binomial_test(right: int, wrong: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(right, right + wrong).pvalue if right + wrong else 1.0
    assert sign_test(right, wrong) == pytest.approx(expected, rel=1e-9)


def test_a_count_is_not_negative() -> None:
    with pytest.raises(ConfigError, match=r"^wrong: -1 is negative"):
        sign_test(3, -1)


def test_holm_steps_down() -> None:
    # sorted .01 x 3, .03 x 2, then max(.06, .04 x 1); in the order given
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(ConfigError, match=r"^p_values: nan"):
        holm([0.1, math.nan])


@given(st.lists(st.floats(0, 1), max_size=8), st.randoms())
def test_holm_follows_the_order_and_only_raises(
    p_values: list[float], random: random.Random
) -> None:
    adjusted = holm(p_values)
    assert all(p <= a <= 1.0 for p, a in zip(p_values, adjusted, strict=True))
    order = list(range(len(p_values)))
    random.shuffle(order)
    assert holm([p_values[k] for k in order]) == [adjusted[k] for k in order]


def test_mcnemar_counts_the_items_on_which_two_conditions_differ() -> None:
    first = [1.0] * 8 + [0.0] * 2 + [1.0] * 5 + [None, 1.0]
    second = [0.0] * 8 + [1.0] * 2 + [1.0] * 5 + [1.0, None]
    found = paired_test(first, second)
    assert found.p_value == pytest.approx(56 / 1024)
    assert found.n == 15
    assert found.difference == pytest.approx(6 / 15)
    assert -1.0 < found.low < 0.4 < found.high < 1.0
    turned = paired_test(second, first)
    assert turned.difference == pytest.approx(-6 / 15)
    assert turned.p_value == pytest.approx(1.0 - 11 / 1024)  # at least 2 of 10


def test_half_right_counts_half() -> None:
    # 1/2, 1/2 and 1: all eight signs, and only one gives as much
    assert paired_test([0.5, 1.0, 1.0], [0.0, 0.5, 0.0]).p_value == 1 / 8
    assert paired_test([1.0, 0.5], [1.0, 0.5]).p_value == 1.0


def flips(differences: list[float]) -> float:
    """The p-value by going through all signs."""
    total = sum(differences)
    sums = [
        sum(sign * d for sign, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(value >= total - 1e-9 for value in sums) / len(sums)


shares = st.sampled_from([0.0, 0.5, 1.0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(shares, shares, st.sampled_from("abcd")), min_size=1, max_size=9))
def test_flipping_signs_is_exact(items: list[tuple[float, float, str]]) -> None:
    first, second, names = (list(side) for side in zip(*items, strict=True))
    differences = [a - b for a, b in zip(first, second, strict=True)]
    found = paired_test(first, second)
    assert found.p_value == pytest.approx(flips(differences))
    assert found.low <= found.difference + 1e-9
    assert found.difference <= found.high + 1e-9
    sums = [
        sum(d for d, name in zip(differences, names, strict=True) if name == one)
        for one in sorted(set(names))
    ]
    clustered = paired_test(first, second, clusters=names)
    assert clustered.p_value == pytest.approx(flips(sums))
    back = paired_test(first[::-1], second[::-1], clusters=names[::-1])
    assert (back.low, back.high) == pytest.approx((clustered.low, clustered.high))


def test_other_numbers_have_their_signs_drawn() -> None:
    first = [0.9, 0.7, 0.2, 0.8, 0.66, 0.3, 1.0, 0.75, 0.6]
    second = [0.3, 0.1, 0.5, 0.35, 0.6, 0.1, 0.45, 0.4, 0.7]
    exact = flips([a - b for a, b in zip(first, second, strict=True)])
    found = paired_test(first, second)
    assert 0.0 < exact < 0.1
    assert found.p_value == pytest.approx(exact, abs=0.01)
    assert found == paired_test(first, second)
    assert found.p_value != paired_test(first, second, seed=1).p_value
    # never 0: what was seen is one of the draws
    assert paired_test([0.9] * 40, [0.2] * 40, draws=99).p_value == 0.01


def test_a_cluster_is_one_item() -> None:
    """Ten copies of one item say no more than the item."""
    assert paired_test([1.0] * 10, [0.0] * 10).p_value == 1 / 1024
    assert paired_test([1.0] * 10, [0.0] * 10, clusters=["a"] * 10).p_value == 1 / 2


def test_nothing_known_tells_nothing() -> None:
    assert paired_test([None, 1.0], [1.0, None]) == PairedTest(None, -1.0, 1.0, 1.0, 0)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1.0], []), {}, "second: has 0 items, first has 1"),
        (([1.5], [0.0]), {}, "first: need numbers"),
        (([1.0], [-1.0]), {}, "second: need numbers"),
        (([1.0], [0.0]), {"draws": 0}, "draws: 0"),
        (([1.0], [0.0]), {"clusters": ["a", "b"]}, "clusters: there are 2, for 1 items"),
    ],
)
def test_what_cannot_be_tested(arguments, options, message) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        paired_test(*arguments, **options)


def test_copies_in_a_cluster_do_not_narrow_the_interval() -> None:
    values = [1.0] * 14 + [0.0] * 6
    names = [f"c{k:02d}" for k in range(20)]
    once = cluster_bootstrap(values, names)
    copied = cluster_bootstrap(values * 4, names * 4)
    alone = cluster_bootstrap(values * 4)
    assert copied == pytest.approx(once)
    assert alone[1] - alone[0] < 0.7 * (once[1] - once[0])


def test_a_large_cluster_counts_by_its_size() -> None:
    # the mean is 9 / 109; the mean of the clusters' means would be .9
    names = ["large"] * 100 + [f"c{k}" for k in range(9)]
    low, high = cluster_bootstrap([0.0] * 100 + [1.0] * 9, names, draws=400)
    assert low < 9 / 109 < 0.3
    assert low < 0.06
    # a third of the draws miss the large one
    assert high == 1.0


def test_the_interval_covers_the_mean_most_of_the_time() -> None:
    rng = np.random.default_rng(0)
    ends = [cluster_bootstrap((rng.random(60) < 0.7).astype(float), draws=400) for _ in range(200)]
    covered = sum(low <= 0.7 <= high for low, high in ends)
    assert 175 <= covered <= 199


def test_equal_clusters_get_wilsons_interval() -> None:
    assert cluster_bootstrap([1.0] * 8) == pytest.approx(wilson(8, 8))
    assert cluster_bootstrap([0.0] * 8) == pytest.approx(wilson(0, 8))
    low, high = cluster_bootstrap([0.0] * 8, bounds=(-1.0, 1.0))
    assert (low, high) == pytest.approx((-wilson(0, 8)[1], wilson(0, 8)[1]))
    assert cluster_bootstrap([1.0] * 8, ["a"] * 8) == pytest.approx(wilson(1, 1))
    assert cluster_bootstrap([]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([2.0], {}, "values: need numbers from 0.0 to 1.0"),
        ([math.nan], {}, "values: need numbers"),
        ([[0.5]], {}, "values: need numbers"),
        ([0.5], {"draws": 0}, "draws: 0"),
        ([0.5], {"clusters": []}, "clusters: there are 0"),
    ],
)
def test_what_has_no_interval(values, options, message) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        cluster_bootstrap(values, **options)
