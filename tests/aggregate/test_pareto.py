import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.aggregate.pareto import hierarchy, hierarchy_margins, maxmin, pareto_fronts
from judge.errors import ConfigError

NAN = math.nan
scores = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0])


@st.composite
def tables(draw, missing=True, least=0, most=6):
    n, columns = draw(st.integers(least, most)), draw(st.integers(1, 3))
    cell = st.one_of(scores, st.just(NAN)) if missing else scores
    rows = [[draw(cell) for _ in range(columns)] for _ in range(n)]
    return np.array(rows).reshape(n, columns)


def dominates(a, b):
    both = ~np.isnan(a) & ~np.isnan(b)
    return bool((a[both] >= b[both]).all() and (a[both] > b[both]).any())


@settings(max_examples=80, deadline=None)
@given(tables(missing=False))
def test_fronts_are_peeled_off_one_after_the_other(table):
    left, front, expected = set(range(len(table))), 0, {}
    while left:
        front += 1
        top = {i for i in left if not any(dominates(table[j], table[i]) for j in left)}
        expected |= dict.fromkeys(top, front)
        left -= top
    assert pareto_fronts(table) == tuple(expected[i] for i in range(len(table)))


def test_fronts_by_hand():
    table = [[3.0, 1.0], [1.0, 3.0], [2.0, 0.0], [1.0, 0.0], [1.0, 0.0], [NAN, NAN]]
    assert pareto_fronts(table) == (1, 1, 2, 3, 3, None)


@settings(max_examples=80, deadline=None)
@given(tables(), st.data())
def test_fronts_with_gaps_keep_their_promises(table, data):
    fronts = pareto_fronts(table)
    known = ~np.isnan(table).all(1)
    assert [front is not None for front in fronts] == known.tolist()
    assert sorted({f for f in fronts if f}) == list(range(1, len({f for f in fronts if f}) + 1))
    for i in range(len(table)):
        for j in range(len(table)):
            if dominates(table[i], table[j]):
                assert fronts[i] <= fronts[j]
    move = data.draw(st.permutations(range(len(table))))
    assert pareto_fronts(table[move]) == tuple(fronts[i] for i in move)


def test_domination_in_a_circle_shares_a_front():
    """Each pair has one column in common: 0 over 1 over 2 over 0; 3 is below them all."""
    table = [[2.0, NAN, 1.0], [1.0, 2.0, NAN], [NAN, 1.0, 2.0], [0.0, 0.0, 0.0]]
    assert pareto_fronts(table) == (1, 1, 1, 2)


def test_a_missing_score_is_neither_good_nor_bad():
    assert pareto_fronts([[1.0, NAN], [0.0, 5.0]]) == (1, 2)
    assert pareto_fronts([[1.0, NAN], [1.0, -5.0]]) == (1, 1)
    assert pareto_fronts([[1.0, NAN], [NAN, 0.0]]) == (1, 1)


@given(st.integers(1, 5), scores)
@settings(max_examples=10, deadline=None)
def test_equal_candidates_are_equal_everywhere(n, score):
    table = np.full((n, 2), score)
    assert pareto_fronts(table) == (1,) * n
    assert maxmin(table).values == (score,) * n
    assert not hierarchy(table, [0.0, 0.0]).any()
    assert hierarchy_margins(table, 0.5).tolist() == [0.0, 0.0]


def test_no_candidate():
    assert pareto_fronts([]) == ()
    assert maxmin(np.zeros((0, 2))).values == ()
    assert maxmin(np.zeros((0, 2))).group is None
    assert hierarchy(np.zeros((0, 2)), [0.0, 0.0]).shape == (0, 0)
    assert hierarchy_margins(np.zeros((0, 2)), 0.5).tolist() == [0.0, 0.0]


def test_the_worst_group_is_that_of_the_batch_not_of_each_candidate():
    """Group 1 has the lower mean, though candidate 0 is worth less to group 0."""
    result = maxmin([[0.0, 1.0], [9.0, 2.0], [9.0, NAN]])
    assert result.group == 1
    assert result.values == (1.0, 2.0, None)
    assert result.means == (6.0, 1.5)


def test_weights_count_candidates():
    table = [[0.0, 1.0], [9.0, 2.0]]
    assert maxmin(table).group == 1
    assert maxmin(table, [9.0, 1.0]).group == 0
    assert maxmin(table, [9.0, 1.0]).means == pytest.approx((0.9, 1.1))
    assert maxmin(table, [0.45, 0.05]).means == pytest.approx((0.9, 1.1))
    assert maxmin(table, [0.0, 0.0]).group is None


def test_a_group_that_nobody_knows_is_not_the_worst():
    result = maxmin([[5.0, NAN], [7.0, NAN]])
    assert (result.group, result.means) == (0, (6.0, None))
    assert maxmin([[NAN, NAN]]).values == (None,)


@settings(max_examples=60, deadline=None)
@given(tables(least=1), st.data())
def test_renaming_candidates_renames_the_worst_groups_values(table, data):
    move = data.draw(st.permutations(range(len(table))))
    plain, moved = maxmin(table), maxmin(table[move])
    assert moved.group == plain.group
    assert moved.values == tuple(plain.values[i] for i in move)
    known = [mean for mean in plain.means if mean is not None]
    assert plain.group is None or plain.means[plain.group] == min(known)
    for mean, column in zip(plain.means, table.T, strict=True):
        there = column[~np.isnan(column)]
        assert mean == (pytest.approx(there.mean()) if len(there) else None)


@settings(max_examples=60, deadline=None)
@given(tables(), st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=3, max_size=3), st.data())
def test_the_first_column_that_tells_apart_decides(table, margins, data):
    margins = margins[: table.shape[1]]
    verdict = hierarchy(table, margins)
    assert (verdict == -verdict.T).all()
    for i, a in enumerate(table.tolist()):
        for j, b in enumerate(table.tolist()):
            expected = 0
            for x, y, margin in zip(a, b, margins, strict=True):
                if abs(x - y) > margin:
                    expected = 1 if x > y else -1
                    break
            assert verdict[i, j] == expected
    move = data.draw(st.permutations(range(len(table))))
    assert (hierarchy(table[move], margins) == verdict[np.ix_(move, move)]).all()


def test_a_missing_level_is_skipped_not_zero():
    assert hierarchy([[NAN, 1.0], [-5.0, 2.0]], [0.0, 0.0]).tolist() == [[0, -1], [1, 0]]
    assert hierarchy([[NAN], [1.0]], [0.0]).tolist() == [[0, 0], [0, 0]]


def test_the_hierarchy_is_not_transitive():
    """0 and 1, 1 and 2 are too near in the first column, so the second decides; 0 and 2 are not."""
    verdict = hierarchy([[0.0, 3.0], [0.6, 2.0], [1.2, 1.0]], [1.0, 0.0])
    assert (verdict[0, 1], verdict[1, 2], verdict[2, 0]) == (1, 1, 1)


@settings(max_examples=40, deadline=None)
@given(tables(), st.floats(0.0, 2.0))
def test_margins_are_shares_of_the_deviation_of_what_is_known(table, fraction):
    margins = hierarchy_margins(table, fraction)
    for margin, column in zip(margins, table.T, strict=True):
        known = column[~np.isnan(column)]
        assert margin == pytest.approx(fraction * known.std() if len(known) else 0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: pareto_fronts([1.0]), "table"),
        (lambda: maxmin([[1.0, 2.0]], [1.0, 2.0]), "weights"),
        (lambda: maxmin([[1.0]], [-1.0]), "weights"),
        (lambda: maxmin([[math.inf]]), "table"),
        (lambda: hierarchy([[1.0]], []), "margins"),
        (lambda: hierarchy([[1.0]], [-1.0]), "margins"),
        (lambda: hierarchy([[math.inf]], [1.0]), "table"),
        (lambda: hierarchy_margins([[1.0]], -0.1), "fraction"),
        (lambda: hierarchy_margins([[1.0]], NAN), "fraction"),
        (lambda: hierarchy_margins([[1.0]], math.inf), "fraction"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
