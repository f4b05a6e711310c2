import numpy as np
import pytest

from judge.calibration import expit
from judge.metaeval.calibrate import HeldOut
from judge.metaeval.gain import gains, order_gain
from judge.metaeval.reliability import brier, expected_calibration_error, log_loss


def held_out(before, after, n=600, seed=0):
    """Pairs shown in both orders, what a judge says and what is predicted of the true log-odds."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.5, n)
    first = (rng.random(n) < expit(true)).astype(float)
    odds, events = np.concatenate((true, -true)), np.concatenate((first, 1.0 - first))
    names = [str(at) for at in range(n)] * 2
    return HeldOut(expit(before(odds)), expit(after(odds)), events, names)


def test_the_figures_are_those_of_both_sides():
    held = held_out(lambda x: 3 * x + 1.2, lambda x: x)
    found = gains(held)
    for name, figure in (
        ("brier", brier),
        ("log_loss", log_loss),
        ("ece", lambda p, y: expected_calibration_error(p, y, binning="mass")),
    ):
        assert found[name].before == pytest.approx(figure(held.stated, held.events))
        assert found[name].after == pytest.approx(figure(held.predicted, held.events))
        assert found[name].change == pytest.approx(found[name].after - found[name].before)
    right = ((held.predicted > 0.5) == (held.events > 0.5)).mean()
    assert found["accuracy"].after == pytest.approx(right)


def test_a_judge_set_right_is_better_in_every_figure():
    held = held_out(lambda x: 3 * x + 1.2, lambda x: x)
    found = gains(held)
    assert all(found[name].high < 0.0 for name in ("brier", "log_loss", "ece"))
    assert found["accuracy"].change > 0.0
    effect = order_gain(held)
    assert effect.before == pytest.approx(1.2, abs=0.15)
    assert effect.after == pytest.approx(0.0, abs=0.1)
    assert effect.high < 0.0


def test_nothing_changed_is_no_gain():
    found = gains(held_out(lambda x: x, lambda x: x))
    for one in found.values():
        assert one.change == 0.0
        assert one.low <= 0.0 <= one.high


def test_what_is_worse_is_not_called_better():
    found = gains(held_out(lambda x: x, lambda x: 3 * x))
    assert found["log_loss"].low > 0.0
    assert found["brier"].low > 0.0


def test_intervals_hang_on_prompts_not_on_their_order():
    held = held_out(lambda x: 2 * x, lambda x: x, n=100)
    turned = HeldOut(*(side[::-1] for side in held[:3]), list(held.prompts)[::-1])
    assert gains(turned)["log_loss"] == pytest.approx(gains(held)["log_loss"])
    few = HeldOut(*held[:3], [str(int(name) % 5) for name in held.prompts])
    assert gains(few)["log_loss"] != gains(held)["log_loss"]


def test_an_undecided_judge_is_half_right():
    said, events = np.array([0.9, 0.9, 0.1, 0.1]), np.array([1.0, 1.0, 0.0, 0.0])
    held = HeldOut(np.full(4, 0.5), said, events, "abcd")
    found = gains(held)["accuracy"]
    assert (found.before, found.after) == (0.5, 1.0)
