"""What holds for every schedule, through the one public coroutine."""

import asyncio
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.aggregate import SCHEDULES, rank
from judge.errors import ConfigError
from judge.types import Comparison, Failure, JudgeProfile

METHODS = sorted(SCHEDULES)
ORDERS = ["one", "both"]
PROFILE = JudgeProfile(strength_var=1.0, noise_var=1.0, order_effect=0.3, order_effect_var=0.1)

methods = st.sampled_from(METHODS)
orders = st.sampled_from(ORDERS)
kinds = st.sampled_from(["prob", "log_odds", "scores", "label"])
items = st.integers(2, 12).flatmap(
    lambda n: st.lists(st.integers(-40, 40).map(lambda k: k / 10), min_size=n, max_size=n)
)
seeds = st.integers(0, 10_000)
many = settings(max_examples=60, deadline=None)


def ranked(n, compare, **options):
    return asyncio.run(rank(n, compare, **options))


def draws(n, seed=0):
    return np.random.default_rng([n, seed]).normal(size=n).tolist()


def true_ranks(strength):
    return [1.0 + sum(other > own for other in strength) for own in strength]


def numbers(values):
    return [math.nan if value is None else value for value in values]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [0, 1])
def test_no_call_and_no_number_without_an_opponent(judge, method, n):
    asked = judge([1.0] * n)
    result = ranked(n, asked, method=method, budget=0, seeds=[3.0] * n, profile=PROFILE)
    assert asked.batches == 0
    assert result.ranks == result.strengths == (None,) * n
    assert (result.calls, result.failed, result.depth, result.cycle_energy) == (0, 0, 0, 0.0)
    assert result.covariance is None


@pytest.mark.parametrize("kind", ["prob", "log_odds", "scores"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("method", ["round_robin", "anchor", "reference", "balanced", "pool"])
def test_noiseless_margins_give_the_true_order(judge, method, order, kind):
    for n in (2, 3, 4, 5, 6, 7, 8, 11, 16, 23, 32):
        strength = draws(n)
        result = ranked(n, judge(strength, kind), method=method, orders=order, seed=n)
        assert list(result.ranks) == true_ranks(strength), n


@pytest.mark.parametrize("kind", ["prob", "scores"])
@pytest.mark.parametrize("order", ORDERS)
def test_active_with_a_full_budget_gives_the_true_order(judge, order, kind):
    for n in (2, 3, 4, 5, 8, 11, 16):
        strength = draws(n)
        budget = n * (n - 1) // (2 if order == "one" else 1)
        result = ranked(
            n, judge(strength, kind), method="active", orders=order, seed=n, budget=budget
        )
        assert list(result.ranks) == true_ranks(strength), n


@pytest.mark.parametrize("kind", ["prob", "scores"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n", [2, 4, 8, 16, 32])
def test_single_elimination_at_powers_of_two_gives_the_true_order(judge, n, order, kind):
    for seed in range(5):
        strength = draws(n, seed)
        result = ranked(
            n, judge(strength, kind), method="single_elimination", orders=order, seed=seed
        )
        assert list(result.ranks) == true_ranks(strength)


@pytest.mark.parametrize("order", ORDERS)
def test_round_robin_of_labels_gives_the_true_order(judge, order):
    for n in (2, 3, 4, 5, 6, 7, 8, 11, 16, 24):
        strength = draws(n, 1)
        result = ranked(n, judge(strength, "label"), method="round_robin", orders=order, seed=n)
        assert list(result.ranks) == true_ranks(strength), n


@pytest.mark.parametrize("kind", ["label", "prob", "scores"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "method",
    ["round_robin", "single_elimination", "double_elimination", "knockout", "swiss", "copeland"],
)
def test_a_perfect_judge_finds_the_best(judge, method, order, kind):
    for n in (2, 3, 4, 5, 6, 7, 8, 11, 16, 21):
        for seed in range(3):
            strength = draws(n, seed)
            result = ranked(n, judge(strength, kind), method=method, orders=order, seed=seed)
            assert result.ranks[int(np.argmax(strength))] == 1.0, (n, seed)


@many
@given(items, methods, orders, kinds, seeds, st.booleans())
def test_a_tie_everywhere_ranks_all_equal(judge, strength, method, order, kind, seed, pooled):
    n = len(strength)
    profile = JudgeProfile(1.0, 1.0, 0.0, 0.1, tie_width=0.4) if pooled else None
    result = ranked(
        n, judge([0.5] * n, kind), method=method, orders=order, seed=seed, profile=profile
    )
    assert set(result.ranks) == {(n + 1) / 2}
    assert result.strengths == pytest.approx([0.0] * n, abs=1e-9)


@many
@given(items, methods, orders, kinds, seeds, st.data())
def test_permuting_items_permutes_the_result(judge, strength, method, order, kind, seed, data):
    n = len(strength)
    move = data.draw(st.permutations(range(n)))
    keys = [f"{value:+.1f}" for value in strength]
    anchor = data.draw(st.none() | st.integers(0, n - 1))
    options = {"method": method, "orders": order, "seed": seed}
    plain = ranked(n, judge(strength, kind, 0.4), keys=keys, anchor=anchor, **options)
    moved = ranked(
        n,
        judge([strength[i] for i in move], kind, 0.4),
        keys=[keys[i] for i in move],
        anchor=None if anchor is None else move.index(anchor),
        **options,
    )
    # Items of equal key are interchangeable, so each key's results are compared as a set.
    for field in ("ranks", "strengths"):
        before, after = getattr(plain, field), getattr(moved, field)
        tell = lambda values, own: sorted(zip(own, numbers(values), strict=True))  # noqa: E731
        if anchor is None or keys.count(keys[anchor]) == 1:
            assert tell(before, keys) == tell(after, [keys[i] for i in move])
    assert (plain.calls, plain.depth) == (moved.calls, moved.depth)
    assert plain.cycle_energy == moved.cycle_energy


@many
@given(items, methods, orders, seeds)
def test_covariance_moves_with_the_items(judge, strength, method, order, seed):
    n = len(strength)
    keys = [str(i) for i in range(100, 100 + n)]
    back = list(range(n))[::-1]
    options = {"method": method, "orders": order, "seed": seed}
    plain = ranked(n, judge(strength), keys=keys, **options)
    moved = ranked(n, judge(strength[::-1]), keys=keys[::-1], **options)
    assert np.array_equal(plain.covariance[np.ix_(back, back)], moved.covariance)


@many
@given(items, methods, orders, kinds, seeds)
def test_display_order_does_not_matter_to_a_symmetric_judge(
    judge, mirror, strength, method, order, kind, seed
):
    n, plain = len(strength), judge(strength, kind)

    async def other_way_round(pairs):
        return [mirror(answer) for answer in await plain([(j, i) for i, j in pairs])]

    options = {"method": method, "orders": order, "seed": seed}
    a, b = ranked(n, judge(strength, kind), **options), ranked(n, other_way_round, **options)
    assert a.ranks == b.ranks
    assert a.strengths == pytest.approx(b.strengths)


@many
@given(items, methods, orders, kinds, seeds, st.data())
def test_survives_any_failures_and_counts_them(judge, strength, method, order, kind, seed, data):
    n = len(strength)
    rate = data.draw(st.sampled_from([0.0, 0.2, 0.6, 1.0]))
    lost = np.random.default_rng(seed).random((n, n)) < rate
    mute = data.draw(st.none() | st.integers(0, n - 1))
    asked = judge(strength, kind, fails=lambda i, j: bool(lost[i, j]) or mute in (i, j))
    result = ranked(n, asked, method=method, orders=order, seed=seed)
    answers = [asked.answer(i, j) for i, j in asked.asked]
    assert result.calls == len(asked.asked)
    assert result.failed == sum(isinstance(answer, Failure) for answer in answers)
    assert result.depth == asked.batches
    assert list(result.comparisons) == [a for a in answers if isinstance(a, Comparison)]
    heard = {i for c in result.comparisons for i in (c.first, c.second)}
    assert [i for i in range(n) if result.ranks[i] is not None] == sorted(heard)
    assert [i for i in range(n) if result.strengths[i] is not None] == sorted(heard)
    assert not any(math.isnan(result.strengths[i]) for i in heard)
    assert sum(result.ranks[i] for i in heard) == len(heard) * (len(heard) + 1) / 2
    assert sum(result.strengths[i] for i in heard) == pytest.approx(0.0, abs=1e-8)


@many
@given(items, methods, orders, seeds, st.data())
def test_a_failed_call_is_missing_not_a_tie(judge, strength, method, order, seed, data):
    n = len(strength)
    lost = np.random.default_rng(seed).random((n, n)) < 0.4
    asked = judge(strength, fails=lambda i, j: bool(lost[i, j]))
    result = ranked(n, asked, method=method, orders=order, seed=seed)
    assert all(c.p_tie == 0.0 and not lost[c.first, c.second] for c in result.comparisons)
    assert len(result.comparisons) == result.calls - result.failed


@pytest.mark.parametrize("method", METHODS)
def test_with_a_profile_no_group_influences_another(judge, method):
    groups = [draws(n, n) for n in (3, 6, 9)]

    async def together():
        calls = [
            rank(len(g), judge(g, bias=0.2), method=method, seed=k, profile=PROFILE)
            for k, g in enumerate(groups)
        ]
        return await asyncio.gather(*calls)

    for k, (strength, joint) in enumerate(zip(groups, asyncio.run(together()), strict=True)):
        alone = ranked(
            len(strength), judge(strength, bias=0.2), method=method, seed=k, profile=PROFILE
        )
        assert (alone.ranks, alone.strengths) == (joint.ranks, joint.strengths)


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_questions_and_global_state_untouched(judge, method):
    strength = draws(9)
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    a, b = judge(strength), judge(strength)
    ranked(9, a, method=method, seed=5)
    ranked(9, b, method=method, seed=5)
    assert a.asked == b.asked
    others = [judge(strength) for _ in range(5)]
    for seed, other in enumerate(others):
        ranked(9, other, method=method, seed=seed)
    assert any(other.asked != a.asked for other in others)
    assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize(
    ("method", "calls", "depth"),
    [
        ("round_robin", 120, 1),
        ("anchor", 15, 1),
        ("reference", 15, 1),
        ("pool", 54, 3),
        ("swiss", 32, 4),
        ("single_elimination", 30, 5),
        ("double_elimination", 30, 7),
        ("knockout", 15, 4),
        ("balanced", 60, 1),
    ],
)
def test_calls_and_depth_of_sixteen(judge, method, calls, depth):
    strength = draws(16)
    one = ranked(16, judge(strength), method=method)
    assert (one.calls, one.depth) == (calls, depth)
    both = ranked(16, judge(strength), method=method, orders="both", budget=2 * calls)
    assert (both.calls, both.depth) == (2 * calls, depth)
    assert {(c.second, c.first) for c in both.comparisons} == {
        (c.first, c.second) for c in both.comparisons
    }


@many
@given(items, methods, orders, kinds, seeds, st.data())
def test_never_asks_for_more_than_the_budget(judge, strength, method, order, kind, seed, data):
    n, factor = len(strength), 1 if order == "one" else 2
    need = {
        "round_robin": n * (n - 1) // 2,
        "swiss": min(math.ceil(math.log2(n)), n - 1) * (n // 2),
        "single_elimination": 2 * (n - 1),
        "double_elimination": 2 * (n - 1),
    }.get(method, n - 1) * factor
    budget = data.draw(st.integers(0, 2 * n * n))
    asked = judge(strength, kind)
    options = {"method": method, "orders": order, "seed": seed, "budget": budget}
    if budget < need:
        with pytest.raises(ConfigError, match=rf"^budget: {method} .*{need} calls"):
            ranked(n, asked, **options)
        assert not asked.asked
    else:
        assert ranked(n, asked, **options).calls == len(asked.asked) <= budget


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"n": -1}, "n"),
        ({"method": "lottery"}, "method"),
        ({"orders": "all"}, "orders"),
        ({"keys": ["a", "b"]}, "keys"),
        ({"budget": -1}, "budget"),
        ({"seeds": [1.0, 2.0]}, "seeds"),
        ({"seeds": [1.0, 2.0, math.nan]}, "seeds"),
        ({"seeds": [1.0, 2.0, math.inf]}, "seeds"),
        ({"anchor": 3}, "anchor"),
        ({"anchor": -1}, "anchor"),
        ({"profile": JudgeProfile(-1.0, 1.0, 0.0)}, "profile"),
        ({"profile": JudgeProfile(1.0, math.nan, 0.0)}, "profile"),
        ({"profile": JudgeProfile(1.0, 1.0, math.inf)}, "profile"),
        ({"profile": JudgeProfile(1.0, 1.0, 0.0, sum_var=0.0)}, "profile"),
    ],
)
def test_a_wrong_argument_is_named(judge, options, name):
    with pytest.raises(ConfigError, match=rf"^{name}: "):
        ranked(**{"n": 3, "compare": judge([0.0] * 3), **options})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda answers: answers[:-1],
        lambda answers: [*answers, answers[0]],
        lambda answers: answers[::-1],
        lambda answers: [None, *answers[1:]],
        lambda answers: [0.5, *answers[1:]],
    ],
)
def test_a_compare_that_breaks_its_promise_is_named(judge, spoil):
    asked = judge([0.0, 1.0, 2.0])

    async def compare(pairs):
        return spoil(await asked(pairs))

    with pytest.raises(ConfigError, match=r"^compare: "):
        ranked(3, compare, method="round_robin")


def test_scores_that_are_no_numbers_are_named(judge):
    async def compare(pairs):
        return [Comparison(i, j, 0.5, 0.0, 0.5, scores=(math.nan, 1.0)) for i, j in pairs]

    with pytest.raises(ConfigError, match="scores"):
        ranked(3, compare, method="round_robin")


def test_a_retry_inside_compare_is_its_own_affair(judge):
    """`calls` counts what was asked of `compare`; a Failure tells its own attempts."""

    async def compare(pairs):
        return [Failure("engine", "timeout", "late", attempts=3) for _ in pairs]

    result = ranked(4, compare, method="anchor")
    assert (result.calls, result.failed) == (3, 3)
