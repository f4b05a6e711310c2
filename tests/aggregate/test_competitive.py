import itertools
import math

import numpy as np
import pytest

from judge.aggregate import competitive_swiss, failure_sensitivity
from judge.errors import ConfigError


def tensor(strength):
    """[M, M, K] outcomes of items whose strength differs by round: [M, K]."""
    gap = np.asarray(strength)[:, None] - np.asarray(strength)[None]
    return (np.sign(gap) + 1.0) / 2.0


def exact(table):
    """The expected scores by going through every pairing of every round, without elimination."""
    m, _, rounds = table.shape

    def pairings(items):
        if len(items) < 2:
            return [([], 1.0)]
        found = []
        for order in itertools.permutations(items):
            found.append((list(zip(order[::2], order[1::2], strict=False)), 1.0))
        return [(games, 1.0 / len(found)) for games, _ in found]

    def play(score, k):
        if k == rounds:
            return np.array(score)
        levels = [[i for i in range(m) if score[i] == s] for s in sorted(set(score))]
        total = np.zeros(m)
        for combination in itertools.product(*(pairings(level) for level in levels)):
            share, after = 1.0, list(score)
            for games, p in combination:
                share *= p
                for a, b in games:
                    after[a] += table[a, b, k]
                    after[b] += table[b, a, k]
            total += share * play(after, k + 1)
        return total

    return play([0.0] * m, 0)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_expected_scores_are_those_of_all_pairings(m):
    rng = np.random.default_rng(m)
    table = tensor(rng.normal(size=(m, 3)))
    result = competitive_swiss(table, simulations=20_000, seed=1)
    assert result.score == pytest.approx(exact(table), abs=0.02)
    assert (result.standard_error <= 3 / 2 / math.sqrt(20_000)).all()
    repeats = [competitive_swiss(table, simulations=400, seed=s).score for s in range(200)]
    error = competitive_swiss(table, simulations=400).standard_error
    assert np.std(repeats, axis=0) == pytest.approx(error, rel=0.2, abs=1e-3)


def test_ties_give_half_a_point_and_missing_outcomes_none():
    tied = competitive_swiss(np.full((4, 4, 2), 0.5), simulations=50)
    assert tied.score.tolist() == [1.0] * 4
    nothing = competitive_swiss(np.full((4, 4, 2), np.nan), simulations=50)
    assert nothing.score.tolist() == [0.0] * 4


def test_renaming_items_renames_the_scores():
    rng = np.random.default_rng(3)
    table = tensor(rng.normal(size=(5, 4)))
    move = [3, 1, 4, 0, 2]
    plain = competitive_swiss(table, simulations=20_000).score
    moved = competitive_swiss(table[np.ix_(move, move)], simulations=20_000, seed=9).score
    assert moved == pytest.approx(plain[move], abs=0.03)


def test_elimination_takes_from_the_lowest_group_only():
    """Item 3 always loses round one, and would win round two among the losers."""
    table = tensor([[4.0, 1.0], [3.0, 2.0], [2.0, 3.0], [1.0, 4.0]])
    plain = competitive_swiss(table, simulations=200).score
    assert (plain[0], plain[3]) == (1.0, 1.0)
    for cut in (1, 2, 9):
        result = competitive_swiss(table, eliminate=[cut, 0], simulations=200).score
        assert (result[0], result[3]) == (1.0, 0.0)
        assert result.sum() == pytest.approx(3.0)


def test_specialist_falls_faster_than_generalist_under_elimination():
    """Item 0 loses the first rounds and wins the last ones; item 1 is second best throughout."""
    rounds, m = 6, 8
    strength = np.tile(-np.arange(m, dtype=float)[:, None], (1, rounds))
    strength[0] = [-100.0, -100.0, 100.0, 100.0, 100.0, 100.0]
    slope = failure_sensitivity(tensor(strength), simulations=2000)
    assert slope[0] < slope[1] - 0.3


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: competitive_swiss(np.zeros((2, 3, 1))), "wins"),
        (lambda: competitive_swiss(np.zeros((2, 2))), "wins"),
        (lambda: competitive_swiss(np.ones((2, 2, 1))), "wins"),
        (lambda: competitive_swiss([[[0.0], [0.7]], [[0.3], [0.0]]]), "wins"),
        (lambda: competitive_swiss([[[0.0], [np.nan]], [[1.0], [0.0]]]), "wins"),
        (lambda: competitive_swiss(np.full((2, 2, 3), 0.5), eliminate=[1]), "eliminate"),
        (lambda: competitive_swiss(np.full((2, 2, 3), 0.5), eliminate=-1), "eliminate"),
        (lambda: competitive_swiss(np.full((2, 2, 3), 0.5), simulations=0), "simulations"),
        (lambda: failure_sensitivity(np.full((2, 2, 3), 0.5), levels=[1, 1]), "levels"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()


def test_no_items_and_one_item():
    assert competitive_swiss(np.zeros((0, 0, 2))).score.tolist() == []
    assert competitive_swiss(np.zeros((1, 1, 2)), eliminate=1).score.tolist() == [0.0]
