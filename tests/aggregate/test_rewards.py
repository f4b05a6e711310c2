import asyncio
import itertools
import math

import hypothesis
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import replace

from judge.aggregate import rank, strengths
from judge.aggregate.preferences import preferences
from judge.aggregate.rewards import (
    NOTHING,
    REWARDS,
    Contest,
    RewardRule,
    Valued,
    lowest,
    probability_best,
    rank_rewards,
    skew,
)
from judge.aggregate.strength import rank_order
from judge.errors import ConfigError
from judge.types import Comparison, Preference, Ranking


def pair(i, j, p_i, p_tie=0.0, lean=None):
    return Preference(i, j, p_i, p_tie, 1.0 - p_i - p_tie, None, lean=lean)


def contest(n, pairs, **fields):
    fields.setdefault("asked", [n - 1] * n)
    comparisons = fields.pop("comparisons", None)
    if comparisons is None:
        comparisons = [Comparison(p.i, p.j, p.p_i, p.p_tie, p.p_j) for p in pairs]
    fields.setdefault("ranking", lambda: strengths(n, comparisons))
    return Contest(n, comparisons, pairs, **fields)


def reward(name, n, pairs, **fields):
    return REWARDS[name].values(contest(n, pairs, **fields))


def values(found):
    return [valued.value for valued in found]


PAIRS = st.dictionaries(
    st.sampled_from([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
).map(lambda raw: [pair(i, j, p * q, p * (1 - q)) for (i, j), (p, q) in raw.items()])


# --- win rate --------------------------------------------------------------------------------


def test_the_win_rate_is_the_mean_over_the_opponents():
    found = reward("win_rate", 3, [pair(0, 1, 0.9), pair(0, 2, 0.5, 0.3), pair(1, 2, 0.2)])
    assert values(found) == pytest.approx([(0.9 + 0.65) / 2, (0.1 + 0.2) / 2, (0.35 + 0.8) / 2])
    assert [v.coverage for v in found] == [1.0, 1.0, 1.0]


def test_the_standard_error_is_that_of_drawing_each_outcome():
    (one, two) = reward("win_rate", 2, [pair(0, 1, 0.5, 0.2)])
    mean = 0.6
    spread = 0.5 * (1 - mean) ** 2 + 0.2 * (0.5 - mean) ** 2 + 0.3 * mean**2
    assert one.standard_error == two.standard_error == pytest.approx(math.sqrt(spread))
    assert reward("win_rate", 2, [pair(0, 1, 0.0, 1.0)])[0].standard_error == 0.0
    three = reward("win_rate", 3, [pair(0, 1, 0.5), pair(0, 2, 0.5)])
    assert three[0].standard_error == pytest.approx(math.sqrt(0.5) / 2)


def test_a_missing_pair_is_missing_and_not_a_tie():
    found = reward("win_rate", 3, [pair(0, 1, 0.9)])
    assert found[0] == Valued(0.9, pytest.approx(0.3), 0.5)
    assert found[2] == NOTHING
    assert reward("win_rate", 2, []) == [NOTHING] * 2


def test_coverage_counts_the_opponents_that_were_asked_for():
    found = reward("win_rate", 4, [pair(0, 1, 0.9)], asked=[1, 2, 1, 0])
    assert [v.coverage for v in found] == [1.0, 0.5, 0.0, 0.0]
    assert reward("win_rate", 4, [pair(0, 1, 0.9)], asked=None)[1].coverage == 1.0


def test_everyone_beats_those_a_gate_took_out():
    found = reward("win_rate", 2, [pair(0, 1, 0.9)], beaten=2)
    assert values(found) == pytest.approx([2.9 / 3, 2.1 / 3])
    assert reward("win_rate", 1, [], beaten=3) == [Valued(1.0, 0.0, 1.0)]
    assert reward("win_rate", 2, [], beaten=1)[0] == Valued(1.0, 0.0, 0.5)
    assert reward("win_rate", 1, []) == [NOTHING]
    assert reward("win_rate", 0, []) == []


@settings(max_examples=80)
@hypothesis.given(PAIRS, st.integers(0, 2))
def test_win_rates_are_in_the_unit_interval_and_add_up(pairs, beaten):
    found = reward("win_rate", 4, pairs, beaten=beaten)
    for v in found:
        assert (v.value is None) is (v.coverage == 0.0)
        assert v.value is None or -1e-12 <= v.value <= 1.0 + 1e-12
        assert 0.0 <= v.coverage <= 1.0
    if len(pairs) == 6 and not beaten:
        assert sum(v.value for v in found) == pytest.approx(2.0)


def test_net_wins_are_wins_minus_losses():
    found = reward("net_wins", 3, [pair(0, 1, 0.7, 0.2), pair(0, 2, 1.0)])
    assert values(found) == pytest.approx([(0.6 + 1.0) / 2, -0.6, -1.0])


# --- all rules -------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@hypothesis.given(
    st.sampled_from(sorted(REWARDS)), PAIRS, st.permutations(range(4)), st.integers(0, 2)
)
def test_relabelling_items_relabels_rewards(name, pairs, order, beaten):
    place = {item: at for at, item in enumerate(order)}
    moved = [
        Preference(*((place[p.i], place[p.j], p.p_i, p.p_tie, p.p_j)), None)
        if place[p.i] < place[p.j]
        else Preference(place[p.j], place[p.i], p.p_j, p.p_tie, p.p_i, None)
        for p in pairs
    ]
    told = [Comparison(p.i, p.j, p.p_i, p.p_tie, p.p_j) for p in pairs]
    again = [replace(c, first=place[c.first], second=place[c.second]) for c in told]
    one = reward(name, 4, pairs, anchor=2, beaten=beaten, comparisons=told)
    two = reward(name, 4, moved, anchor=place[2], beaten=beaten, comparisons=again)
    if name == "best_of_n":  # equals are told apart by keys, of which there are none here
        one, two = ([v.coverage for v in found] for found in (one, two))
        assert [two[place[item]] for item in range(4)] == one
        return
    for item in range(4):
        a, b = one[item], two[place[item]]
        assert a.coverage == b.coverage
        assert (a.value is None) is (b.value is None)
        assert a.value is None or a.value == pytest.approx(b.value, abs=1e-6)


@pytest.mark.parametrize("name", sorted(set(REWARDS) - {"mean_score", "brpo", "best_of_n"}))
@pytest.mark.parametrize("n", [2, 5])
def test_all_ties_are_worth_the_same(name, n):
    tied = [pair(i, j, 0.0, 1.0) for i, j in itertools.combinations(range(n), 2)]
    found = values(reward(name, n, tied, anchor=0))
    assert found == pytest.approx([found[0]] * n, abs=1e-9)


@settings(max_examples=40, deadline=None)
@hypothesis.given(st.sampled_from(sorted(REWARDS)), PAIRS)
def test_values_stay_in_the_range_they_claim(name, pairs):
    for v in reward(name, 4, pairs, anchor=0):
        assert (v.value is None) or math.isfinite(v.value)
        assert v.standard_error is None or v.standard_error >= 0.0
        if REWARDS[name].range is not None and v.value is not None:
            low, high = REWARDS[name].range
            assert low - 1e-9 <= v.value <= high + 1e-9


@pytest.mark.parametrize("name", sorted(REWARDS))
def test_nobody_and_one_alone_have_no_reward(name):
    assert reward(name, 0, [], anchor=None) == []
    if not REWARDS[name].against_one:
        assert reward(name, 1, []) == [NOTHING]


def test_rewards_of_a_ranking(judge):
    told = asyncio.run(rank(5, judge([0.0, 3.0, 1.0, 2.0, -1.0]), method="round_robin"))
    for name in ("win_rate", "rank_quantile", "posterior_mean", "difference_matrix"):
        found = values(rank_rewards(told, name))
        assert sorted(range(5), key=lambda item: found[item]) == [4, 0, 2, 3, 1]
    assert values(rank_rewards(told, "best_of_n")) == [0.0, 1.0, 0.0, 0.0, 0.0]
    for wrong in ({"rule": "elo"}, {"rule": "brpo"}, {"rule": "brpo", "anchor": 9}):
        with pytest.raises(ConfigError, match=r"^(rule|anchor):"):
            rank_rewards(told, **wrong)


# --- ranks and strengths ---------------------------------------------------------------------


def test_a_rank_quantile_is_one_minus_the_share_ahead(judge):
    told = asyncio.run(rank(5, judge([0.0, 3.0, 1.0, 1.0, -1.0]), method="round_robin"))
    assert values(rank_rewards(told, "rank_quantile")) == [0.25, 1.0, 0.625, 0.625, 0.0]
    worse = REWARDS["rank_quantile"].values(
        Contest(5, told.comparisons, preferences(told.comparisons), lambda: told, beaten=1)
    )
    assert values(worse) == pytest.approx([0.4, 1.0, 0.7, 0.7, 0.2])


def given(strengths, deviation):
    n = len(strengths)
    ranks = rank_order(np.array([math.nan if s is None else s for s in strengths]))
    return Ranking(ranks, strengths, deviation**2 * np.eye(n), 0, 0, 0, 0.0, (), "given")


def test_clear_ranks_have_small_errors():
    def error(ranking):
        told = Contest(3, (), [pair(0, 1, 1.0), pair(0, 2, 1.0)], lambda: ranking)
        return REWARDS["rank_quantile"].values(told)[0].standard_error

    assert error(given((2.0, 1.0, 0.0), 1e-3)) == pytest.approx(0.0, abs=1e-6)
    # Against each of two equals the order is a coin toss: sqrt(2 / 4) places of two.
    assert error(given((0.0, 0.0, 0.0), 1.0)) == pytest.approx(math.sqrt(0.5) / 2)


def test_the_posterior_mean_is_the_strength(judge):
    told = asyncio.run(rank(4, judge([0.0, 1.0, 2.0, 5.0]), method="round_robin"))
    found = rank_rewards(told, "posterior_mean")
    assert tuple(values(found)) == told.strengths
    assert [v.standard_error for v in found] == pytest.approx(np.sqrt(np.diag(told.covariance)))


def test_the_best_of_n_follows_the_answers():
    """Three mediocre responses that agree outvote the single best one."""
    pairs = [
        pair(i, j, 0.5 + 0.1 * (j == 3) * -1 + 0.1 * (i == 0)) for i, j in ((0, 1), (0, 2), (1, 2))
    ] + [pair(i, 3, 0.4) for i in range(3)]
    assert values(reward("best_of_n", 4, pairs)) == [0.0, 0.0, 0.0, 1.0]
    agreed = reward("best_of_n", 4, pairs, answers=["7", "7", "7", "8"])
    assert values(agreed) == [1.0, 0.0, 0.0, 0.0]


def test_copies_of_the_best_are_best_too():
    pairs = [pair(0, 1, 0.0, 1.0), pair(0, 2, 0.9), pair(1, 2, 0.9)]
    assert values(reward("best_of_n", 3, pairs, keys=["a", "a", "b"])) == [1.0, 1.0, 0.0]


def test_the_chance_of_being_best():
    assert probability_best(given((0.0, 0.0, 0.0), 1.0)) == pytest.approx([1 / 3] * 3, abs=0.04)
    assert probability_best(given((0.0, 0.0, -9.0), 0.0)) == [0.5, 0.5, 0.0]
    ahead = 0.5 * math.erfc(-1.0 / 2.0)  # P(N(1, 2) > 0)
    assert probability_best(given((1.0, 0.0), 1.0))[0] == pytest.approx(ahead, abs=0.03)
    assert probability_best(given((None, None), 1.0)) == [0.0, 0.0]


# --- Think-RM, the lottery, scores -----------------------------------------------------------


@settings(max_examples=40)
@hypothesis.given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=6))
def test_differences_of_scalars_give_the_group_normalised_advantage(scalars):
    n = len(scalars)
    pairs = [
        pair(i, j, 0.5, 0.0, lean=scalars[i] - scalars[j])
        for i, j in itertools.combinations(range(n), 2)
    ]
    centred = np.array(scalars) - np.mean(scalars)
    # sum_ij (r_i - r_j)^2 = 2 G sum (r_i - mean)^2, so the denominator is the unbiased deviation
    deviation = math.sqrt(float((centred**2).sum()) / (n - 1) + 1e-6)
    assert values(reward("difference_matrix", n, pairs)) == pytest.approx(
        (centred / deviation).tolist(), abs=1e-6
    )


def test_a_cycle_damps_the_differences():
    around = [pair(0, 1, 0.5, lean=0.5), pair(1, 2, 0.5, lean=0.5), pair(0, 2, 0.5, lean=-0.5)]
    assert values(reward("difference_matrix", 3, around)) == pytest.approx([0.0] * 3)
    line = [pair(0, 1, 0.5, lean=0.5), pair(1, 2, 0.5, lean=0.5), pair(0, 2, 0.5, lean=0.5)]
    straight = [*line[:2], pair(0, 2, 0.5, lean=1.0)]
    assert reward("difference_matrix", 3, line)[0].value < (
        reward("difference_matrix", 3, straight)[0].value + 1e-9
    )


def test_rock_paper_scissors_is_even_and_a_fourth_that_loses_to_all_is_not():
    pairs = [pair(0, 1, 1.0), pair(1, 2, 1.0), pair(0, 2, 0.0)] + [
        pair(i, 3, 0.8) for i in range(3)
    ]
    found = values(reward("maximal_lottery", 4, pairs))
    assert found == pytest.approx([0.5, 0.5, 0.5, 0.2], abs=1e-3)


def test_own_scores_are_averaged():
    told = [
        Comparison(0, 1, 1.0, 0.0, 0.0, None, (8.0, 4.0)),
        Comparison(1, 0, 0.0, 0.0, 1.0, None, (5.0, 6.0)),
        Comparison(2, 0, 0.0, 1.0, 0.0),
    ]
    found = reward("mean_score", 3, [pair(0, 1, 1.0), pair(0, 2, 0.0, 1.0)], comparisons=told)
    assert values(found) == [7.0, 4.5, None]
    assert found[0].standard_error == pytest.approx(1.0)


# --- against one -----------------------------------------------------------------------------


def test_beating_the_reference():
    pairs = [pair(0, 2, 0.7, 0.2), pair(1, 2, 0.1), pair(0, 1, 1.0), pair(2, 3, 0.6)]
    found = reward("beats_reference", 5, pairs, anchor=2)
    assert values(found) == [
        pytest.approx(0.8),
        pytest.approx(0.1),
        0.5,
        pytest.approx(0.4),
        None,
    ]
    assert [v.coverage for v in found] == [1.0, 1.0, 1.0, 1.0, 0.0]
    assert found[2].standard_error == 0.0
    spread = 0.7 * 0.2**2 + 0.2 * 0.3**2 + 0.1 * 0.8**2
    assert found[0].standard_error == pytest.approx(math.sqrt(spread))


@settings(max_examples=60)
@hypothesis.given(PAIRS, st.integers(0, 3))
def test_only_the_pairs_with_the_reference_count(pairs, anchor):
    own = [p for p in pairs if anchor in (p.i, p.j)]
    whole = reward("beats_reference", 4, pairs, anchor=anchor)
    assert whole == reward("beats_reference", 4, own, anchor=anchor)
    rates = reward("win_rate", 4, own)
    for item, v in enumerate(whole):
        if item != anchor and v.value is not None:
            assert v.value == pytest.approx(rates[item].value)


def test_how_much_better_than_the_reference():
    pairs = [pair(0, 2, 1.0, lean=0.5), pair(1, 2, 0.0, lean=-1.0)]
    assert values(reward("reference_lean", 3, pairs, anchor=2)) == [0.5, -1.0, 0.0]


def test_brpo_wants_every_order_won():
    def told(item, *leads):
        shown = [(item, 3), (3, item)]
        return [
            Comparison(a, b, p if a == item else 1 - p, 0.0, 1 - p if a == item else p)
            for (a, b), p in zip(shown, leads, strict=False)
        ]

    comparisons = told(0, 0.9, 0.6) + told(1, 0.9, 0.4) + [Comparison(2, 3, 0.0, 1.0, 0.0)]
    found = reward("brpo", 5, preferences(comparisons), comparisons=comparisons, anchor=3)
    assert values(found) == [1.0, -1.0, -1.0, 0.0, None]
    assert found[0].standard_error == pytest.approx(2 * math.sqrt(0.54 * 0.46))
    assert skew(found) == pytest.approx(1 / 5)
    assert skew([]) == 0.0


# --- floors and ranks ------------------------------------------------------------------------


def test_a_gated_response_is_below_all_that_were_compared():
    found = [Valued(0.2, 0.1, 1.0), Valued(0.8, 0.1, 1.0), NOTHING, Valued(0.5, 0.1, 1.0)]
    assert lowest(RewardRule(list, (-1.0, 1.0)), found) == -1.0
    assert lowest(RewardRule(list, None), found) == pytest.approx(0.2 - 0.3)
    assert lowest(RewardRule(list, None), [Valued(0.2, 0.1, 1.0)] * 2) == pytest.approx(0.1)
    assert lowest(RewardRule(list, None), [NOTHING]) == 0.0
