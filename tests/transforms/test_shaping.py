import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.errors import ConfigError
from judge.transforms import (
    clip,
    clip_steps,
    delta_steps,
    log_and,
    log_sigmoid_centred,
    reference_quantile,
    sigmoid_to_reference,
)


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


def test_preference_as_reward_is_the_mean_sigmoid():
    assert sigmoid_to_reference([1.0, None, -2.0], [0.0, 3.0], scale=0.5) == [
        pytest.approx((sigmoid(0.5) + sigmoid(-1.0)) / 2),
        None,
        pytest.approx((sigmoid(-1.0) + sigmoid(-2.5)) / 2),
    ]


@given(st.floats(-1e4, 1e4), st.floats(-10, 10))
def test_preference_as_reward_is_bounded_and_centred_at_the_reference(reward, reference):
    values = sigmoid_to_reference([reward, reference, 2 * reference - reward], [reference])
    assert 0.0 <= values[0] <= 1.0
    assert values[1] == 0.5
    assert values[0] + values[2] == pytest.approx(1.0)


def test_preference_as_reward_grows_fastest_at_the_reference_and_by_its_scale():
    at = np.linspace(-6.0, 6.0, 121)
    values = np.array(sigmoid_to_reference(at.tolist(), [1.0], scale=3.0))
    slope = np.gradient(values, at)
    assert at[slope.argmax()] == pytest.approx(1.0, abs=0.1)
    assert slope.max() == pytest.approx(3.0 / 4.0, rel=0.01)
    assert (np.diff(values) > 0.0).all()


def test_references_not_judged_are_absent():
    assert sigmoid_to_reference([0.3], [None, 0.1]) == sigmoid_to_reference([0.3], [0.1])
    assert sigmoid_to_reference([0.3, 0.4], [None]) == [None, None]


def test_log_sigmoid_is_linear_below_and_flat_above_the_reference():
    low, lower, at, high, far = log_sigmoid_centred([-1000.0, -1001.0, 2.0, 40.0, 1e6], 2.0)
    assert at == pytest.approx(-math.log(2.0))
    assert low - lower == pytest.approx(1.0)
    assert low == pytest.approx(-1002.0)
    assert high == pytest.approx(0.0, abs=1e-15)
    assert far == 0.0
    assert log_sigmoid_centred([1.0], None) == [None]


def test_the_quantile_has_two_forms():
    values = [0.0, None, 1.0, 2.0, 3.0, 4.0]
    assert reference_quantile(values) == pytest.approx(3.4)
    assert reference_quantile(values, 0.5, form="normal") == pytest.approx(2.0)
    assert reference_quantile(values, form="normal") == pytest.approx(
        2.0 + 1.0364333894937898 * math.sqrt(2.0)
    )
    assert reference_quantile([0.7, 0.7, 0.7], form="normal") == pytest.approx(0.7)
    assert reference_quantile([0.7]) == 0.7
    assert reference_quantile([None]) is None
    assert reference_quantile([], form="normal") is None


def test_the_and_is_the_log_of_the_product_of_probabilities():
    columns = [log_sigmoid_centred([1.0, -2.0, None], 0.0), log_sigmoid_centred([0.5, 3.0, 1], 0.0)]
    assert log_and(columns) == [
        pytest.approx(math.log(sigmoid(1.0) * sigmoid(0.5))),
        pytest.approx(math.log(sigmoid(-2.0) * sigmoid(3.0))),
        None,
    ]


@given(st.floats(-3, 0), st.floats(0.5, 3), st.floats(0.1, 2))
def test_the_and_works_on_the_worst_property(bad, good, gain):
    """The same gain is worth more on the property below the reference than on the one above."""

    def total(first, second):
        return log_and([log_sigmoid_centred([p], 0.0) for p in (first, second)])[0]

    assert total(bad + gain, good) - total(bad, good) > total(bad, good + gain) - total(bad, good)


def test_clip_moves_values_to_the_ends():
    assert clip([-2.0, None, 0.5, 7.0], -1.0, 1.0) == [-1.0, None, 0.5, 1.0]
    assert clip([-2.0, 7.0], high=1.0) == [-2.0, 1.0]
    assert clip([-2.0, 7.0], low=1.0) == [1.0, 7.0]
    assert clip([-2.0, 7.0]) == [-2.0, 7.0]


@given(st.lists(st.integers(-8, 8).map(lambda k: k / 4) | st.none(), max_size=6))
def test_delta_telescopes_to_each_steps_own_reward(steps):
    delta = delta_steps(steps)
    for k, q in enumerate(steps):
        if q is None:
            assert delta[k] is None
        else:
            assert sum(d for d in delta[k:] if d is not None) == pytest.approx(q)


def test_steps_by_hand():
    assert delta_steps([0.5, 0.75, 0.25]) == [-0.25, 0.5, 0.25]
    assert delta_steps([0.5, None, 0.25]) == [0.25, None, 0.25]
    assert clip_steps([0.5, None, 0.75, 1.0], eta=0.75) == [-0.25, None, 0.0, 0.0]


def test_more_good_steps_add_nothing_when_clipped():
    few, many = clip_steps([0.2, 0.9], eta=0.5), clip_steps([0.2, 0.9, 0.8, 0.9], eta=0.5)
    assert sum(few) == sum(many) == pytest.approx(-0.3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: sigmoid_to_reference([0.0], [0.0], scale=0.0), "scale"),
        (lambda: sigmoid_to_reference([0.0], [math.nan]), "references"),
        (lambda: reference_quantile([0.0], 1.0), "quantile"),
        (lambda: log_and([]), "columns"),
        (lambda: log_and([[0.5]]), "columns"),
        (lambda: log_and([[-0.5], [-0.1, -0.2]]), r"columns\[1\]"),
        (lambda: clip([0.0], 1.0, 0.0), "low"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
