import math

import pytest

from judge.background import wait_at_home
from judge.engines.scripted import ScriptedEngine
from judge.errors import ConfigError
from judge.judges.base import Tally
from judge.metrics import metrics
from judge.reward_model import RewardModel
from judge.types import Failure, Group, Response

NUMBERS = {"a": -3.0, "bb": 1.0, "cccc": 5.0, "reference": 2.0}


def number(request):
    return NUMBERS[request.messages[-1].content]


def scalar(respond=number, **options):
    return ScriptedEngine(respond, scalar=True, **options)


@pytest.fixture
def scored(make_recipe):
    """The result of a scalar model on some texts, under some sections of a recipe."""

    def make(texts, engine=None, *, sections=None, **fields):
        recipe = make_recipe("scalar", **(sections or {}))
        with RewardModel.build(recipe=recipe, engine=engine or scalar()) as model:
            return model.score([Group.of("Say it.", texts, id="g", **fields)])[0]

    return make


def test_a_result_is_whole(scored):
    result = scored(["a", "bb", "cccc"])
    assert result.metrics.keys() == metrics((), (), (), Tally()).keys()
    assert (result.group_id, result.values, result.ranking) == ("g", [-3.0, 1.0, 5.0], None)
    assert result.scores == (None, None, None)
    assert [verdict.value for verdict in result.verdicts] == result.values
    assert result.metrics["length_correlation"] == pytest.approx(12.0 / math.sqrt(42 / 9 * 32))
    assert result.metrics["calls"] == result.usage.calls == 3
    assert result.record["engine_name"] == "scripted"
    assert (result.record["rubric"], result.record["template"]) == ("", "")


def test_permuting_the_responses_permutes_the_rewards(scored):
    texts, order = ["a", "bb", "cccc"], [2, 0, 1]
    plain = scored(texts).values
    assert scored([texts[k] for k in order]).values == [plain[k] for k in order]


def test_what_fails_changes_no_sibling(scored):
    def broken(request):
        if request.messages[-1].content == "bb":
            return Failure("engine", "refused", "no", call=request.id)
        return number(request)

    steps = {"transforms": [{"z_score": {}}]}
    result = scored(["a", "bb", "cccc"], scalar(broken), sections=steps)
    assert result.values == [pytest.approx(-(0.5**0.5)), None, pytest.approx(0.5**0.5)]
    assert result.rewards[1].reason.kind == "refused"
    assert (result.rewards[1].status, result.rewards[1].coverage) == ("failed", 0.0)
    assert [failure.kind for failure in result.failures] == ["refused"]


def test_an_engine_that_breaks_gives_failures_and_no_exception(scored):
    def broken(request):
        raise KeyError("x")

    result = scored(["a", "bb"], scalar(broken))
    assert result.values == [None, None]
    assert "KeyError" in result.rewards[0].reason.message


def test_transforms_are_applied_and_the_reference_is_judged_where_one_wants_it(scored):
    """PAR: the sigmoid of the difference to the reference answer's own reward."""
    steps = {"transforms": [{"sigmoid_to_reference": {}}]}
    expected = [1.0 / (1.0 + math.exp(2.0 - NUMBERS[text])) for text in ("a", "bb", "cccc")]
    result = scored(["a", "bb", "cccc"], sections=steps, reference="reference")
    assert result.values == pytest.approx(expected)
    assert (len(result.rewards), result.usage.calls) == (3, 4)
    given = scored(["a", "bb", "cccc"], sections=steps, meta={"reference_rewards": [2.0]})
    assert given.values == pytest.approx(expected)
    assert given.usage.calls == 3
    without = scored(["a"], sections=steps)
    assert without.rewards[0].reason.kind == "missing_input"
    plain = scored(["a"], reference="reference")
    assert (plain.values, plain.usage.calls) == ([-3.0], 1)


def test_advancing_the_multipliers_reaches_the_scorer(make_recipe):
    recipe = make_recipe(
        "reference-likelihood",
        likelihood={"method": "reference", "baseline": True},
        transforms=[{"constrained": {"thresholds": {"with_reasoning": -1.0}}}],
    )
    engine = ScriptedEngine(lambda request: "x", score=lambda ids: [-0.05 * len(ids)] * len(ids))
    group = Group.of("Where?", ["Here."], reference="There")
    with RewardModel.build(recipe=recipe, engine=engine) as model:
        (before,) = model.score([group])
        for _ in range(20):
            wait_at_home(model.advance([before]))
        (after,) = model.score([group])
    assert after.values != before.values
    assert after.rewards[0].parts == before.rewards[0].parts


def test_a_group_of_one_and_a_degenerate_response_get_the_models_number(scored):
    result = scored(["..."], scalar(lambda request: -9.5))
    assert (result.values, result.rewards[0].status) == ([-9.5], "ok")


def test_a_rubric_and_comparisons_are_refused(make_rubric):
    with pytest.raises(ConfigError, match="without a rubric") as caught:
        RewardModel.build(make_rubric(), recipe="scalar", engine=scalar())
    assert "leave the rubric out" in caught.value.hint
    with (
        RewardModel.build(recipe="scalar", engine=scalar()) as model,
        pytest.raises(ConfigError, match="judges responses alone"),
    ):
        wait_at_home(model.compare(Group.of("Say it.", ["a", "bb"]), [(0, 1)]))


def test_a_rows_own_rubric_is_not_looked_at(scored):
    assert scored(["a"], rubric="no/such-rubric").values == [-3.0]
    assert scored([Response("a", meta={"seed": 1})]).values == [-3.0]


@pytest.mark.parametrize("recipe", ["scalar", "reference-likelihood"])
async def test_an_engine_of_the_wrong_kind_is_an_error_at_the_start(recipe):
    model = RewardModel.build(recipe=recipe, engine=ScriptedEngine(lambda request: "x"))
    with pytest.raises(ConfigError):
        await model.start()
    await model.aclose()


def test_both_digests_of_two_models_are_in_the_record():
    engines = {
        role: ScriptedEngine(lambda request: "x", name=role, score=lambda ids: [-1.0] * len(ids))
        for role in ("judge", "reference")
    }
    with RewardModel.build(recipe="cdr", engine=engines) as model:
        (result,) = model.score([Group.of("Say it.", ["a"])])
    assert (result.record["engine"], result.record["reference_engine"]) == ("judge", "reference")
