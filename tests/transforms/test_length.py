import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.errors import ConfigError
from judge.transforms import canon, length_regression, slight_win_rule

SIXTEENTHS = st.integers(0, 16).map(lambda k: k / 16)


@given(
    st.lists(st.tuples(SIXTEENTHS, st.integers(0, 3)), min_size=2, max_size=8).filter(
        lambda group: len(group) % 2 == 0
    )
)
def test_canon_with_equal_halves_is_dr_grpo(group):
    values = [value for value, _ in group]
    advantages = canon(values, [metric for _, metric in group])
    assert advantages == pytest.approx(np.array(values) - np.mean(values), abs=1e-12)


def test_canon_by_hand():
    """Five responses: the two shortest (.2, .4) against the three longest (.9, .3, .6)."""
    values, lengths = [0.9, 0.2, None, 0.3, 0.4, 0.6], [30, 10, 5, 40, 20, 50]
    low, high, lam, alpha, beta = 0.3, 0.6, 0.25, 2.0, 0.1

    def long(r):
        return lam * (alpha * r - low + beta) + (1 - lam) * (r - high)

    def short(r):
        return lam * (r - alpha * high) + (1 - lam) * (r - low)

    assert canon(values, lengths, lam=lam, alpha=alpha, beta=beta) == [
        pytest.approx(expected) if expected is not None else None
        for expected in (long(0.9), short(0.2), None, long(0.3), short(0.4), long(0.6))
    ]


def test_canon_within_halves_gives_length_no_credit():
    """Where reward is length alone, comparing within halves (lam = 0) leaves nothing across."""
    advantages = canon([0.0, 0.0, 1.0, 1.0], [1, 2, 8, 9], lam=0.0)
    assert advantages == [0.0] * 4
    assert canon([0.0, 0.0, 1.0, 1.0], [1, 2, 8, 9], lam=1.0) == [-1.0, -1.0, 1.0, 1.0]


def test_canon_shares_ties_at_the_border():
    """Lengths 1, 2, 2, 3: each of the two middle ones is half in the low, half in the high half."""
    low, high = (0.0 + 0.5 * 0.4 + 0.5 * 0.8) / 2, (1.0 + 0.5 * 0.4 + 0.5 * 0.8) / 2
    assert canon([0.0, 0.4, 0.8, 1.0], [1, 2, 2, 3], lam=0.0) == pytest.approx(
        [0.0 - low, 0.4 - (low + high) / 2, 0.8 - (low + high) / 2, 1.0 - high]
    )


def test_canon_alone_and_without_a_metric():
    assert canon([0.7], [3]) == [0.0]
    assert canon([0.7, 0.5], [3, None]) == [0.0, None]


def test_the_slope_on_log_length_is_removed():
    lengths = [math.exp(k) for k in range(4)]
    noise = [0.1, -0.1, -0.1, 0.1]  # no slope of its own
    values = [0.5 + 0.2 * k + e for k, e in enumerate(noise)]
    assert length_regression(values, lengths) == pytest.approx([0.8 + e for e in noise])


@given(st.lists(st.tuples(SIXTEENTHS, st.integers(1, 4096)), min_size=3, max_size=9))
def test_what_is_left_does_not_grow_with_length_and_keeps_its_mean(group):
    values, lengths = [list(column) for column in zip(*group, strict=True)]
    shaped = length_regression(values, lengths, sign="either")
    assert np.mean(shaped) == pytest.approx(np.mean(values))
    x = np.log(lengths)
    if len(set(lengths)) >= 3:
        assert np.dot(x - x.mean(), shaped) == pytest.approx(0.0, abs=1e-9)
    else:
        assert shaped == values


def test_only_the_slope_asked_for_is_removed():
    up, down, lengths = [0.1, 0.2, 0.4], [0.4, 0.2, 0.1], [10, 20, 40]
    assert length_regression(down, lengths) == down
    assert length_regression(up, lengths, sign="negative") == up
    assert length_regression(up, lengths) != up
    assert length_regression(down, lengths, sign="negative") != down


def test_two_lengths_show_no_slope():
    assert length_regression([0.1, 0.9, 0.8], [10, 90, 90]) == [0.1, 0.9, 0.8]
    assert length_regression([0.1, 0.9, None], [10, 90, 50]) == [0.1, 0.9, None]
    assert length_regression([0.1, 0.9, 0.5], [0, 1, 90]) == [0.1, 0.9, 0.5]


@pytest.mark.parametrize(
    ("extent", "first", "second", "limit", "after"),
    [
        (0.5, 1501, 1000, 500, 0.0),
        (0.5, 1500, 1000, 500, 0.5),
        (-0.5, 1000, 1501, 500, 0.0),
        (0.5, 1000, 1501, 500, 0.5),
        (-0.5, 1501, 1000, 500, -0.5),
        (1.0, 9999, 10, 500, 1.0),
        (-1.0, 10, 9999, 500, -1.0),
        (0.5, 11, 10, 0, 0.0),
        (0.5, 9999, 10, -1, 0.5),
        (0.5, 9999, 10, None, 0.5),
        (0.0, 9999, 10, 500, 0.0),
        (None, 9999, 10, 500, None),
    ],
)
def test_a_slight_win_by_length_is_a_tie(extent, first, second, limit, after):
    assert slight_win_rule(extent, first, second, limit=limit) == after


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: canon([0.5], [1], lam=1.5), "lam"),
        (lambda: canon([0.5], []), "metric"),
        (lambda: length_regression([0.5], [-1]), "lengths"),
        (lambda: slight_win_rule(2.0, 1, 1), "extent"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
