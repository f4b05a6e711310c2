import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.benchmarks.intervals import Part, weighted_interval, weighted_mean
from judge.statistics import cluster_bootstrap


def part(values, clusters=None, weight=1.0):
    named = clusters or [f"c{id(values)}{at}" for at in range(len(values))]
    return Part(np.array(values, dtype=np.float64), tuple(named), weight)


def test_the_mean_is_of_subsets_by_weight():
    assert weighted_mean([part([1, 1, 1]), part([0])]) == 0.5
    assert weighted_mean([part([1, 1, 1], weight=3), part([0])]) == 0.75


def test_one_part_alone_is_the_cluster_bootstrap():
    values, names = [0, 1, 1, 0, 1], ["a", "a", "b", "c", "c"]
    mine = weighted_interval([part(values, names)], draws=500)
    assert mine == cluster_bootstrap(np.array(values, dtype=float), names, draws=500)


def test_parts_of_one_size_have_about_the_interval_of_all():
    rng = np.random.default_rng(1)
    sides = [rng.integers(0, 2, 200).astype(float) for _ in range(2)]
    parts = [part(side, [f"{k}-{at}" for at in range(200)]) for k, side in enumerate(sides)]
    low, high = weighted_interval(parts)
    pooled = cluster_bootstrap(np.concatenate(sides))
    assert (low, high) == pytest.approx(pooled, abs=0.02)
    assert low < weighted_mean(parts) < high


def test_clusters_in_several_parts_are_drawn_together():
    """The same prompts in both, right in one exactly where wrong in the other: no spread at all."""
    rng = np.random.default_rng(2)
    values = rng.integers(0, 2, 100).astype(float)
    names = [f"p{at}" for at in range(100)]
    low, high = weighted_interval([part(values, names), part(1 - values, names)])
    assert (low, high) == pytest.approx((0.5, 0.5))
    other = [f"q{at}" for at in range(100)]
    low, high = weighted_interval([part(values, names), part(1 - values, other)])
    assert high - low > 0.1


def test_where_nothing_varies_the_ends_are_what_is_possible():
    low, high = weighted_interval([part([1.0] * 20), part([1.0] * 20)])
    assert (low, high) == (pytest.approx(0.839, abs=0.01), 1.0)


@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=6), min_size=1, max_size=4
    )
)
def test_ends_are_within_bounds_and_do_not_depend_on_order(lists):
    parts = [part(v, [f"{k}-{at}" for at in range(len(v))]) for k, v in enumerate(lists)]
    low, high = weighted_interval(parts, draws=200)
    assert -1e-9 <= low <= high <= 1.0 + 1e-9
    turned = [Part(one.values[::-1], one.clusters[::-1], one.weight) for one in parts]
    assert weighted_interval(turned, draws=200) == pytest.approx((low, high))
