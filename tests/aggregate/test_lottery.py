import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from judge.aggregate.lottery import (
    cyclic_triads,
    general_preference,
    maximal_lottery,
    nash_win_rate,
    preference_matrix,
)
from judge.errors import ConfigError
from judge.types import Preference

NAN = math.nan
ROCK_PAPER_SCISSORS = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])


def skew(entries, n):
    margins = np.zeros((n, n))
    margins[np.triu_indices(n, 1)] = entries
    return margins - margins.T


@st.composite
def games(draw, least=0, most=6, missing=False):
    n = draw(st.integers(least, most))
    margin = st.sampled_from([-1.0, -0.5, -0.1, 0.0, 0.0, 0.1, 0.5, 1.0] + [NAN] * 4 * missing)
    size = n * (n - 1) // 2
    return skew(draw(st.lists(margin, min_size=size, max_size=size)), n)


def pairs_of(margins):
    return [
        Preference(i, j, (1 + m) / 2, 0.0, (1 - m) / 2, None)
        for i, j in itertools.combinations(range(len(margins)), 2)
        if not math.isnan(m := float(margins[i, j]))
    ]


@settings(max_examples=80, deadline=None)
@given(games(least=2))
def test_nobody_beats_the_lottery(game):
    lottery = maximal_lottery(game)
    assert lottery.sum() == pytest.approx(1.0)
    assert (lottery >= 0.0).all()
    assert (game @ lottery).max() <= 1e-6 * math.log(len(game)) * abs(game).max() + 1e-12


@pytest.mark.parametrize("n", [3, 5, 9, 20, 40])
def test_random_games_agree_with_the_linear_program(n):
    """With normal margins the equilibrium is unique, almost surely."""
    rng = np.random.default_rng(n)
    for _ in range(3):
        game = skew(rng.normal(size=n * (n - 1) // 2), n)
        # minimise v with S p <= v, p a lottery; the value of a symmetric game is 0
        solved = linprog(
            np.r_[np.zeros(n), 1.0],
            A_ub=np.c_[game, -np.ones(n)],
            b_ub=np.zeros(n),
            A_eq=np.r_[np.ones(n), 0.0][None],
            b_eq=[1.0],
            bounds=[(0.0, None)] * n + [(None, None)],
        )
        assert solved.fun == pytest.approx(0.0, abs=1e-9)
        assert maximal_lottery(game) == pytest.approx(solved.x[:n], abs=2e-3)
        assert (game @ maximal_lottery(game)).max() <= 1e-6 * math.log(n) * abs(game).max()


def test_rock_paper_scissors_is_uniform_and_unequal_margins_are_not():
    assert maximal_lottery(ROCK_PAPER_SCISSORS) == pytest.approx([1 / 3] * 3)
    # each share is the margin of the duel between the other two
    game = skew([0.5, -0.2, 0.3], 3)
    assert maximal_lottery(game) == pytest.approx([0.3, 0.2, 0.5], abs=1e-5)


def test_a_condorcet_winner_gets_all():
    game = np.zeros((4, 4))
    game[1:, 1:] = ROCK_PAPER_SCISSORS
    game[0, 1:], game[1:, 0] = 0.01, -0.01
    assert maximal_lottery(game) == pytest.approx([1.0, 0.0, 0.0, 0.0], abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5, 30])
def test_all_ties_give_the_uniform_lottery(n):
    assert maximal_lottery(np.zeros((n, n))).tolist() == pytest.approx([1 / n] * n)


def test_equal_winners_share():
    """Two that tie and beat the rest: a vertex of the linear program would choose one."""
    assert maximal_lottery(skew([0.0, 1.0, 1.0], 3)) == pytest.approx([0.5, 0.5, 0.0], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(games(missing=True), st.data(), st.sampled_from([1e-3, 1.0, 250.0]))
def test_renaming_and_rescaling_keep_the_lottery(game, data, unit):
    lottery = maximal_lottery(game)
    move = data.draw(st.permutations(range(len(game))))
    moved = maximal_lottery(unit * game[np.ix_(move, move)])
    assert moved == pytest.approx(lottery[move], abs=1e-8, nan_ok=True)
    rate = nash_win_rate(game, lottery)
    renamed = nash_win_rate(game[np.ix_(move, move)], moved)
    assert renamed == pytest.approx(rate[move], abs=1e-8, nan_ok=True)


def test_colder_lotteries_are_nearer_to_the_equilibrium():
    game = skew(np.random.default_rng(1).normal(size=45), 10)
    gains = [(game @ maximal_lottery(game, temperature=t)).max() for t in (1.0, 1e-3, 1e-6, 1e-9)]
    assert gains == sorted(gains, reverse=True)
    for t, gain in zip((1.0, 1e-3, 1e-6, 1e-9), gains, strict=True):
        assert 0.0 < gain <= t * math.log(10) * abs(game).max()


def test_hot_lotteries_are_quantal_responses():
    game = skew(np.random.default_rng(2).normal(size=10), 5)
    lottery = maximal_lottery(game, temperature=0.5)
    answer = np.exp(game @ lottery / abs(game).max() / 0.5)
    assert lottery == pytest.approx(answer / answer.sum())


@settings(max_examples=40, deadline=None)
@given(games(least=2, missing=True))
def test_missing_pairs_are_even_and_the_unjudged_take_no_part(game):
    lottery, rate = maximal_lottery(game), nash_win_rate(game, maximal_lottery(game))
    judged = (~np.isnan(game)).sum(1) > 1
    assert np.isnan(lottery).tolist() == (~judged).tolist() == np.isnan(rate).tolist()
    rest = np.nan_to_num(game, nan=0.0)[np.ix_(judged, judged)]
    assert lottery[judged] == pytest.approx(maximal_lottery(rest), abs=1e-8)


def test_an_unjudged_candidate_does_not_share_with_a_winner():
    game = np.array([[0.0, 1.0, NAN], [-1.0, 0.0, NAN], [NAN, NAN, 0.0]])
    assert maximal_lottery(game) == pytest.approx([1.0, 0.0, NAN], nan_ok=True)
    assert nash_win_rate(game, [1.0, 0.0, NAN]) == pytest.approx([0.5, 0.0, NAN], nan_ok=True)
    even = np.array([[0.0, 1.0, 1.0], [-1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    assert nash_win_rate(even, [0.5, 0.5, NAN]).tolist() == [0.75, 0.25, 0.25]
    # the same pair as a known tie: it does
    assert maximal_lottery(skew([1.0, 0.0, 0.0], 3))[2] > 0.1


@settings(max_examples=40, deadline=None)
@given(games(least=1))
def test_win_rates_against_the_lottery(game):
    lottery = maximal_lottery(game)
    rate = nash_win_rate(game, lottery)
    by_hand = [sum(p * (1 + m) / 2 for p, m in zip(lottery, row, strict=True)) for row in game]
    assert rate == pytest.approx(by_hand)
    assert rate.max() <= 0.5 + 1e-5
    assert rate[lottery > 0.01] == pytest.approx(0.5, abs=1e-3)


def test_no_candidate_and_one_candidate():
    assert maximal_lottery([]).tolist() == []
    assert maximal_lottery([[0.0]]).tolist() == [1.0]
    assert maximal_lottery([[NAN]]).tolist() == [1.0]
    assert nash_win_rate([], []).tolist() == []
    assert nash_win_rate([[0.0]], [1.0]).tolist() == [0.5]
    assert preference_matrix(0, []).shape == (0, 0)
    assert preference_matrix(1, []).tolist() == [[0.0]]
    assert general_preference([]).shape == (0, 0)
    assert general_preference([[3.0, 4.0]]).tolist() == [[0.5]]
    for n in (0, 1, 2):
        assert (cyclic_triads(n, []).cycles, cyclic_triads(n, []).share) == ((), None)


def test_the_matrix_holds_margins_and_nan_for_what_was_not_judged():
    pairs = [
        Preference(0, 1, 0.7, 0.2, 0.1, None),
        Preference(0, 2, 0.0, 1.0, 0.0, None, 0.0),
        Preference(1, 2, 0.2, 0.3, 0.5, False),
    ]
    expected = [[0.0, 0.6, NAN], [-0.6, 0.0, -0.3], [NAN, 0.3, 0.0]]
    assert preference_matrix(3, pairs) == pytest.approx(np.array(expected), nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(games(missing=True))
def test_the_matrix_of_pairs_is_the_game(game):
    assert preference_matrix(len(game), pairs_of(game)) == pytest.approx(game, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(games(missing=True), st.data())
def test_triads_are_found_like_by_going_through_all(game, data):
    n = len(game)
    found = cyclic_triads(n, pairs_of(game))
    expected, complete = set(), 0
    for i, j, k in itertools.combinations(range(n), 3):
        links = (game[i, j], game[j, k], game[k, i])
        complete += not np.isnan(links).any()
        if all(link > 0 for link in links):
            expected.add((i, j, k))
        if all(link < 0 for link in links):
            expected.add((i, k, j))
    assert len(found.cycles) == len(expected)
    assert set(found.cycles) == expected
    assert found.share == (pytest.approx(len(expected) / complete) if complete else None)
    move = data.draw(st.permutations(range(n)))
    moved = cyclic_triads(n, pairs_of(game[np.ix_(move, move)]))
    assert moved.share == found.share
    names = {frozenset(move[i] for i in triad) for triad in moved.cycles}
    assert names == {frozenset(triad) for triad in found.cycles}


def test_a_quarter_of_random_triples_are_cycles():
    rng = np.random.default_rng(0)
    game = skew(rng.choice([-1.0, 1.0], size=60 * 59 // 2), 60)
    assert cyclic_triads(60, pairs_of(game)).share == pytest.approx(0.25, abs=0.02)
    assert cyclic_triads(3, pairs_of(ROCK_PAPER_SCISSORS)).cycles == ((0, 1, 2),)
    assert cyclic_triads(3, pairs_of(-ROCK_PAPER_SCISSORS)).cycles == ((0, 2, 1),)


def test_general_preference_is_the_block_form_of_the_paper():
    rng = np.random.default_rng(0)
    vectors, weights = rng.normal(size=(5, 6)), np.array([0.2, 0.7, 0.1])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    turn = np.kron(np.diag(weights), [[0.0, -1.0], [1.0, 0.0]])
    score = np.array([[(turn @ a) @ b for b in unit] for a in unit])
    expected = 1.0 / (1.0 + np.exp(-score / 0.3))
    assert general_preference(vectors, weights, 0.3) == pytest.approx(expected)
    assert general_preference(7.0 * vectors, weights, 0.3) == pytest.approx(expected)
    without = general_preference(vectors, [0.0, 1.0, 1.0])
    assert without != pytest.approx(general_preference(vectors))


def test_a_scalar_reward_is_an_embedding_and_a_circle_a_cycle():
    scalar = general_preference(np.column_stack([[2.0, 0.5, -1.0], np.ones(3)]))
    assert scalar[0, 1] > 0.5 < scalar[1, 2]
    assert scalar[0, 2] > 0.5
    angles = 2.0 * np.pi * np.arange(3) / 3
    circle = general_preference(np.column_stack([np.cos(angles), np.sin(angles)]))
    assert circle[0, 1] == pytest.approx(circle[1, 2]) == pytest.approx(circle[2, 0])
    assert circle[0, 1] > 0.99
    assert maximal_lottery(2.0 * circle - 1.0) == pytest.approx([1 / 3] * 3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5), st.integers(0, 3), st.integers(0, 99), st.booleans())
def test_both_directions_of_a_preference_sum_to_one(n, planes, seed, gap):
    vectors = np.random.default_rng(seed).normal(size=(n, 2 * planes))
    if gap and n and planes:
        vectors[0, 0] = NAN
    p = general_preference(vectors, temperature=0.02)
    known = ~np.isnan(vectors).any(1)
    assert (np.isnan(p) == ~(known[:, None] & known)).all()
    inside = p[np.ix_(known, known)]
    assert (inside + inside.T == 1.0).all()
    move = np.random.default_rng(seed).permutation(n)
    moved = general_preference(vectors[move], temperature=0.02)
    assert moved == pytest.approx(p[np.ix_(move, move)], nan_ok=True)


def test_equal_and_empty_embeddings_are_even():
    assert (general_preference(np.ones((4, 2))) == 0.5).all()
    assert (general_preference([[0.0, 0.0], [1.0, 0.0]]) == 0.5).all()


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: maximal_lottery([[0.0, 1.0]]), "margins"),
        (lambda: maximal_lottery([[0.0, 1.0], [1.0, 0.0]]), "margins"),
        (lambda: maximal_lottery([[0.0, 1.0], [NAN, 0.0]]), "margins"),
        (lambda: maximal_lottery([[0.0, 0.0], [NAN, 0.0]]), "margins"),
        (lambda: maximal_lottery([[0.0, math.inf], [-math.inf, 0.0]]), "margins"),
        (lambda: maximal_lottery([[0.5]]), "margins"),
        (lambda: maximal_lottery([[0.0]], temperature=0.0), "temperature"),
        (lambda: maximal_lottery([[0.0]], temperature=1.5), "temperature"),
        (lambda: nash_win_rate([[0.0]], [0.5, 0.5]), "lottery"),
        (lambda: nash_win_rate([[0.0]], [-1.0]), "lottery"),
        (lambda: preference_matrix(1, [Preference(0, 1, 1.0, 0.0, 0.0, None)]), "pairs"),
        (lambda: preference_matrix(2, [Preference(0, 1, 1.0, 0.0, 0.0, None)] * 2), "pairs"),
        (lambda: preference_matrix(3, [Preference(-1, 1, 1.0, 0.0, 0.0, None)]), "pairs"),
        (lambda: preference_matrix(-1, []), "n"),
        (lambda: general_preference([[1.0, 2.0, 3.0]]), "embeddings"),
        (lambda: general_preference([[math.inf, 2.0]]), "embeddings"),
        (lambda: general_preference([[1.0, 2.0]], [1.0, 1.0]), "weights"),
        (lambda: general_preference([[1.0, 2.0]], [-1.0]), "weights"),
        (lambda: general_preference([[1.0, 2.0]], temperature=0.0), "temperature"),
        (lambda: general_preference([[1.0, 2.0]], temperature=math.inf), "temperature"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
