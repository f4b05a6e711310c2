import asyncio
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.aggregate import rank
from judge.types import Comparison, JudgeProfile

LABELS = JudgeProfile(2.0, 2.9, 3.0, 0.01, tie_width=0.1)


def ranked(n, compare, **options):
    return asyncio.run(rank(n, compare, **options))


def noisy(strength, seed, kind="prob", noise=1.5):
    """A judge whose every ordered answer is drawn once."""
    n = len(strength)
    error = np.random.default_rng(seed).normal(size=(n, n)) * noise

    async def compare(pairs):
        answers = []
        for i, j in pairs:
            gap = float(strength[i] - strength[j] + error[i, j])
            p = 1.0 / (1.0 + np.exp(-gap)) if kind == "prob" else float(gap > 0)
            answers.append(Comparison(i, j, float(p), 0.0, float(1 - p), graded=kind == "prob"))
        return answers

    return compare


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 10), st.integers(0, 999), st.sampled_from(["one", "both"]),
    st.sampled_from(["prob", "label"]), st.booleans(),
)  # fmt: skip
def test_no_pair_again_before_every_pair_and_no_call_twice(n, seed, orders, kind, pooled):
    strength = np.random.default_rng(seed).normal(size=n)
    result = ranked(
        n, noisy(strength, seed, kind), method="active", orders=orders, seed=seed,
        budget=n * (n - 1), profile=LABELS if pooled else None,
    )  # fmt: skip
    shown = [(c.first, c.second) for c in result.comparisons]
    assert len(set(shown)) == len(shown)
    if orders == "one":
        leading = [frozenset(pair) for pair in shown[: n * (n - 1) // 2]]
        assert len(set(leading)) == len(leading)


@pytest.mark.parametrize("kind", ["prob", "label"])
def test_batches_after_the_start_are_disjoint(kind):
    strength = np.random.default_rng(1).normal(size=12)
    batches = []
    answer = noisy(strength, 1, kind)

    async def compare(pairs):
        batches.append(pairs)
        return await answer(pairs)

    ranked(12, compare, method="active", budget=60)
    for batch in batches[1 if kind == "label" else 2 :]:
        playing = [i for pair in batch for i in pair]
        assert len(set(playing)) == len(playing) <= 12


def test_stops_early_when_the_order_is_sure():
    """Strengths far apart under a judge that is known to be precise."""
    strength = 10.0 * np.arange(8)
    profile = JudgeProfile(strength_var=500.0, noise_var=0.01, order_effect=0.0)
    sure = ranked(8, noisy(strength, 0, noise=0.0), method="active", budget=28, profile=profile)
    vague = ranked(8, noisy(strength / 100, 0, noise=2.0), method="active", budget=28)
    assert sure.calls < 28 == vague.calls


def test_shows_the_weaker_first_where_labels_lean_to_the_first():
    """With a strong order effect the answer to (strong, weak) is known beforehand."""
    rng = np.random.default_rng(2)
    weaker_first = total = 0
    for seed in range(20):
        strength = 2.0 * rng.normal(size=10)
        result = ranked(
            10, noisy(strength + 0.0, seed, "label"), method="active", budget=40, profile=LABELS,
            seeds=strength.tolist(), seed=seed,
        )  # fmt: skip
        late = result.comparisons[10:]
        weaker_first += sum(strength[c.first] < strength[c.second] for c in late)
        total += len(late)
    assert weaker_first / total > 0.6


def test_graded_display_orders_stay_balanced():
    strength = np.random.default_rng(4).normal(size=16)
    result = ranked(16, noisy(strength, 4), method="active", budget=60)
    lead = Counter(c.first for c in result.comparisons)
    lead.subtract(c.second for c in result.comparisons)
    assert max(map(abs, lead.values())) <= 3


def test_active_beats_balanced_on_labels():
    """Mean agreement with the truth over 60 groups, same budget."""
    gains = []
    for seed in range(60):
        strength = np.random.default_rng([5, seed]).normal(size=16)
        tau = {}
        for method in ("active", "balanced"):
            compare = noisy(strength, seed, "label", 1.2)
            got = ranked(16, compare, method=method, seed=seed, budget=60)
            x = np.array(got.strengths)
            tau[method] = (np.sign(x[:, None] - x) * np.sign(strength[:, None] - strength)).sum()
        gains.append((tau["active"] - tau["balanced"]) / 240)
    assert np.mean(gains) > 0.0


def copeland_scores(table):
    return (table > 0).sum(1) + 0.5 * ((table == 0).sum(1) - 1)


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 8), st.integers(0, 10_000), st.sampled_from([2, 3, 9]))
def test_copeland_finds_a_winner_of_any_tournament_with_ties(n, seed, kinds):
    """Any antisymmetric table of wins and ties, cycles included."""
    rng = np.random.default_rng(seed)
    raw = np.triu(rng.integers(0, kinds, (n, n)) % 3 - 1, 1)
    table = raw - raw.T

    async def compare(pairs):
        return [
            Comparison(
                i, j, float(table[i, j] > 0), float(table[i, j] == 0), float(table[i, j] < 0),
                graded=False,
            )
            for i, j in pairs
        ]  # fmt: skip

    result = ranked(n, compare, method="copeland", seed=seed)
    best = [i for i in range(n) if result.ranks[i] == min(result.ranks)]
    score = copeland_scores(table)
    assert all(score[i] == score.max() for i in best)
    assert len({frozenset((c.first, c.second)) for c in result.comparisons}) == result.calls


def test_copeland_asks_far_fewer_than_all_pairs_of_a_clear_winner(judge):
    result = ranked(16, judge(np.arange(16.0).tolist(), "label"), method="copeland")
    assert result.ranks[15] == 1.0
    assert result.calls < 40 < 120


def test_copeland_stops_at_the_budget(judge):
    for budget in (7, 9, 12):
        result = ranked(8, judge([0.0] * 8, "label"), method="copeland", budget=budget)
        assert result.calls == budget
