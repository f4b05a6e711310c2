import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.aggregate.ratings import leaderboard
from judge.aggregate.soft_condorcet import default_temperature, soft_condorcet
from judge.errors import ConfigError

TABLES = st.integers(2, 6).flatmap(
    lambda n: st.lists(st.integers(0, 12), min_size=n * n, max_size=n * n).map(
        lambda values: (np.array(values, dtype=float) * (1 - np.eye(n).ravel())).reshape(n, n)
    )
)


def loss(scores, rating, temperature):
    gap = (rating[None, :] - rating[:, None]) / temperature
    return float((scores / (1.0 + np.exp(-gap))).sum())


def kept(scores, order):
    """Comparisons that an order of the models predicts."""
    return sum(scores[i, j] for i, j in itertools.combinations(order, 2))


def solve(scores):
    return soft_condorcet(scores, default_temperature(len(scores)))


def test_a_condorcet_winner_leads_where_elo_and_bradley_terry_have_another():
    """6 votes a > b > c and 5 votes b > c > a: a wins every majority by 6 : 5."""
    votes = ["abc", "bca", "abc", "bca", "abc", "bca", "abc", "bca", "abc", "bca", "abc"]
    pairs = [pair for vote in votes for pair in itertools.combinations(vote, 2)]
    columns = [a for a, _ in pairs], [b for _, b in pairs], [1.0] * len(pairs)
    leaders = {
        method: leaderboard(*columns, method=method).rows[0].name
        for method in ("soft_condorcet", "bradley_terry", "elo", "average_win_rate")
    }
    assert leaders == {
        "soft_condorcet": "a", "bradley_terry": "b", "elo": "b", "average_win_rate": "b"
    }  # fmt: skip
    rows = leaderboard(*columns, method="soft_condorcet").rows
    assert [row.name for row in rows] == ["a", "b", "c"]
    assert (rows[0].rating, rows[2].rating) == (1000.0, pytest.approx(0.0, abs=1e-6))
    assert 500.0 < rows[1].rating < 900.0


@settings(deadline=None, max_examples=60)
@given(TABLES)
def test_a_condorcet_winner_has_the_highest_rating(scores):
    rating = solve(scores)
    wins = (scores > scores.T).sum(1)
    for i in np.flatnonzero(wins == len(scores) - 1):
        assert rating[i] == rating.max() == 1000.0
    assert (rating >= 0.0).all()
    assert (rating <= 1000.0).all()


@settings(deadline=None, max_examples=40)
@given(TABLES, st.integers(0, 9))
def test_no_small_change_within_bounds_lowers_the_loss(scores, seed):
    temperature = default_temperature(len(scores))
    rating = solve(scores)
    best = loss(scores, rating, temperature)
    move = np.random.default_rng(seed).normal(size=(20, len(rating)))
    for change in [*np.eye(len(rating)), *-np.eye(len(rating)), *move]:
        near = np.clip(rating + 0.01 * temperature * change, 0.0, 1000.0)
        assert loss(scores, near, temperature) >= best - 1e-9 * (scores.sum() + 1.0)


def test_orders_are_near_those_of_kemeny_and_young():
    """Of random tables, the order keeps nearly all that the best of all orders keeps."""
    rng = np.random.default_rng(0)
    shares, best_ones = [], []
    for _ in range(40):
        scores = rng.integers(0, 12, size=(5, 5)) * (1.0 - np.eye(5))
        best = max(kept(scores, order) for order in itertools.permutations(range(5)))
        mine = kept(scores, np.argsort(-solve(scores)))
        shares.append(mine / best)
        best_ones.append(mine == best)
    assert np.mean(best_ones) >= 0.7
    assert np.mean(shares) >= 0.99


def test_a_stack_of_tables_is_solved_as_each_alone():
    tables = np.random.default_rng(1).integers(0, 9, size=(3, 2, 4, 4)).astype(float)
    together = soft_condorcet(tables, 50.0)
    for at in np.ndindex(3, 2):
        assert together[at] == pytest.approx(soft_condorcet(tables[at], 50.0), abs=1e-4)


def test_only_margins_and_only_their_ratios_count():
    scores = np.random.default_rng(2).integers(0, 9, size=(5, 5)).astype(float)
    assert solve(scores + 3.0) == pytest.approx(solve(scores), abs=1e-4)
    assert solve(scores * 1e6) == pytest.approx(solve(scores), abs=1e-4)
    assert solve(np.zeros((3, 3))).tolist() == [400.0] * 3


def test_a_temperature_below_what_the_search_can_reach_is_an_error():
    scores = np.random.default_rng(3).integers(0, 9, size=(6, 6)).astype(float)
    with pytest.raises(ConfigError, match=r"^temperature: "):
        soft_condorcet(scores, 1e-60)


def test_data_that_mirror_themselves_have_one_answer():
    """Reversing every outcome and renaming models gives the same table: two cuts are as good."""
    scores = np.zeros((6, 6))
    for winner, loser in ["ba", "cb", "dc", "ed", "fe", "af", "ea"]:
        scores["abcdef".index(winner), "abcdef".index(loser)] = 1.0
    rating = solve(scores)
    for order in itertools.islice(itertools.permutations(range(6)), 0, 720, 37):
        assert solve(scores[np.ix_(order, order)]) == pytest.approx(rating[[*order]], abs=1e-5)
