"""Panels of scalar reward models: numbers on scales of their own."""

import statistics

import pytest

from judge.engines.scripted import ScriptedEngine
from judge.reward_model import RewardModel
from judge.types import Failure, Group

TEXTS = ("one", "two", "three", "four")
TASTES = {
    "judge": {"one": 1.0, "two": 2.0, "three": 4.0, "four": 3.0},
    "second": {"one": 0.0, "two": 5.0, "three": 1.0, "four": 2.0},
    "third": {"one": -3.0, "two": -1.0, "three": 7.0, "four": 0.0},
}
DOWN = Failure("engine", "unavailable", "out of order")


@pytest.fixture
def scored(make_recipe):
    def make(tastes, texts=TEXTS, recipe="scalar-ensemble", **panel):
        roles = [{"role": role} for role in tastes]
        engines = {
            role: ScriptedEngine(
                lambda request, own=own: own[request.messages[-1].content], scalar=True, name=role
            )
            for role, own in tastes.items()
        }
        made = {} if recipe == "scalar" else {"panel": {"members": roles, **panel}}
        with RewardModel.build(recipe=make_recipe(recipe, **made), engine=engines) as model:
            return model.score([Group.of("Say it.", texts, id="g")])[0]

    return make


def standard(own, texts=TEXTS):
    values = [own[text] for text in texts]
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    return [(value - mean) / deviation for value in values]


@pytest.mark.parametrize(
    ("rule", "join"), [("mean", statistics.fmean), ("median", statistics.median), ("min", min)]
)
def test_numbers_are_joined_response_by_response(scored, rule, join):
    raw = scored(TASTES, combine=rule, standardise=False)
    assert raw.values == pytest.approx([join([t[x] for t in TASTES.values()]) for x in TEXTS])
    rows = zip(*(standard(own) for own in TASTES.values()), strict=True)
    assert scored(TASTES, combine=rule).values == pytest.approx([join(row) for row in rows])


def test_equal_models_are_the_one_model(scored):
    own = TASTES["judge"]
    alone = scored({"judge": own}, recipe="scalar")
    panel = scored(dict.fromkeys(TASTES, own), standardise=False)
    assert panel.values == pytest.approx(alone.values)
    assert panel.usage.calls == 3 * alone.usage.calls


def test_a_models_offset_and_scale_mean_nothing(scored):
    turned = {
        role: {text: 10.0**k * value + 5.0 * k for text, value in own.items()}
        for k, (role, own) in enumerate(TASTES.items())
    }
    assert scored(turned).values == pytest.approx(scored(TASTES).values)
    assert scored(turned, standardise=False).values != pytest.approx(
        scored(TASTES, standardise=False).values
    )


def test_members_may_count_more(scored):
    members = [{"role": role, "weight": w} for role, w in zip(TASTES, (2.0, 1.0, 1.0), strict=True)]
    told = scored(TASTES, members=members, standardise=False)
    rows = zip(*(own.values() for own in TASTES.values()), strict=True)
    twice = [(2 * a + b + c) / 4 for a, b, c in rows]
    assert told.values == pytest.approx(twice)


def test_a_member_that_fails_is_left_out(scored):
    two = {role: TASTES[role] for role in ("judge", "second")}
    down = {**two, "third": dict.fromkeys(TEXTS, DOWN)}
    for standardise in (True, False):
        told = scored(down, standardise=standardise)
        assert told.values == pytest.approx(scored(two, standardise=standardise).values)
    assert {failure.message for failure in told.failures} == {"third: out of order"}
    short = scored(down, quorum=3)
    assert short.values == [None] * 4
    reason = short.rewards[0].reason.message
    assert reason == "2 of 3 judges answered, 3 must: third: out of order"


def test_one_missing_number_is_one_missing_vote(scored):
    holed = {**TASTES, "third": {**TASTES["third"], "two": DOWN}}
    told = scored(holed, standardise=False)
    whole = scored(TASTES, standardise=False)
    assert told.values[1] == pytest.approx((2.0 + 5.0) / 2)
    assert [told.values[k] for k in (0, 2, 3)] == [whole.values[k] for k in (0, 2, 3)]


def test_nobody_is_worth_anything_among_no_others(scored):
    alone = scored(TASTES, texts=TEXTS[:1])
    assert alone.values == [None]
    assert alone.rewards[0].reason.kind == "not_comparable"
    assert scored(TASTES, texts=TEXTS[:1], standardise=False).values == pytest.approx([-2 / 3])
    assert scored(TASTES, texts=["one", "one"]).values == [0.0, 0.0]


def test_the_record_names_every_model(scored):
    record = scored(TASTES).record
    assert (record["engine"], record["second_engine"], record["third_engine"]) == tuple(TASTES)
