import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.curation.review import consistency, peer_review
from judge.errors import ConfigError
from judge.transforms import consistency_weight


def test_a_label_passes_by_both_by_one_or_by_neither():
    first = np.array([0.9, 0.8, -0.5, -0.9, np.nan])
    second = np.array([0.9, -0.8, 0.5, -0.9, 1.0])
    assert peer_review(first, second, 0.5).tolist() == [2, 1, 1, 0, -1]
    assert peer_review(first, second, 1.0).tolist() == [2, 2, 2, 2, -1]
    assert peer_review(first * np.nan, second, 0.5).tolist() == [-1] * 5


def test_planted_noise_is_what_neither_judge_passes():
    rng = np.random.default_rng(0)
    wrong = rng.random(2000) < 0.3
    side = np.where(wrong, -1.0, 1.0)
    leads = [np.tanh(side + rng.normal(0.0, 0.8, 2000)) for _ in range(2)]
    passed = peer_review(*leads, 0.7)
    shares = [wrong[passed == by].mean() for by in (0, 1, 2)]
    assert shares[0] > 0.8
    assert shares[2] < 0.05
    assert shares[2] < wrong[leads[0] >= np.quantile(leads[0], 0.3)].mean()  # than one judge


@pytest.mark.parametrize("share", [0.0, 1.1, math.nan])
def test_a_share_out_of_range_is_an_error(share):
    with pytest.raises(ConfigError, match="share"):
        peer_review(np.zeros(2), np.zeros(2), share)


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_consistency_is_creams_weight_where_votes_come_from_rewards(n, seed):
    rewards = np.random.default_rng(seed).normal(size=(2, n))
    votes = [
        [0.5 + 0.4 * np.sign(rewards[m, i] - rewards[m, j]) for m in range(2)]
        for i, j in combinations(range(n), 2)
    ]
    found = consistency(np.array(votes), ["p"] * len(votes))
    assert found == pytest.approx(consistency_weight(*rewards.tolist()))


def test_each_prompt_has_its_own_and_the_mean_stands_in_where_nothing_is_known():
    votes = np.array([[0.9, 0.8], [0.9, 0.2], [0.1, 0.2], [0.5, 0.9], [np.nan, 0.9]])
    found = consistency(votes, ["a", "a", "b", "c", "d"])
    assert found.tolist() == pytest.approx([0.5, 0.5, 1.0, 0.75, 0.75])
    assert np.isnan(consistency(votes[3:], ["c", "d"])).all()
    assert np.isnan(consistency(votes[:, :1], list("abcde"))).all()  # one member agrees with none


def test_of_three_members_each_two_count():
    votes = np.array([[0.9, 0.9, 0.1]])
    assert consistency(votes, ["a"])[0] == pytest.approx(1 / 3)
