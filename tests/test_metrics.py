import math

import pytest
from msgspec.structs import replace

from judge.judges.base import Tally
from judge.metrics import metrics
from judge.types import CriterionVerdict, Failure, Pairwise, Pointwise, Reward, Scalar, Usage

WHY = Failure("read", "malformed", "x")


def reward(value, status="ok", coverage=1.0):
    return Reward(value, status, None, coverage, reason=WHY if value is None else None)


def pair(first, second, p_first, p_second, call="c", mass=None, cut=0):
    parts = (CriterionVerdict("a", 0, 0.0, label_mass=mass),)
    tie = 1.0 - p_first - p_second
    return Pairwise(first, second, p_first, tie, p_second, parts, call=call, cut=cut)


def test_of_nothing_there_is_nothing_to_say():
    made = metrics([], [], [], Tally())
    zero = {"unjudged", "gated", "failures", "calls", "stored", "cut", "rubrics_written"}
    zero.add("calls_saved")
    assert {key for key, value in made.items() if value == 0.0} == zero
    assert all(math.isnan(value) for key, value in made.items() if key not in zero)


def test_the_rewards():
    rewards = [reward(0.0, "gated"), reward(1.0), reward(None, "failed", 0.25), reward(0.5)]
    made = metrics(rewards, [], [WHY, WHY], Tally(Usage(calls=7), [], 3))
    assert made["reward_mean"] == 0.5
    assert made["reward_std"] == pytest.approx(0.5)
    assert made["coverage"] == pytest.approx(3.25 / 4)
    assert (made["unjudged"], made["gated"], made["failures"]) == (1.0, 1.0, 2.0)
    assert (made["calls"], made["stored"]) == (7.0, 3.0)
    assert math.isnan(metrics([reward(1.0)], [], [], Tally())["reward_std"])


def test_flips_count_pairs_and_first_places_count_calls():
    verdicts = [
        pair(0, 1, 0.75, 0.25),
        pair(1, 0, 0.75, 0.25),  # flipped
        pair(0, 2, 0.25, 0.75),
        pair(2, 0, 0.75, 0.25),  # not flipped
        pair(1, 2, 0.25, 0.25),  # undecided, and in one order
    ]
    made = metrics([], verdicts, [], Tally())
    assert made["flip_rate"] == 0.5
    assert made["first_share"] == 0.75


def test_pairs_the_model_was_not_asked_about_say_nothing_about_it():
    ties = [pair(0, 1, 0.0, 0.0, call=""), pair(1, 0, 0.0, 0.0, call="")]
    won = [pair(0, 2, 1.0, 0.0, call=""), pair(2, 0, 0.0, 1.0, call="")]
    made = metrics([], ties + won, [], Tally())
    assert math.isnan(made["flip_rate"])
    assert math.isnan(made["first_share"])


def test_the_mass_of_a_verdict_is_its_smallest():
    parts = tuple(CriterionVerdict("a", 0, 0.0, label_mass=mass) for mass in (0.9, 0.5, None))
    verdicts = [
        Pointwise(0, parts),
        pair(0, 1, 1.0, 0.0, mass=0.75),
        pair(1, 0, 1.0, 0.0),
        Scalar(0, 1.0),
    ]
    made = metrics([], verdicts, [], Tally())
    assert made["label_mass"] == pytest.approx(0.625)
    assert made["label_mass_min"] == 0.5


def test_the_share_of_thinking_that_its_budget_ended():
    verdicts = [
        Pointwise(0, (), thinking="so"),
        Pointwise(1, (), thinking="so", thinking_cut=True),
        replace(pair(0, 1, 1.0, 0.0), thinking="so"),
        Pointwise(2, ()),
        Scalar(0, 1.0),
    ]
    assert metrics([], verdicts, [], Tally())["thinking_cut"] == pytest.approx(1 / 3)
    lost = Failure("read", "thinking_cut", "x", call="c")
    other = Failure("read", "cut", "x", call="d")
    assert metrics([], verdicts, [lost, other], Tally())["thinking_cut"] == 0.5
    assert math.isnan(metrics([], verdicts[3:], [other], Tally())["thinking_cut"])


def test_cut_verdicts_are_counted():
    made = metrics(
        [], [Pointwise(0, (), cut=9), pair(0, 1, 1.0, 0.0, cut=1), Scalar(0, 1.0)], [], Tally()
    )
    assert made["cut"] == 2.0


def test_panels_and_cascades():
    tally = Tally(unanimous=[True, True, False, True], escalated=[True, False, False], saved=2)
    made = metrics([reward(1.0)], [], [], tally)
    assert made["panel_unanimous"] == 0.75
    assert made["cascade_escalated"] == pytest.approx(1 / 3)
    assert made["calls_saved"] == 2.0


def test_what_one_of_several_judges_has_cost_is_added_under_its_name():
    tally, own = Tally(Usage(calls=3), [], 1), Tally(Usage(calls=2), [WHY], 4)
    tally.take(own, "second")
    assert (tally.usage.calls, tally.stored) == (5, 5)
    assert [failure.message for failure in tally.failures] == [f"second: {WHY.message}"]
