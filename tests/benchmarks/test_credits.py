import math

import pytest

from judge.benchmarks.credits import credit, mean, scores, share
from judge.benchmarks.items import TIED


@pytest.mark.parametrize(("winner", "worth"), [(1, 1.0), (0, 0.0), (TIED, 0.5), (None, 0.25)])
def test_the_credit_of_one_verdict(winner, worth):
    assert credit(winner, 1, tie=0.5, failed=0.25) == worth


def test_ties_and_failures_get_nothing_unless_said():
    assert credit(TIED, 0) == credit(None, 0) == 0.0


def test_shares_and_means():
    assert share([0, TIED, None, TIED], TIED) == 0.5
    assert mean([1.0, 0.0]) == 0.5
    assert math.isnan(mean([]))


def test_failed_values_are_not_numbers(told):
    assert scores(told((1.0, 0.5))) == [1.0, 0.5]
    assert math.isnan(scores(told((None, 0.5)))[0])
