import math

import numpy as np
import pytest

from judge.errors import ConfigError
from judge.metaeval.self_preference import self_preference


def simulated(rng, n, *, right, favour, better=0.5):
    """A judge right so often, that takes its own where it is wrong or unsure more often."""
    for _ in range(n):
        own = rng.random() < better
        judged = own if rng.random() < right else not own
        yield own, float(judged or rng.random() < favour)


def test_by_hand():
    found = self_preference([(True, 1.0), (True, 0.5), (False, 0.0), (False, 1.0), (True, None)])
    assert (found.own, found.others, found.bias) == (0.75, 0.5, 0.25)
    assert (found.own_pairs, found.other_pairs, found.unread) == (2, 2, 1)


@pytest.mark.parametrize("better", [0.2, 0.5, 0.8])
def test_a_judge_that_is_only_often_wrong_has_none_however_good_its_model(better):
    rng = np.random.default_rng(1)
    found = self_preference(simulated(rng, 4000, right=0.7, favour=0.0, better=better))
    assert found.interval[0] < 0.0 < found.interval[1]


def test_a_planted_bias_is_found():
    rng = np.random.default_rng(2)
    found = self_preference(simulated(rng, 4000, right=0.7, favour=0.3))
    true = (0.7 + 0.3 * 0.3) - 0.7 * 0.7
    assert found.interval[0] < true < found.interval[1]
    assert found.interval[0] > 0.0


def test_the_interval_covers():
    rng = np.random.default_rng(3)
    true = (0.8 + 0.2 * 0.2) - 0.8 * 0.8
    held = 0
    for _ in range(400):
        low, high = self_preference(simulated(rng, 150, right=0.8, favour=0.2)).interval
        held += low <= true <= high
    assert 365 <= held <= 395


def test_one_side_alone_says_nothing():
    found = self_preference([(True, 1.0)])
    assert found.interval == (-1.0, 1.0)
    assert math.isnan(found.bias)
    with pytest.raises(ConfigError, match="outside"):
        self_preference([(True, 1.5)])
