from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from judge.report.figures.histogram import histogram, spread


@given(st.lists(st.floats(-10.0, 10.0), min_size=1), st.lists(st.floats(-10.0, 10.0)))
def test_every_number_is_counted_once(some, others):
    found = spread([("some", np.array(some)), ("others", np.array(others))])
    assert [sum(one.counts) for one in found.series] == [len(some), len(others)]
    assert len(found.edges) == len(found.series[0].counts) + 1
    ElementTree.fromstring(histogram("t", "d", found, "reward"))


def test_bars_are_as_high_as_their_counts():
    found = spread([("all", np.array([0.0] * 4 + [1.0] * 2))], bins=2)
    assert found.series[0].counts == (4, 2)
    svg = histogram("t", "d", found, "reward")
    tall = [float(one.get("height")) for one in ElementTree.fromstring(svg).findall(".//{*}rect")]
    assert tall[0] == 2.0 * tall[1]


def test_equal_numbers_are_one_bar():
    svg = histogram("t", "d", spread([("all", np.array([0.3] * 9))]), "reward")
    assert svg.count("<rect") == 1
    assert "9" in svg
