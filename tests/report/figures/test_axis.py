import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.report.figures.axis import Axis, percentage, short, spanning

numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 6))


@given(st.lists(numbers, min_size=1))
def test_all_numbers_lie_on_the_axis_in_their_order(values):
    axis = spanning(values, 10.0, 90.0)
    places = [axis.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(10.0 <= place <= 90.0 for place in places)


@given(st.lists(numbers, min_size=1))
def test_ticks_are_few_round_and_inside(values):
    axis = spanning(values, 0.0, 1.0)
    ticks = axis.ticks(5)
    assert 1 <= len(ticks) <= 7
    slack = 1e-6 * (axis.high - axis.low)
    assert all(axis.low - slack <= tick <= axis.high + slack for tick in ticks)


@given(st.lists(st.floats(1.0, 1e7), min_size=1))
def test_a_logarithmic_axis_has_ticks_in_few_decades_and_in_many(values):
    axis = spanning(values, 0.0, 1.0, log=True)
    ticks = axis.ticks(5)
    assert len(ticks) <= 7
    assert all(axis.low <= tick <= axis.high for tick in ticks)
    if axis.high / axis.low >= 10.0:
        assert ticks


def test_places_by_the_logarithm():
    axis = Axis(1.0, 100.0, 0.0, 2.0, log=True)
    assert axis.at(10.0) == pytest.approx(1.0)
    assert axis.at(1e9) == 2.0


def test_known_ticks():
    assert Axis(0.0, 1.0, 0.0, 1.0).ticks(4) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert Axis(-3.0, 7.0, 0.0, 1.0).ticks(5) == [-2.0, 0.0, 2.0, 4.0, 6.0]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (0.5, "0.5"),
        (-0.25, "-0.25"),
        (123.4, "123"),
        (9999.6, "10k"),
        (2.5e6, "2.5M"),
        (1.2e7, "12M"),
        (999_499.0, "999k"),
        (2e9, "2.00e+09"),
        (0.00001, "1e-05"),
    ],
)
def test_short_numbers(value, said):
    assert short(value) == said


def test_percentages():
    assert percentage(0.126) == "13 %"
    assert math.isfinite(float(percentage(1.0).split()[0]))
