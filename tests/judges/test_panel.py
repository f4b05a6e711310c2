"""Panels at work, from the recipe to the reward."""

import asyncio
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from judge.errors import ConfigError, RecipeError
from judge.files import bundled
from judge.reward_model import RewardModel
from judge.types import Failure, Group

TEXTS = ("one", "two words", "three more words", "four")
PAIRED = {
    "judge": {"mode": "pairwise", "verdict": "three_way", "readout": "label_probability"},
    "group": {"schedule": "round_robin", "reward": "win_rate", "orders": "both"},
}
LISTED = {"judge": {"mode": "listwise", "list_size": 4}}
FLOWS = {"pointwise": {}, "pairwise": PAIRED, "listwise": LISTED}
TWO = ["good", {"id": "long", "kind": "pitfall", "scale": "1..5"}]
DOWN = Failure("engine", "unavailable", "out of order")


@pytest.fixture
def bench(coded_engine, make_rubric, make_recipe, quality_of):
    """Results of a panel whose judges each have a taste of their own, and the engines."""
    open_models = []

    def judge(taste):
        def chances(texts, key, codes):
            name, _, side = key.partition(".")
            if codes[0] == "A" and not side:
                lead = quality_of(texts[0], name + taste) - quality_of(texts[1], name + taste)
                weights = {"A": math.exp(3.0 * lead), "B": 1.0, "C": 0.5}
            else:
                own = texts["ABCD".index(side) if side else 0]
                at = quality_of(own, name + taste) * (len(codes) - 1)
                weights = {code: math.exp(-((k - at) ** 2)) for k, code in enumerate(codes)}
            total = sum(weights[code] for code in codes)
            return {code: 0.8 * weights[code] / total for code in codes}

        return chances

    def run(tastes, *, down=(), sections=None, panel=None, texts=TEXTS, listed=TWO):
        roles = ("judge", "second", "third", "fourth")[: len(tastes)]
        members = [{"role": role} for role in roles]
        engines = {}
        for role, taste in zip(roles, tastes, strict=True):
            broken = (lambda request: DOWN) if role in down else (lambda request: None)
            engines[role] = coded_engine(judge(taste), broken=broken, name=f"of {taste}")
        made = {"panel": {"members": members, **(panel or {})}} if len(tastes) > 1 else {}
        recipe = make_recipe(**made, **(sections or {}))
        model = RewardModel.build(make_rubric(*listed), recipe=recipe, engine=engines)
        open_models.append(model)
        return model.score([Group.of("Say it.", texts, id="g")])[0], engines

    yield run
    for model in open_models:
        model.close()


def by_text(result, texts=TEXTS):
    return dict(zip(texts, result.values, strict=True))


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("rule", ["mean", "median"])
def test_a_panel_of_equal_judges_is_the_one_judge(bench, flow, rule):
    alone, _ = bench(["x"], sections=FLOWS[flow])
    panel, _ = bench(["x", "x", "x"], sections=FLOWS[flow], panel={"combine": rule})
    assert panel.values == pytest.approx(alone.values, abs=1e-9)
    assert panel.metrics["panel_unanimous"] == 1.0
    assert math.isnan(alone.metrics["panel_unanimous"])
    for one, many in zip(alone.rewards, panel.rewards, strict=True):
        assert many.standard_error == pytest.approx(one.standard_error, abs=1e-9)
        assert (many.coverage, many.status) == (one.coverage, one.status)


@pytest.mark.parametrize("flow", FLOWS)
def test_permuting_the_members_changes_nothing(bench, flow):
    first, _ = bench(["x", "y", "z"], sections=FLOWS[flow])
    second, _ = bench(["z", "x", "y"], sections=FLOWS[flow])
    assert second.values == pytest.approx(first.values, abs=1e-9)
    assert second.usage.calls == first.usage.calls
    alone, _ = bench(["x"], sections=FLOWS[flow])
    assert first.values != pytest.approx(alone.values, abs=1e-3)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_member_that_always_fails_changes_no_value(bench, flow):
    whole, _ = bench(["x", "y"], sections=FLOWS[flow])
    short, engines = bench(["x", "y", "z"], down=("third",), sections=FLOWS[flow])
    assert short.values == pytest.approx(whole.values, abs=1e-9)
    assert short.failures
    assert all(failure.message == "third: out of order" for failure in short.failures)
    assert len(engines["third"].requests) >= len(short.failures)
    told = {verdict.decided_by for verdict in short.verdicts}
    assert told == {"judge + second"}
    parts = short.verdicts[0].parts
    part = parts[0][0] if flow == "listwise" else parts[0]
    assert part.votes[2] is None
    assert None not in part.votes[:2]


def test_too_few_answers_are_a_failure_that_says_who_failed(bench):
    result, _ = bench(["x", "y", "z"], down=("second", "third"))
    assert result.values == [None] * 4
    reason = result.rewards[0].reason
    assert reason.kind == "unavailable"
    assert reason.message == (
        "1 of 3 judges answered, 2 must: second: out of order; third: out of order"
    )
    lone, _ = bench(["x", "y", "z"], down=("second", "third"), panel={"quorum": 1})
    assert lone.values == pytest.approx(bench(["x"])[0].values)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tastes=st.lists(st.text("abcdef", min_size=1), min_size=2, max_size=4))
def test_the_least_is_at_most_the_mean(bench, tastes):
    low, _ = bench(tastes, panel={"combine": "min"})
    mean, _ = bench(tastes)
    for least, middle in zip(low.values, mean.values, strict=True):
        assert least <= middle + 1e-9


def test_the_least_is_high_only_where_all_judges_are(bench):
    low, _ = bench(["x", "y", "z"], panel={"combine": "min"}, listed=["good"])
    own = [by_text(bench([taste], listed=["good"])[0]) for taste in "xyz"]
    for text, value in by_text(low).items():
        assert value == pytest.approx(min(one[text] for one in own))


def test_every_judge_is_asked_once_of_everything(bench):
    alone, _ = bench(["x"], sections=PAIRED)
    panel, engines = bench(["x", "y", "z"], sections=PAIRED)
    assert [len(engine.requests) for engine in engines.values()] == [alone.usage.calls] * 3
    assert panel.usage.calls == 3 * alone.usage.calls == panel.metrics["calls"]


def test_a_budget_pays_for_all_judges(bench):
    tight = {**PAIRED, "group": {**PAIRED["group"], "budget": 35}}
    result, engines = bench(["x", "y", "z"], sections=tight)
    assert result.values == [None] * 4  # 12 ordered pairs of three judges are 36 calls
    assert result.rewards[0].reason.kind == "budget"
    assert not any(engine.requests for engine in engines.values())
    enough = {**PAIRED, "group": {**PAIRED["group"], "budget": 36}}
    assert None not in bench(["x", "y", "z"], sections=enough)[0].values


def test_samples_are_drawn_of_every_judge(bench):
    drawn = {"judge": {"samples": 4, "temperature": 1.0}}
    result, engines = bench(["x", "y"], sections=drawn)
    assert [len(engine.requests) for engine in engines.values()] == [16, 16]
    seeds = {request.sampling.seed for request in engines["judge"].requests}
    assert len(seeds) == 16
    assert result.values == pytest.approx(bench(["x", "y"])[0].values, abs=1e-9)


def test_the_record_names_every_judge(bench):
    two, _ = bench(["x", "y"])
    other, _ = bench(["x", "z"])
    alone, _ = bench(["x"])
    assert "judges" not in alone.record
    assert (two.record["engine_name"], alone.record["engine_name"]) == ("of x + of y", "of x")
    assert two.record["engine"] == alone.record["engine"]
    assert two.record["judges"] != other.record["judges"]
    assert two.record["recipe"] == other.record["recipe"]


def test_what_one_judge_has_said_is_kept_for_any_panel(coded_engine, make_rubric, make_recipe):
    """A member's verdicts are stored as its own: a panel joins them anew, and asks the others."""
    kept = {}

    class Kept:
        get = staticmethod(kept.get)
        put = staticmethod(kept.setdefault)

        def close(self):
            pass

    def scored(engine, recipe):
        with RewardModel.build(make_rubric(), recipe=recipe, engine=engine, store=Kept()) as model:
            return model.score([Group.of("Say it.", TEXTS, id="g")])[0]

    one, two, three = (coded_engine(name=name) for name in ("one", "two", "three"))
    scored(one, make_recipe())
    result = scored({"judge": one, "second": two, "third": three}, make_recipe("panel-mean"))
    assert (len(one.requests), result.metrics["stored"], result.usage.calls) == (4, 4.0, 8)
    again = scored({"judge": one, "second": two, "third": three}, make_recipe("panel-min"))
    assert (again.usage.calls, again.metrics["stored"]) == (0, 12.0)


def test_members_may_share_an_engine_under_other_templates(
    coded_engine, make_rubric, make_recipe, tmp_path
):
    source = (bundled("prompts") / "pointwise.jinja").read_text()
    start = "{% block system %}"
    assert start in source
    (tmp_path / "strict.jinja").write_text(source.replace(start, f"{start}Be strict. "))
    engine = coded_engine()
    members = [{"role": "judge"}, {"role": "judge", "template": "strict"}]
    recipe = make_recipe(panel={"members": members})
    with RewardModel.build(make_rubric(), recipe=recipe, engine=engine, prompts=tmp_path) as model:
        result = model.score([Group.of("Say it.", TEXTS, id="g")])[0]
    strict = [r.messages[0].content.startswith("Be strict.") for r in engine.requests]
    assert (sum(strict), len(strict)) == (4, 8)
    assert {verdict.decided_by for verdict in result.verdicts} == {"judge + judge/strict"}
    assert engine.starts == 1
    assert engine.closes == 1


def test_every_judge_sleeps_and_wakes(coded_engine, make_rubric):
    class Sleeping(coded_engine):
        awake = True

        async def sleep(self, level=1):
            self.awake = False

        async def wake(self):
            self.awake = True

    engines = {role: Sleeping(name=role) for role in ("judge", "second", "third")}
    with RewardModel.build(make_rubric(), recipe="panel-mean", engine=engines) as model:
        model.score([Group.of("Say it.", TEXTS, id="g")])

        async def phases():
            await model.sleep()
            assert not any(engine.awake for engine in engines.values())
            await model.wake()

        asyncio.run(phases())
    assert all(engine.awake for engine in engines.values())
    assert [engine.closes for engine in engines.values()] == [1, 1, 1]


@pytest.mark.parametrize("given", [("judge",), ("judge", "second"), ("second", "third")])
def test_an_engine_is_needed_for_each_role(coded_engine, make_rubric, given):
    engines = {role: coded_engine() for role in given}
    with pytest.raises(ConfigError, match="engines for the roles"):
        RewardModel.build(make_rubric(), recipe="panel-mean", engine=engines)
    spare = {role: coded_engine() for role in ("judge", "second", "third", "fourth")}
    with pytest.raises(ConfigError, match="engines for the roles"):
        RewardModel.build(make_rubric(), recipe="panel-mean", engine=spare)


def test_confusions_are_of_the_criterions_scale(coded_engine, make_rubric, make_recipe):
    table = [[0.8, 0.2], [0.2, 0.8]]
    members = [{"role": role, "confusion": table} for role in ("judge", "second")]
    recipe = make_recipe(panel={"members": members, "combine": "dawid_skene"})
    engines = {role: coded_engine() for role in ("judge", "second")}
    RewardModel.build(make_rubric("good"), recipe=recipe, engine=engines)
    with pytest.raises(RecipeError, match="are of 2 levels, criterion 'good' has 5"):
        RewardModel.build(
            make_rubric({"id": "good", "scale": "1..5"}), recipe=recipe, engine=engines
        )


def test_what_looks_like_control_to_any_judge_is_shown_as_text(coded_engine, make_rubric):
    """A text that only the third judge's tokenizer reads as control is changed for all."""
    engines = {role: coded_engine(name=role) for role in ("judge", "second", "third")}
    engines["third"].control_tokens = frozenset({"<|odd|>"})
    with RewardModel.build(make_rubric(), recipe="panel-mean", engine=engines) as model:
        model.score([Group.of("Say it.", ["a <|odd|> b"], id="g")])
    for engine in engines.values():
        assert not any("<|odd|>" in m.content for r in engine.requests for m in r.messages)
