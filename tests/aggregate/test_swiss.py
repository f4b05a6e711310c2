import asyncio
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from judge.aggregate import rank


def ranked(n, compare, **options):
    return asyncio.run(rank(n, compare, method="swiss", **options))


def rounds_of(asked, n):
    size = n // 2
    return [asked[k : k + size] for k in range(0, len(asked), size)]


@pytest.mark.parametrize("n", range(2, 26))
def test_no_rematch_and_one_bye_each(judge, n):
    for seed in range(6):
        strength = np.random.default_rng([n, seed]).normal(size=n).tolist()
        asked = judge(strength, "label")
        ranked(n, asked, seed=seed)
        met = Counter(frozenset(pair) for pair in asked.asked)
        assert max(met.values()) == 1
        playing = [{i for pair in games for i in pair} for games in rounds_of(asked.asked, n)]
        resting = [set(range(n)) - some for some in playing]
        assert max(Counter(i for rest in resting for i in rest).values(), default=1) == 1


@pytest.mark.parametrize("n", [5, 6, 8, 16])
def test_points_go_to_the_item_that_won(judge, n):
    """Released code shuffles its list and credits whoever sits there: tau about 0 at every N."""
    taus = []
    for seed in range(20):
        strength = np.random.default_rng([n, seed]).normal(size=n)
        result = ranked(n, judge(strength.tolist(), "label"), seed=seed)
        ranks = np.array(result.ranks)
        signs = np.sign(strength[:, None] - strength) * np.sign(ranks - ranks[:, None])
        taus.append(signs.sum() / (n * (n - 1)))
        won = Counter(c.first if c.p_first == 1.0 else c.second for c in result.comparisons)
        games = Counter(i for c in result.comparisons for i in (c.first, c.second))
        rate = [won[i] / games[i] for i in range(n)]
        order = np.argsort(result.ranks)
        assert all(rate[a] >= rate[b] for a, b in pairwise(order))
    assert np.mean(taus) > 0.6


def test_equal_points_are_told_apart_by_the_opponents(judge):
    result = ranked(4, judge([3.0, 2.0, 1.0, 0.0], "label"), seeds=[3.0, 2.0, 1.0, 0.0])
    # 0 beats 1, 2 beats 3; then 0 beats 2, 1 beats 3: 1 and 2 have a win each.
    assert result.ranks == (1.0, 2.5, 2.5, 4.0)
    result = ranked(8, judge([float(-i) for i in range(8)], "label"), seed=1)
    assert len(set(result.ranks)) > 4  # four levels of points alone


def test_a_lost_match_counts_for_neither_side(judge):
    asked = judge([3.0, 2.0, 1.0, 0.0], "label", fails=lambda i, j: {i, j} == {0, 2})
    result = ranked(4, asked, seeds=[3.0, 2.0, 1.0, 0.0])
    assert result.failed == 1
    # 0 won its only game, 2 too (against 3): level on points a game; 0 met the stronger one.
    assert result.ranks == (1.0, 3.0, 2.0, 4.0)


def test_a_bye_is_no_game(judge):
    result = ranked(3, judge([2.0, 1.0, 0.0], "label"), seeds=[2.0, 1.0, 0.0])
    assert len(result.comparisons) == 2
    assert result.ranks[0] == 1.0
