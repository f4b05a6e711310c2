import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.aggregate import rank
from judge.aggregate.designs import balanced_plan, circle_rounds, orient

pairs_of = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] != p[1]),
            max_size=60,
        ),
    )
)


def lead(pairs, n):
    """Times first minus times second, an item."""
    count = [0] * n
    for i, j in pairs:
        count[i] += 1
        count[j] -= 1
    return count


def degrees(pairs, n):
    return [sum(i in pair for pair in pairs) for i in range(n)]


def connected(pairs, n):
    reached, grown = {0}, True
    while grown:
        more = {i for pair in pairs if reached & set(pair) for i in pair}
        grown = not more <= reached
        reached |= more
    return len(reached) == n


@given(pairs_of)
def test_orientation_shows_each_item_first_as_often_as_second(graph):
    n, pairs = graph
    oriented = orient(pairs, n)
    assert [sorted(pair) for pair in oriented] == [sorted(pair) for pair in pairs]
    assert max(map(abs, lead(oriented, n))) <= 1


@pytest.mark.parametrize("n", range(2, 34))
def test_circle_rounds_are_all_pairs_in_disjoint_rounds(n):
    rounds = circle_rounds(n)
    for games in rounds:
        playing = [i for pair in games for i in pair]
        assert len(set(playing)) == len(playing) == n - n % 2
    every = [tuple(sorted(pair)) for games in rounds for pair in games]
    assert sorted(every) == [(i, j) for i in range(n) for j in range(i + 1, n)]


@given(st.integers(2, 40), st.data())
def test_balanced_plan(n, data):
    count = data.draw(st.integers(1, n * (n - 1) // 2))
    plan = balanced_plan(n, count)
    assert len({tuple(sorted(pair)) for pair in plan}) == len(plan) == count
    assert max(map(abs, lead(plan, n))) <= 1
    if n % 2 == 0:
        assert max(degrees(plan, n)) - min(degrees(plan, n)) <= 1
    if count >= n - 1:
        assert connected(plan, n)


@pytest.mark.parametrize("method", ["round_robin", "balanced"])
@pytest.mark.parametrize("n", [3, 8, 15, 16])
def test_one_order_is_balanced_for_every_item(judge, method, n):
    asked = judge([0.0] * n)
    asyncio.run(rank(n, asked, method=method, seed=n))
    assert max(map(abs, lead(asked.asked, n))) <= 1


def test_orientation_is_not_tied_to_the_item(judge):
    """Over seeds, an item of an even group leads as often as it trails."""
    total = np.zeros(4)
    for seed in range(200):
        asked = judge([0.0] * 4)
        asyncio.run(rank(4, asked, method="round_robin", seed=seed))
        total += lead(asked.asked, 4)
    assert abs(total).max() < 60  # sd 14; always first would give 200


@pytest.mark.parametrize(("budget", "most"), [(120, 1), (200, 2), (500, 2)])
def test_beyond_all_pairs_balanced_asks_the_other_orders(judge, budget, most):
    asked = judge(np.arange(16.0).tolist())
    result = asyncio.run(rank(16, asked, budget=budget))
    assert result.calls == min(budget, 240)
    assert len(set(asked.asked)) == len(asked.asked)
    assert max(np.unique([sorted(p) for p in asked.asked], axis=0, return_counts=True)[1]) == most


def test_anchor_in_one_order_keeps_the_others_in_order_whatever_the_order_effect(judge):
    strength = np.random.default_rng(3).normal(size=8).tolist()
    asked = judge(strength, bias=2.5)
    result = asyncio.run(rank(8, asked, method="anchor", anchor=2))
    assert asked.asked == [(i, 2) for i in range(8) if i != 2]
    others = [i for i in range(8) if i != 2]
    assert sorted(others, key=lambda i: result.ranks[i]) == sorted(
        others, key=lambda i: -strength[i]
    )


def test_anchor_with_a_lost_direction_is_still_free_of_the_order_effect(judge):
    """What one order is biased by is known from the pairs that have both."""
    strength = [0.0, 0.3, 0.6, 0.9, 1.2]
    asked = judge(strength, bias=3.0, fails=lambda i, j: (i, j) == (0, 1))
    result = asyncio.run(rank(5, asked, method="anchor", anchor=0, orders="both"))
    assert list(result.ranks) == [5.0, 4.0, 3.0, 2.0, 1.0]


@pytest.mark.parametrize(("budget", "size"), [(None, 4), (15, 1), (30, 2), (100, 9), (120, 15)])
def test_pool_size_follows_the_budget(judge, budget, size):
    asked = judge(np.arange(16.0).tolist())
    result = asyncio.run(rank(16, asked, method="pool", budget=budget))
    assert result.calls == size * (size - 1) // 2 + size * (16 - size)


def test_the_pool_is_renewed_by_strength(judge):
    """Before the second wave the pool spans the strengths seen so far."""
    asked = judge(np.arange(25.0).tolist())
    asyncio.run(rank(25, asked, method="pool", seed=4))
    first = {i for pair in asked.asked[:10] for i in pair}
    wave = asked.asked[10:60]
    met = first | {i for pair in wave for i in pair}
    second = {i for pair in asked.asked[60:] for i in pair} & met
    assert len(first) == len(second) == 5
    assert {min(met), max(met)} <= second
