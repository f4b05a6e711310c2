import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from judge.aggregate.competitive import competitive_swiss
from judge.aggregate.tables import GROUP_RULES, group_values
from judge.recipes import CriteriaSection

SCORES = st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))


def valued(rule, table, weights=None, seed=0, **settings):
    section = CriteriaSection.model_validate({"combine": rule, **settings})
    return group_values(table, weights or [1.0] * len(table[0]), section, seed)


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
    st.sampled_from(sorted(GROUP_RULES)),
    st.lists(st.tuples(SCORES, SCORES, SCORES), min_size=2, max_size=5),
    st.randoms(use_true_random=False),
)
def test_values_are_shares_and_follow_their_response(rule, table, random):
    found = valued(rule, table)
    for row, value in zip(table, found, strict=True):
        assert value is None or -1e-9 <= value <= 1.0 + 1e-9
        if all(cell is None for cell in row):
            assert value is None
    order = list(range(len(table)))
    random.shuffle(order)
    moved = valued(rule, [table[k] for k in order])
    tolerance = 0.05 if rule == "competitive_swiss" else 1e-9  # Monte Carlo
    for at, k in enumerate(order):
        assert (moved[at] is None) is (found[k] is None)
        assert found[k] is None or moved[at] == pytest.approx(found[k], abs=tolerance)


@pytest.mark.parametrize("rule", sorted(GROUP_RULES))
def test_one_better_on_everything_is_ahead_and_equals_are_equal(rule):
    best, worst = valued(rule, [[0.9, 0.8, 0.7], [0.2, 0.1, 0.0]])
    assert best > worst
    same = valued(rule, [[0.5, 0.5]] * 3)
    assert same == pytest.approx([same[0]] * 3, abs=0.02)
    assert valued(rule, [[0.5, 0.1]]) == [None]
    assert group_values([], [1.0], CriteriaSection(combine=rule), 0) == []


def test_weights_count_and_columns_without_one_do_not():
    table = [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]
    assert valued("copeland", table) == [0.0, 1.0]
    assert valued("copeland", table, [3.0, 1.0, 1.0]) == [1.0, 0.0]
    assert valued("borda", table, [1.0, 0.0, 0.0]) == [1.0, 0.0]


def test_votes_by_hand():
    table = [[3, 3, 1], [2, 2, 3], [1, 1, 2]]
    assert valued("plurality", table) == pytest.approx([2 / 3, 1 / 3, 0.0])
    assert valued("borda", table) == pytest.approx([4 / 6, 4 / 6, 1 / 6])
    assert valued("dowdall", table) == pytest.approx([(2 + 1 / 3) / 3, 2 / 3, (2 / 3 + 1 / 2) / 3])
    assert valued("copeland", table) == [1.0, 0.5, 0.0]
    assert valued("minimax", table) == pytest.approx([1.0, 1 / 3, 0.0])
    assert valued("condorcet", table) == [1.0, 0.0, 0.0]
    circle = [[3, 1, 2], [2, 3, 1], [1, 2, 3]]
    assert valued("condorcet", circle) == [0.5] * 3


def test_fronts_and_the_worst_off():
    table = [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
    assert valued("pareto", table) == [0.5, 0.5, 0.0, 1.0]
    assert valued("maxmin", [[0.9, 0.1], [0.8, 0.3]]) == [0.1, 0.3]


def test_the_hierarchy_stops_at_the_first_clear_difference():
    table = [[0.9, 0.0], [0.1, 1.0], [0.1, 0.5]]
    assert valued("hierarchy", table) == [1.0, 0.5, 0.0]
    # A margin of three deviations: the first criterion tells nobody apart any more.
    assert valued("hierarchy", table, margin=3.0) == [0.5] * 3


def test_competitive_swiss_plays_the_criteria_as_rounds():
    table = [[0.9, 0.1, 0.5], [0.5, 0.9, 0.1], [0.1, 0.5, 0.9], [0.2, 0.2, 0.2]]
    wins = 0.5 + 0.5 * np.sign(np.array(table)[:, None] - np.array(table)[None])
    expected = competitive_swiss(wins, eliminate=1, seed=7).score / 3
    assert valued("competitive_swiss", table, seed=7, eliminate=1) == pytest.approx(expected)
