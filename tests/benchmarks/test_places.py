import pytest

from judge.benchmarks.places import position_figures


@pytest.mark.parametrize(
    ("winners", "consistency", "fairness", "slot_bias"),
    [
        ([(0, 0), (1, 1)], 1.0, 0.0, 0.0),
        ([(0, 1)], 0.0, -1.0, 1.0),  # what is shown first wins, in both orders
        ([(1, 0)], 0.0, 1.0, -1.0),
        ([(0, 1), (1, 0)], 0.0, 0.0, 0.0),
        ([(0, 0), (0, None)], 1.0, 0.0, 1 / 3),
    ],
)
def test_what_the_order_does(told, winners, consistency, fairness, slot_bias):
    figures = position_figures([told(winners=one) for one in winners])
    assert figures == pytest.approx(
        {"order consistency": consistency, "fairness": fairness, "slot bias": slot_bias}
    )


def test_one_order_says_nothing_of_it(told):
    assert position_figures([told(winners=(0,)), told((1, 0))]) == {}
