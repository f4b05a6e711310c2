import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.benchmarks.items import Game, Judged
from judge.benchmarks.score_rules import (
    best,
    contrast,
    correlation,
    grid,
    order,
    roc_auc,
    threshold,
)
from judge.errors import ConfigError

FOUR = (1.0, 0.0, 0.0, 0.0)
SIX = (1.0,) * 3 + (0.0,) * 3


@pytest.mark.parametrize(
    ("values", "shared", "alone", "ties"),
    [
        ((9, 1, 1, 1), 1.0, 1.0, 0.0),
        ((9, 9, 1, 1), 0.5, 0.0, 1.0),
        ((9, 9, 9, 9), 0.25, 0.0, 1.0),
        ((1, 9, 1, 1), 0.0, 0.0, 0.0),
        ((1, 9, 9, 1), 0.0, 0.0, 1.0),
        ((9, None, 1, 1), 1.0, 0.0, 0.0),
        ((None, 1, 1, 2), 0.0, 0.0, 0.0),
        ((None,) * 4, 0.25, 0.0, 0.0),
    ],
)
def test_best_of_four_in_rewardbench_2(told, metric, values, shared, alone, ties):
    made = best([told(values, truth=FOUR)], metric("best", top="shared", failed=0.25))
    assert (made.official[0], made.strict[0], made.tied[0]) == (shared, alone, ties)


def test_rewardmath_counts_a_tie_wrong_and_tells_what_it_would_be_right(told, metric):
    judged = [told((5, 5, 1), truth=(1, 0, 0)), told((5, 4, 1), truth=(1, 0, 0))]
    made = best(judged, metric("best", top="strict"))
    assert made.official.tolist() == made.strict.tolist() == [0.0, 1.0]
    assert made.extras["ties right"].tolist() == [1.0, 1.0]
    assert made.extras["reciprocal rank"].tolist() == [0.5, 1.0]


def test_a_right_one_anywhere(told, metric):
    made = best([told((1, 1, 9), truth=(0, 0, 1))], metric("best"))
    assert made.official.tolist() == [1.0]


@pytest.mark.parametrize(("winners", "won"), [((0, 0), 1.0), ((0, 2), 0.0), ((0, None), 0.0)])
def test_all_games_have_to_be_won(metric, winners, won):
    games = tuple(Game(0, at, winner) for at, winner in enumerate(winners, 1))
    made = best([Judged("i", "s", "c", (1.0, 0.0, 0.0), (), games)], metric("best"))
    assert made.official.tolist() == made.strict.tolist() == [won]


def test_a_value_that_rests_on_failures_is_not_right_strictly(told, metric):
    made = best([told((9, 1), truth=(1, 0), lost=1)], metric("best"))
    assert (made.official[0], made.strict[0]) == (1.0, 0.0)


def test_the_grid_of_rm_bench(told, metric):
    """Right: 3, 2, 1; wrong: 2.5, 1.5, 1: three of nine are above the diagonal."""
    made = grid([told((3, 2, 1, 2.5, 1.5, 1), truth=SIX)], metric("grid"))
    assert made.extras["hard"].tolist() == [1.0]  # 3 > 1.5, 3 > 1, 2 > 1
    assert made.extras["normal"][0] == pytest.approx(2 / 3)  # 3 > 2.5, 2 > 1.5, not 1 > 1
    assert made.extras["easy"].tolist() == [0.0]  # 2 < 2.5, 1 < 2.5, 1 < 1.5
    assert made.official[0] == pytest.approx((1.0 + 2 / 3) / 3)
    assert made.tied[0] == pytest.approx(1 / 9)


@given(st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_the_grid_is_the_mean_over_its_parts_and_strict_is_never_above(values):
    from judge.benchmarks.schema import Metric

    one = Judged("i", "s", "c", SIX, tuple(map(float, values)))
    made = grid([one], Metric(rule="grid"))
    parts = [made.extras[name][0] for name in ("hard", "normal", "easy")]
    assert made.official[0] == pytest.approx(np.mean(parts))
    cells = np.mean([a > b for a in values[:3] for b in values[3:]])
    assert made.strict[0] == pytest.approx(cells)  # nine cells: each part has three


def test_a_grid_needs_its_styles(told, metric):
    with pytest.raises(ConfigError, match="three wrong"):
        grid([told((1, 2))], metric("grid"))


def test_pairs_in_order(told, metric):
    made = order([told((3, 2, 2), truth=(2, 1, 0))], metric("order", tie=0.5))
    assert made.official[0] == pytest.approx((1 + 1 + 0.5) / 3)
    assert made.strict[0] == pytest.approx(2 / 3)
    assert made.tied[0] == pytest.approx(1 / 3)
    assert made.extras["truth on top"].tolist() == [2.0]


def test_items_without_a_better_one_say_nothing(told, metric):
    made = order([told((3, 2), truth=(1, 1)), told((3, None))], metric("order"))
    assert math.isnan(made.official[0])
    assert made.official[1] == 0.0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=2, max_size=12))
def test_half_for_ties_is_the_roc_auc_within_a_prompt(both):
    from judge.benchmarks.schema import Metric

    values, truth = zip(*both, strict=True)
    one = Judged("i", "s", "c", tuple(map(float, truth)), tuple(map(float, values)))
    made = order([one], Metric(rule="order", tie=0.5)).official[0]
    assert made == pytest.approx(roc_auc(values, truth), nan_ok=True)


def test_correlation_leaves_out_constant_prompts(told, metric):
    judged = [
        told((1, 2, 3), truth=(1, 2, 3)),
        told((3, 2, 1), truth=(1, 2, 3)),
        told((1, 1, 1), truth=(1, 2, 3)),
        told((1, None, 3), truth=(1, 2, 3)),
    ]
    made = correlation(judged, metric("correlation"))
    assert made.official[[0, 1, 3]].tolist() == pytest.approx([1.0, -1.0, 1.0])
    assert math.isnan(made.official[2])
    assert made.strict.tolist() == pytest.approx([1.0, 0.0, 0.0, 1 / 3])
    assert made.bounds == (-1.0, 1.0)


def test_a_threshold_for_single_responses(told, metric):
    judged = [
        told((v,), truth=(y,)) for v, y in ((0.9, 1), (0.1, 0), (0.5, 1), (None, 1), (0.9, 0))
    ]
    made = threshold(judged, metric("threshold", failed=0.25))
    assert made.official.tolist() == [1.0, 1.0, 0.0, 0.25, 0.0]
    assert made.strict.tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert made.tied.tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert made.figures["roc auc"] == pytest.approx((0.5 + 1 + 0 + 1) / 4)


def test_roc_auc_of_one_class_is_unknown():
    assert math.isnan(roc_auc([0.1, 0.2], [1, 1]))


def test_consistency_over_contrasted_instructions(told, metric):
    def row(name, own, other, **more):
        kept = {"cluster": name, **more}
        return [told(own, id=f"{name}/own", **kept), told(other, id=f"{name}/other", **kept)]

    judged = [
        *row("a", (0.9, 0.1), (0.8, 0.2)),  # s(I, r) 0.9 > s(I', r) 0.2
        *row("b", (0.9, 0.1), (0.8, 0.95)),
        *row("c", (0.9, 0.9), (0.8, None)),
        told((0.9, 0.1), id="d/own", cluster="d"),  # without its other half
    ]
    made = contrast(judged, metric("contrast"))
    assert made.official.tolist() == [1.0, 1.0, 0.0]
    assert made.extras["instruction consistency"].tolist() == [1.0, 0.0, 0.0]


def test_values_of_comparisons_do_not_compare_across_prompts(told, metric):
    kept = {"cluster": "a", "alone": False}
    judged = [told((0.9, 0.1), id=f"a/{name}", **kept) for name in ("own", "other")]
    made = contrast(judged, metric("contrast"))
    assert math.isnan(made.extras["instruction consistency"][0])
    with pytest.raises(ConfigError, match="judged alone"):
        threshold([told((0.9,), truth=(1,), alone=False)], metric("threshold"))


def test_a_threshold_needs_values_from_0_to_1(told, metric):
    with pytest.raises(ConfigError, match=r"values in \[0, 1\]"):
        threshold([told((-0.5,), truth=(0,))], metric("threshold"))
