"""Eliminations: the defects of released code, each as a test, and who earns what."""

import asyncio
import itertools

import numpy as np
import pytest

from judge.aggregate import rank
from judge.aggregate.brackets import bracket
from judge.types import Comparison, Failure


def ranked(n, compare, **options):
    return asyncio.run(rank(n, compare, **options))


@pytest.mark.parametrize("n", range(1, 40))
def test_bracket_gives_the_byes_to_the_top_seeds(n):
    slots = bracket(n)
    assert sorted(place for place in slots if place is not None) == list(range(n))
    meetings = list(zip(slots[::2], slots[1::2], strict=False)) if n > 1 else []
    free = sorted(a if b is None else b for a, b in meetings if a is None or b is None)
    assert free == list(range(len(slots) - n))


def test_top_seeds_meet_as_late_as_possible():
    slots = bracket(16)
    while len(slots) > 2:
        meetings = list(zip(slots[::2], slots[1::2], strict=True))
        assert all(sum(pair) == len(slots) - 1 for pair in meetings)
        slots = [min(pair) for pair in meetings]
    assert slots == [0, 1]


@pytest.mark.parametrize("n", [3, 5, 6, 7, 11, 12])
def test_a_perfect_judge_with_byes_ranks_perfectly(judge, n):
    """Released code moves the bye to the front: tau .33 at N = 3 and .87 at N = 6."""
    for seed in range(10):
        strength = np.random.default_rng([n, seed]).normal(size=n).tolist()
        result = ranked(n, judge(strength, "scores"), method="single_elimination", seed=seed)
        order = sorted(range(n), key=lambda i: -strength[i])
        assert [result.ranks[i] for i in order] == list(range(1, n + 1))


def test_given_seeds_replace_the_anchor_phase(judge):
    strength = list(map(float, range(8)))
    asked = judge(strength)
    result = ranked(8, asked, method="single_elimination", orders="both", seeds=strength)
    assert (result.calls, result.depth) == (14, 3)
    first = {frozenset(pair) for pair in asked.asked[:8]}
    assert first == {frozenset((i, 7 - i)) for i in range(4)}


@pytest.mark.parametrize("method", ["single_elimination", "double_elimination", "knockout"])
def test_a_tie_does_not_favour_the_first_listed(method):
    """Released code advances the first of a tied pair; here the draw depends on the seed."""

    async def ties(pairs):
        return [Comparison(i, j, 0.0, 1.0, 0.0) for i, j in pairs]

    finals = set()
    for seed in range(40):
        batches = []

        async def compare(pairs, batches=batches):
            batches.append(pairs)
            return await ties(pairs)

        result = ranked(4, compare, method=method, seed=seed, seeds=[3.0, 2.0, 1.0, 0.0])
        assert set(result.ranks) == {2.5}
        finals |= set(batches[-1][0])
    assert finals == {0, 1, 2, 3}


@pytest.mark.parametrize("method", ["single_elimination", "double_elimination", "knockout"])
def test_a_tie_is_decided_by_mean_score(method):
    """All verdicts tie, but item 2 got the better scores: it must reach the last match."""

    async def compare(pairs):
        level = {0: 3.0, 1: 4.0, 2: 9.0, 3: 5.0}
        return [
            Comparison(i, j, 0.0, 1.0, 0.0, scores=(level[i] / 2 + level[j] / 2,) * 2)
            for i, j in pairs
        ]

    for seed in range(10):
        result = ranked(4, compare, method=method, seed=seed)
        assert result.ranks[2] == 1.0 or method == "knockout"


def test_failure_is_not_a_silent_five_five():
    """Released code scores a lost call (5, 5); nothing may stand for a call that failed."""
    strength = [1.0, 2.0, 3.0, 4.0]

    async def compare(pairs):
        return [
            Failure("engine", "timeout", "")
            if i == 0
            else Comparison(i, j, 0.5, 0.0, 0.5, scores=(strength[i], strength[j]))
            for i, j in pairs
        ]

    result = ranked(4, compare, method="single_elimination", orders="both", anchor=3)
    assert all(c.scores != (5.0, 5.0) and c.first != 0 for c in result.comparisons)
    assert result.ranks == (4.0, 3.0, 2.0, 1.0)


def test_without_a_verdict_the_higher_seed_goes_on_and_earns_nothing(judge):
    """Items 3 and 0 get no verdict in round one: 3 goes on by seed but stays level with 0."""
    asked = judge([0.0, 1.0, 2.0, 3.0], fails=lambda i, j: {i, j} == {0, 3})
    result = ranked(
        4, asked, method="single_elimination", seeds=[0.0, 1.0, 2.0, 3.0], orders="both"
    )
    final = set(asked.asked[-2:])
    assert final == {(3, 2), (2, 3)}
    assert result.ranks[3] == 1.0  # it won the final
    assert result.ranks[0] is None  # nothing is known of it


def test_without_a_verdict_the_seed_decides_and_not_the_slot(judge):
    """Item 0, the lowest seed, upsets the top seed; its next match fails: the other goes on."""
    strength = [9.0, *(float(i) for i in range(1, 8))]
    asked = judge(strength, fails=lambda i, j: {i, j} == {0, 4})
    seeds = [float(i) for i in range(8)]
    ranked(8, asked, method="single_elimination", seeds=seeds)
    assert [set(pair) for pair in asked.asked[4:]] == [{0, 4}, {5, 6}, {4, 6}]


def test_a_bye_earns_its_round_only_with_a_verdict(judge):
    lost = judge([0.0, 1.0, 2.0], fails=lambda i, j: 2 in (i, j))
    result = ranked(3, lost, method="single_elimination", seeds=[0.0, 1.0, 2.0])
    assert result.ranks == (2.0, 1.0, None)
    upset = judge([0.0, 3.0, 2.0])
    result = ranked(3, upset, method="single_elimination", seeds=[0.0, 1.0, 2.0])
    assert result.ranks == (3.0, 1.0, 2.0)


def test_items_without_a_seeding_verdict_are_placed_in_the_middle(judge):
    strength = [float(i) for i in range(9)]
    asked = judge(strength, fails=lambda i, j: (i, j) == (4, 8))
    result = ranked(9, asked, method="single_elimination", anchor=8)
    assert result.failed == 1
    assert result.ranks[8] == 1.0
    assert result.ranks[4] is not None


@pytest.mark.parametrize("n", [2, 3, 5, 8, 13, 16])
def test_double_elimination_throws_out_at_the_second_loss(judge, n):
    strength = np.random.default_rng(n).normal(size=n).tolist()
    asked = judge(strength, "label")
    result = ranked(n, asked, method="double_elimination", seed=1)
    losses = np.bincount(
        [j if strength[i] > strength[j] else i for i, j in asked.asked], minlength=n
    )
    order = np.argsort(-np.array(strength))
    assert losses[order[0]] == 0
    assert sorted(losses[order[1:]]) == [2] * (n - 1)
    assert result.ranks[order[0]] == 1.0
    assert result.ranks[order[1]] == 2.0


def test_double_elimination_runs_both_brackets_in_parallel(judge):
    result = ranked(8, judge([float(i) for i in range(8)]), method="double_elimination")
    assert (result.calls, result.depth) == (14, 6)


def test_knockout_never_loses_both_and_asks_a_tie_again(judge):
    asked = judge([1.0] * 6, "label")
    result = ranked(6, asked, method="knockout", seed=2)
    assert result.calls == 10  # five matches, each once more in the other order
    played = {frozenset(pair) for pair in asked.asked}
    assert len(played) == 5
    assert all({(i, j), (j, i)} <= set(asked.asked) for i, j in asked.asked)


def test_knockout_spares_the_budget_for_the_matches_to_come(judge):
    for budget in range(5, 11):
        asked = judge([1.0] * 6, "label")
        assert ranked(6, asked, method="knockout", budget=budget).calls == budget


@pytest.mark.parametrize("method", ["single_elimination", "double_elimination", "knockout"])
def test_every_subset_of_lost_matches_is_survived(judge, method):
    """All 64 subsets of the six pairs of four items."""
    pairs = list(itertools.combinations(range(4), 2))
    for lost in itertools.chain.from_iterable(itertools.combinations(pairs, k) for k in range(7)):
        gone = {*lost, *((j, i) for i, j in lost)}
        asked = judge([0.0, 1.0, 2.0, 3.0], fails=lambda i, j, gone=gone: (i, j) in gone)
        result = ranked(4, asked, method=method, seed=len(lost))
        heard = {i for c in result.comparisons for i in (c.first, c.second)}
        assert {i for i in range(4) if result.ranks[i] is not None} == heard
