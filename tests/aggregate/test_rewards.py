import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.aggregate.rewards import Valued, beats_reference, win_rate
from judge.types import Preference


def pair(i, j, p_i, p_tie=0.0):
    return Preference(i, j, p_i, p_tie, 1.0 - p_i - p_tie, None)


PAIRS = st.dictionaries(
    st.sampled_from([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
).map(lambda raw: [pair(i, j, p * q, p * (1 - q)) for (i, j), (p, q) in raw.items()])


def test_the_win_rate_is_the_mean_over_the_opponents():
    values = win_rate(3, [pair(0, 1, 0.9), pair(0, 2, 0.5, 0.3), pair(1, 2, 0.2)])
    assert [v.value for v in values] == pytest.approx(
        [(0.9 + 0.65) / 2, (0.1 + 0.2) / 2, (0.35 + 0.8) / 2]
    )
    assert [v.coverage for v in values] == [1.0, 1.0, 1.0]


def test_the_standard_error_is_that_of_drawing_each_outcome():
    (one, two) = win_rate(2, [pair(0, 1, 0.5, 0.2)])
    mean = 0.6
    spread = 0.5 * (1 - mean) ** 2 + 0.2 * (0.5 - mean) ** 2 + 0.3 * mean**2
    assert one.standard_error == two.standard_error == pytest.approx(math.sqrt(spread))
    assert win_rate(2, [pair(0, 1, 0.0, 1.0)])[0].standard_error == 0.0
    three = win_rate(3, [pair(0, 1, 0.5), pair(0, 2, 0.5)])
    assert three[0].standard_error == pytest.approx(math.sqrt(0.5) / 2)


def test_a_missing_pair_is_missing_and_not_a_tie():
    values = win_rate(3, [pair(0, 1, 0.9)])
    assert values[0] == Valued(0.9, pytest.approx(0.3), 0.5)
    assert values[2] == Valued(None, None, 0.0)
    assert win_rate(2, []) == [Valued(None, None, 0.0)] * 2


def test_everyone_beats_those_a_gate_took_out():
    values = win_rate(2, [pair(0, 1, 0.9)], beaten=2)
    assert [v.value for v in values] == pytest.approx([2.9 / 3, 2.1 / 3])
    assert win_rate(1, [], beaten=3) == [Valued(1.0, 0.0, 1.0)]
    assert win_rate(2, [], beaten=1)[0] == Valued(1.0, 0.0, 0.5)
    assert win_rate(1, []) == [Valued(None, None, 0.0)]
    assert win_rate(0, []) == []


@settings(max_examples=80)
@given(PAIRS, st.integers(0, 2))
def test_win_rates_are_in_the_unit_interval_and_add_up(pairs, beaten):
    values = win_rate(4, pairs, beaten=beaten)
    for v in values:
        assert (v.value is None) is (v.coverage == 0.0)
        assert v.value is None or -1e-12 <= v.value <= 1.0 + 1e-12
        assert 0.0 <= v.coverage <= 1.0
    if len(pairs) == 6 and not beaten:
        assert sum(v.value for v in values) == pytest.approx(2.0)


def test_beating_the_reference():
    pairs = [pair(0, 2, 0.7, 0.2), pair(1, 2, 0.1), pair(0, 1, 1.0), pair(2, 3, 0.6)]
    values = beats_reference(5, pairs, 2)
    assert [v.value for v in values] == [
        pytest.approx(0.8),
        pytest.approx(0.1),
        0.5,
        pytest.approx(0.4),
        None,
    ]
    assert [v.coverage for v in values] == [1.0, 1.0, 1.0, 1.0, 0.0]
    assert values[2].standard_error == 0.0
    spread = 0.7 * 0.2**2 + 0.2 * 0.3**2 + 0.1 * 0.8**2
    assert values[0].standard_error == pytest.approx(math.sqrt(spread))


@settings(max_examples=60)
@given(PAIRS, st.integers(0, 3))
def test_only_the_pairs_with_the_reference_count(pairs, anchor):
    own = [p for p in pairs if anchor in (p.i, p.j)]
    assert beats_reference(4, pairs, anchor) == beats_reference(4, own, anchor)
    rates = win_rate(4, own)
    for item, v in enumerate(beats_reference(4, pairs, anchor)):
        if item != anchor and v.value is not None:
            assert v.value == pytest.approx(rates[item].value)
