import json
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.errors import ConfigError
from judge.transforms import Multipliers
from judge.transforms.constraint import combine, step, weights


def test_multipliers_start_at_a_half_or_at_zero():
    assert weights(Multipliers.start([0.3, 0.6])) == [0.5, 0.5]
    assert weights(Multipliers.start([0.3], bound="tanh")) == [0.0]


def test_the_sum_by_hand():
    state = Multipliers((0.0, 0.0), (math.log(3.0), 0.0), (0.0, 0.0))
    assert weights(state) == pytest.approx([0.75, 0.5])
    components = [[1.0, 2.0, None, 0.0], [4.0, -2.0, 1.0, 0.0]]
    assert combine(components, [10.0, 1.0, 1.0, None], state) == [
        pytest.approx(0.75 * 10.0 + 0.75 * 1.0 + 0.5 * 4.0),
        pytest.approx(0.75 * 1.0 + 0.75 * 2.0 - 0.5 * 2.0),
        None,
        None,
    ]


def test_one_step_by_hand():
    first = step(Multipliers.start([0.5]), [0.9])
    assert first.velocity == (pytest.approx(0.25 * 0.4),)
    assert first.parameters == (pytest.approx(-0.01 * 0.25 * 0.4),)
    second = step(first, [0.5], lr=0.1)
    assert second.velocity == (pytest.approx(0.1 * 0.25 * 0.4),)
    assert second.parameters[0] == pytest.approx(first.parameters[0] - 0.1 * 0.01)
    tanh = step(Multipliers((0.0,), (1.0,), (0.0,), "tanh"), [2.0], lr=1.0)
    assert tanh.parameters == (pytest.approx(1.0 - 2.0 * (1.0 - math.tanh(1.0) ** 2)),)


@settings(max_examples=50)
@given(st.floats(0.01, 2.0), st.floats(-1, 1), st.sampled_from(["sigmoid", "tanh"]))
def test_a_multiplier_falls_past_its_threshold_and_rises_below_it(excess, threshold, bound):
    start = Multipliers.start([threshold, threshold, threshold], bound=bound)
    state = start
    for _ in range(3):
        state = step(state, [threshold + excess, threshold - excess, None])
    above, below, unknown = weights(state)
    middle = weights(start)[0]
    assert above < middle < below
    assert unknown == middle


def test_a_component_past_its_threshold_is_punished_only_by_tanh():
    """With the equality form a multiplier goes below 0, and more of the component is worse."""
    for bound, punished in (("tanh", True), ("sigmoid", False)):
        state = Multipliers.start([0.0], bound=bound)
        for _ in range(50):
            state = step(state, [1.0], lr=1.0)
        less, more = combine([[0.0, 1.0]], [0.5, 0.5], state)
        assert (more < less) is punished


def test_a_run_settles_the_component_at_its_threshold():
    """A policy that follows the combined reward's slope ends at the threshold, not above it."""
    state, mean = Multipliers.start([0.6], bound="tanh"), 0.0
    for _ in range(8000):
        mean += 0.01 * weights(state)[0]
        state = step(state, [mean], lr=0.05, momentum=0.0)
        mean *= 0.999
    assert mean == pytest.approx(0.6, abs=0.05)


def test_the_state_is_json():
    state = step(Multipliers.start([0.25, -1.5], bound="tanh"), [0.7, 0.1])
    line = json.dumps(msgspec.to_builtins(state))
    assert msgspec.convert(json.loads(line), Multipliers) == state


def test_bad_input_is_named():
    state = Multipliers.start([0.5])
    for call, name in (
        (lambda: combine([], [1.0], state), "components"),
        (lambda: combine([[1.0, 2.0]], [1.0], state), "components"),
        (lambda: step(state, [1.0, 2.0]), "mean_components"),
        (lambda: step(state, [math.nan]), "mean_components"),
        (lambda: Multipliers((0.5,), (), (0.0,)), "Multipliers"),
        (lambda: Multipliers((0.5,), (math.inf,), (0.0,)), "Multipliers.parameters"),
    ):
        with pytest.raises(ConfigError, match=f"^{name}"):
            call()
