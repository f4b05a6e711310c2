import itertools
import math

import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.aggregate.voting import RULES, borda, condorcet, copeland, dowdall, minimax, plurality
from judge.errors import ConfigError

NAN = math.nan

FORMS = {
    **RULES,
    "copeland, ties": lambda t, w=None: copeland(t, w, form="lower_with_ties"),
    "minimax, margins": lambda t, w=None: minimax(t, w, against="margins"),
}
every_rule = pytest.mark.parametrize("rule", list(FORMS.values()), ids=list(FORMS))


@st.composite
def tables(draw, missing=True, least=0):
    n, columns = draw(st.integers(least, 5)), draw(st.integers(1, 4))
    score = st.sampled_from([0.0, 1.0, 2.0, 3.0] + [NAN] * (2 if missing else 0))
    rows = draw(st.lists(st.lists(score, min_size=columns, max_size=columns),
                         min_size=n, max_size=n))  # fmt: skip
    weights = draw(st.lists(st.sampled_from([0.1, 0.2, 0.3, 1.0, 2.5]),
                            min_size=columns, max_size=columns))  # fmt: skip
    return np.array(rows).reshape(n, columns), np.array(weights)


def by_the_book(table, w):
    """The formulas of the source, literally, for a table without gaps and N > 1."""
    n, columns = table.shape
    first = [[1 + sum(table[:, k] > table[i, k]) for k in range(columns)] for i in range(n)]
    last = [[int(sum(table[:, k] >= table[i, k])) for k in range(columns)] for i in range(n)]

    def sign(i, j):
        a = math.fsum(w[k] for k in range(columns) if table[i, k] > table[j, k])
        b = math.fsum(w[k] for k in range(columns) if table[i, k] < table[j, k])
        return (0 if abs(a - b) < 1e-9 else int(np.sign(a - b))), a, b

    rows = []
    for i in range(n):
        duels = [sign(i, j) for j in range(n) if j != i]
        graph = [{1: 1.0, 0: 0.5, -1: 0.0}[s] for s, _, _ in duels] + [1.0]
        rows.append({
            "plurality": sum(w[k] for k in range(columns) if last[i][k] <= 1),
            "borda": sum(w[k] * (n - last[i][k]) for k in range(columns)),
            "dowdall": sum(w[k] / first[i][k] for k in range(columns)),
            "copeland": sum(g == 1.0 for g in graph) - 1 - sum(g == 0.0 for g in graph),
            "copeland, ties": sum(graph) - 1,
            "minimax": -max(b * (s < 0) for s, _, b in duels),
            "minimax, margins": -max(b - a for _, a, b in duels),
            "condorcet": all(g == 1.0 for g in graph),
        })  # fmt: skip
    return rows


@settings(max_examples=80, deadline=None)
@given(tables(missing=False, least=2))
def test_full_tables_follow_the_formulas_of_the_source(case):
    table, weights = case
    expected = by_the_book(table, weights)
    for name, rule in FORMS.items():
        assert rule(table, weights) == pytest.approx([row[name] for row in expected], abs=1e-9)
    winner = [i for i, row in enumerate(expected) if row["condorcet"]]
    assert condorcet(table, weights) == (winner[0] if winner else None)


def test_values_by_hand_with_a_tie():
    """Three columns; candidates 0 and 1 share the first place of the last one."""
    table = [[3.0, 1.0, 2.0], [2.0, 3.0, 2.0], [1.0, 2.0, 1.0]]
    assert plurality(table).tolist() == [1.0, 1.0, 0.0]
    assert borda(table).tolist() == [2 + 0 + 1, 1 + 2 + 1, 0 + 1 + 0]
    assert dowdall(table) == pytest.approx([1 + 1 / 3 + 1, 1 / 2 + 1 + 1, 1 / 3 + 1 / 2 + 1 / 3])
    # 0 ties with 1 (one column each) and beats 2; 1 beats 2 in all three
    assert copeland(table).tolist() == [1.0, 1.0, -2.0]
    assert copeland(table, form="lower_with_ties").tolist() == [1.5, 1.5, 0.0]
    assert minimax(table).tolist() == [0.0, 0.0, -3.0]
    assert minimax(table, against="margins").tolist() == [0.0, 0.0, -3.0]
    assert condorcet(table) is None
    assert condorcet(table, [2.0, 1.0, 1.0]) == 0
    assert plurality(table, [2.0, 1.0, 1.0]).tolist() == [2.0, 1.0, 0.0]


def test_a_cycle_has_no_condorcet_winner():
    cycle = [[3.0, 1.0, 2.0], [2.0, 3.0, 1.0], [1.0, 2.0, 3.0]]
    assert condorcet(cycle) is None
    assert copeland(cycle).tolist() == [0.0] * 3
    assert minimax(cycle).tolist() == [-2.0] * 3
    assert minimax(cycle, against="margins").tolist() == [-1.0] * 3


def test_a_condorcet_winner_alone_is_above_zero_in_margins():
    table = [[3.0, 3.0, 1.0], [2.0, 2.0, 3.0], [1.0, 1.0, 2.0]]
    assert condorcet(table) == 0
    assert minimax(table, against="margins").tolist() == [1.0, -1.0, -3.0]


def test_sums_of_weights_that_differ_by_rounding_are_equal():
    assert 0.1 + 0.2 != 0.3
    table = [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert copeland(table, [0.1, 0.2, 0.3]).tolist() == [0.0, 0.0]


def test_borda_without_ties_counts_the_wins_as_evalica_does():
    table = np.random.default_rng(0).normal(size=(6, 7))
    games = [(str(i), str(j), evalica.Winner.X if column[i] > column[j] else evalica.Winner.Y)
             for column in table.T for i, j in itertools.combinations(range(6), 2)]  # fmt: skip
    counted = evalica.counting(*map(list, zip(*games, strict=True))).scores
    assert borda(table) == pytest.approx([counted[str(i)] for i in range(6)])


@every_rule
@settings(max_examples=40, deadline=None)
@given(tables(), st.data())
def test_renaming_candidates_and_columns_renames_values(rule, case, data):
    table, weights = case
    move = data.draw(st.permutations(range(len(table))))
    shuffle = data.draw(st.permutations(range(len(weights))))
    moved = rule(table[move][:, shuffle], weights[shuffle])
    assert moved == pytest.approx(rule(table, weights)[move], nan_ok=True)
    winner = condorcet(table[move][:, shuffle], weights[shuffle])
    assert (None if winner is None else move[winner]) == condorcet(table, weights)


@every_rule
@settings(max_examples=40, deadline=None)
@given(tables(), st.integers(0, 5))
def test_who_was_not_judged_and_what_weighs_nothing_changes_nothing(rule, case, at):
    table, weights = case
    plain = rule(table, weights)
    at = min(at, len(table))
    wider = np.insert(table, at, NAN, axis=0)
    value = rule(wider, weights)
    assert math.isnan(value[at])
    assert np.delete(value, at) == pytest.approx(plain, nan_ok=True)
    noise = np.arange(len(table), dtype=float)[:, None]
    weightless = rule(np.hstack([table, noise]), [*weights, 0.0])
    assert weightless == pytest.approx(plain, nan_ok=True)


@every_rule
@settings(max_examples=40, deadline=None)
@given(tables())
def test_values_are_nan_exactly_where_nothing_was_compared(rule, case):
    table, weights = case
    known = ~np.isnan(table)
    met = [any((known[i] & known[j]).any() for j in range(len(table)) if j != i)
           for i in range(len(table))]  # fmt: skip
    if known.any(1).sum() == 1:
        met = known.any(1).tolist()
    assert np.isnan(rule(table, weights)).tolist() == [not m for m in met]


@every_rule
@settings(max_examples=20, deadline=None)
@given(st.integers(2, 6), st.integers(1, 4), st.sampled_from([-1.0, 0.0, 7.5]))
def test_all_equal_scores_give_equal_values(rule, n, columns, score):
    values = rule(np.full((n, columns), score))
    assert np.ptp(values) == 0.0
    assert condorcet(np.full((n, columns), score)) is None


@pytest.mark.parametrize("rule", [plurality, borda, dowdall])
def test_positional_rules_neither_punish_nor_reward_a_missing_verdict(rule):
    """Candidate 0 is first, and candidate 3 last, wherever they are judged."""
    full = np.array([[4.0] * 4, [3.0] * 4, [2.0] * 4, [1.0] * 4])
    holes = full.copy()
    holes[0, 1] = holes[3, 2] = holes[3, 3] = NAN
    expected, value = rule(full), rule(holes)
    assert value[[0, 3]] == pytest.approx(expected[[0, 3]])
    zeroed = np.nan_to_num(holes, nan=0.0)
    assert rule(zeroed)[0] < expected[0]


def test_ranks_are_stretched_to_the_whole_contest():
    """Two judged of three: their places are 1 and 3, so .5 for the middle is nobody's."""
    table = [[2.0, 3.0], [1.0, 2.0], [NAN, 1.0]]
    assert borda(table).tolist() == [4.0, 0.0 + 1.0, 0.0]
    assert dowdall(table) == pytest.approx([2.0, 1 / 3 + 1 / 2, 2 / 3])
    assert plurality(table).tolist() == [2.0, 0.0, 0.0]


def test_a_column_with_one_verdict_says_nothing():
    table = [[5.0, 1.0], [NAN, 2.0]]
    for rule in FORMS.values():
        assert rule(table) == pytest.approx(rule([[1.0, 1.0], [2.0, 2.0]]))
    assert condorcet(table) == 1


def test_missing_columns_do_not_protect_a_candidate():
    """Candidate 1 always loses to 0; judged once or four times, its worst duel is all weight."""
    table = np.array([[2.0] * 4, [1.0] * 4])
    holes = np.array([[2.0] * 4, [1.0, NAN, NAN, NAN]])
    for against in ("winning_votes", "margins"):
        assert minimax(holes, against=against) == pytest.approx(minimax(table, against=against))


def test_pairs_skip_columns_where_either_is_missing():
    """0 beats 1 where both are judged, though 1 has the higher scores elsewhere."""
    table = [[2.0, NAN, NAN], [1.0, 9.0, 9.0], [0.0, 0.0, 0.0]]
    assert condorcet(table) == 0
    assert copeland(table).tolist() == [2.0, 0.0, -2.0]


def test_candidates_that_never_met_are_undecided():
    table = [[2.0, NAN], [1.0, NAN], [NAN, 2.0], [NAN, 1.0]]
    assert copeland(table).tolist() == [1.0, -1.0, 1.0, -1.0]
    assert copeland(table, form="lower_with_ties").tolist() == [2.0, 1.0, 2.0, 1.0]
    assert condorcet(table) is None


def test_no_candidate_and_one_candidate():
    for rule in FORMS.values():
        assert rule(np.zeros((0, 3))).tolist() == []
        assert rule([]).tolist() == []
        assert np.isnan(rule(np.full((1, 2), NAN))).all()
        assert np.isnan(rule(np.zeros((2, 0)))).all()
    assert condorcet([]) is None
    assert condorcet([[NAN]]) is None
    assert condorcet([[NAN], [1.0]]) == 1
    one = {name: rule([[3.0, NAN]]).tolist() for name, rule in FORMS.items()}
    assert one == {
        "plurality": [2.0], "borda": [0.0], "dowdall": [2.0], "copeland": [0.0],
        "minimax": [0.0], "copeland, ties": [0.0], "minimax, margins": [0.0],
    }  # fmt: skip


def test_rules_are_named():
    assert set(RULES) == {"plurality", "borda", "dowdall", "copeland", "minimax"}
    assert all(name == rule.__name__ for name, rule in RULES.items())


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: borda([1.0, 2.0]), "table"),
        (lambda: borda([[1.0, 2.0]], [1.0]), "weights"),
        (lambda: borda([[1.0, 2.0]], [1.0, -1.0]), "weights"),
        (lambda: borda([[1.0, 2.0]], [1.0, NAN]), "weights"),
        (lambda: borda([[1.0, 2.0]], [0.0, 0.0]), "weights"),
        (lambda: copeland([[1.0]], form="upper"), "form"),
        (lambda: minimax([[1.0]], against="all"), "against"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
