import pytest

from judge.synthesis.purse import Purse
from judge.types import Usage


def test_callers_at_work_together_cannot_pass_the_budget():
    purse = Purse(5)
    assert purse.reserve(3)
    assert not purse.reserve(3)  # three are set aside, though none is spent yet
    purse.settle(3, Usage(1, 10, 2))
    assert purse.reserve(4)
    purse.settle(4, Usage(4, 40, 8))
    assert not purse.reserve(1)
    assert purse.usage == Usage(5, 50, 10)
    assert "5 calls are made" in purse.refusal(1).message


@pytest.mark.parametrize("calls", [0, 10**9])
def test_without_a_budget_everything_is_paid(calls):
    assert Purse().reserve(calls)
