"""Bundled recipes of several judges, samples or experts: each shows its defining property."""

import json
import math
import statistics

import pytest

from judge.engines.scripted import ScriptedEngine
from judge.reward_model import RewardModel
from judge.rubrics import load_rubric
from judge.types import Group

TEXTS = ["alpha", "beta", "gamma", "delta"]


def levels(at, codes):
    """A distribution over codes, worst to best, around a place in [0, 1]."""
    top = len(codes) - 1
    weights = {code: math.exp(-((3.0 * (k / top - at)) ** 2)) for k, code in enumerate(codes)}
    return {code: weight / sum(weights.values()) for code, weight in weights.items()}


@pytest.fixture
def asked(coded_engine, make_rubric, make_recipe):
    """A result of a recipe whose judges see the texts' values, a mapping each, by role."""

    def make(recipe, seen, texts=TEXTS, **sections):
        def judge(values):
            return lambda texts, key, codes: levels(values[texts[0]], codes)

        engines = {role: coded_engine(judge(values), name=role) for role, values in seen.items()}
        chosen = make_recipe(recipe, **sections)
        with RewardModel.build(make_rubric(), recipe=chosen, engine=engines) as model:
            return model.score([Group.of("Say it.", texts, id="g")])[0]

    return make


def test_panel_mean(asked, quality_of):
    """Errors that the judges do not share average out: the mean is nearer the truth than any."""
    texts = [f"text {k}" for k in range(60)]
    truth = {text: quality_of(text) for text in texts}
    seen = {
        role: {t: v + 0.8 * (quality_of(t, role) - 0.5) for t, v in truth.items()}
        for role in ("judge", "second", "third")
    }
    right = asked("pointwise", {"judge": truth}, texts).values

    def error(values):
        return statistics.fmean((a - b) ** 2 for a, b in zip(values, right, strict=True))

    alone = [error(asked("pointwise", {"judge": own}, texts).values) for own in seen.values()]
    assert error(asked("panel-mean", seen, texts).values) < 0.6 * min(alone)
    # An error they all make stays.
    shared = dict.fromkeys(seen, seen["judge"])
    assert error(asked("panel-mean", shared, texts).values) == pytest.approx(alone[0])


def test_panel_min(asked):
    """What fools one judge, or two, is not paid; what all three like is."""
    liked = dict.fromkeys(TEXTS, 1.0)
    fooled = {
        "judge": liked,
        "second": {**liked, "alpha": 0.0},
        "third": {**liked, "alpha": 0.0, "beta": 0.0},
    }
    least, mean = asked("panel-min", fooled).values, asked("panel-mean", fooled).values
    high, low = max(least), min(least)
    assert least == pytest.approx([low, low, high, high])
    assert high > 0.9
    assert low < 0.1
    assert mean[0] < mean[1] < mean[2]
    assert mean[1] > 0.5


def test_cascade(coded_engine, make_rubric):
    """The strong judge is asked where the cheap one leans by less than the margin, and decides."""
    clear, close = ["good", "bad"], ["fine", "okay"]
    leads = {"good": 1.0, "bad": 0.0, "fine": 0.55, "okay": 0.5}

    def cheap(texts, key, codes):
        first = 0.5 + (leads[texts[0]] - leads[texts[1]]) / 2.0
        return {"A": 0.9 * first, "B": 0.9 * (1.0 - first), "C": 0.1}

    def strong(texts, key, codes):
        return {code: float(code == "AB"[texts[0] != "okay"]) for code in codes}

    engines = {
        "judge": coded_engine(cheap, name="cheap"),
        "strong": coded_engine(strong, name="strong"),
    }
    groups = [Group.of("Say it.", pair, id=pair[0]) for pair in (clear, close)]
    with RewardModel.build(make_rubric(), recipe="cascade", engine=engines) as model:
        sure, unsure = model.score(groups)
    assert sure.values[0] > sure.values[1]
    assert (sure.metrics["calls_saved"], unsure.metrics["calls_saved"]) == (2.0, 0.0)
    assert unsure.values == [0.0, 1.0]
    assert {verdict.decided_by for verdict in unsure.verdicts} == {"strong"}
    assert len(engines["strong"].requests) == 2


@pytest.fixture
def drawn(coded_engine, answer, make_rubric, make_recipe):
    """A result of `self-consistency` whose judge is a function (seed, texts, codes)."""

    def make(judge, texts=("x", "y"), **own):
        def respond(request):
            seed = request.sampling.seed
            return answer(request, lambda texts, key, codes: judge(seed, texts, codes))

        engine = coded_engine(broken=respond)
        recipe = make_recipe("self-consistency", judge=own)
        with RewardModel.build(make_rubric(), recipe=recipe, engine=engine) as model:
            return model.score([Group.of("Say it.", texts, id="g")])[0], engine

    return make


def test_self_consistency_averages_probabilities_and_not_votes(drawn):
    """Of the draws, most lean a little to y and the others are sure of x: x wins."""

    def judge(seed, texts, codes):
        x = 0.99 if seed % 3 == 0 else 0.45
        return {"A": x, "B": 1.0 - x, "C": 0.0} if texts[0] == "x" else {
            "A": 1.0 - x, "B": x, "C": 0.0
        }  # fmt: skip

    result, engine = drawn(judge)
    draws = [request.sampling.seed % 3 == 0 for request in engine.requests]
    assert len(draws) == len({request.sampling.seed for request in engine.requests}) == 16
    assert sum(draws) < len(draws) / 2  # the votes are for y
    mean = statistics.fmean(0.99 if sure else 0.45 for sure in draws)
    assert result.values == pytest.approx([mean, 1.0 - mean])
    assert mean > 0.5


def test_self_consistency_steadies_the_judge(drawn, quality_of):
    """A judge that changes its mind from draw to draw errs less, the more draws there are."""

    def judge(seed, texts, codes):
        first = 0.6 * (texts[0] > texts[1]) + 0.4 * (texts[0] < texts[1])
        first += 0.8 * (quality_of(str(seed)) - 0.5)
        return {"A": first, "B": 1.0 - first, "C": 0.0}

    texts = [f"text {k}" for k in range(8)]
    errors = {}
    for samples in (1, 8):
        verdicts = drawn(judge, texts, samples=samples)[0].verdicts
        right = [0.6 if texts[v.first] > texts[v.second] else 0.4 for v in verdicts]
        errors[samples] = statistics.fmean(
            (v.p_first - p) ** 2 for v, p in zip(verdicts, right, strict=True)
        )
    assert errors[8] < errors[1] / 4


# --- DMoERM ----------------------------------------------------------------------------------

EXPERTS = ("role-play", "chat", "subjective-qa", "objective-qa", "text-creation")


@pytest.fixture
def routed(coded_engine, writing, make_rubric):
    """Results of `dmoerm-routing`, whose router names these titles in turn."""

    def make(groups, titles):
        told = iter(titles)
        asked = []

        def respond(texts, request):
            asked.append(request)
            title = next(told)
            lines = request.messages[0].content.splitlines()
            return next(int(line.split(" = ")[0]) for line in lines if f" = {title}" in line)

        engine = coded_engine(broken=writing(respond))
        given = make_rubric("useful", title="Anything")
        with RewardModel.build(given, recipe="dmoerm-routing", engine=engine) as model:
            return model.score(groups), asked, given

    return make


def one(prompt="Be a pirate.", **meta):
    return [Group.of(prompt, ["x", "some more text"], id="g", meta=meta)]


def test_dmoerm_routing_judges_by_the_experts_capabilities(routed):
    """The category's own rubric judges, and the record says which one and how surely."""
    (result,), asked, _ = routed(one(), ["Role play"] * 4 + ["Conversation"])
    expert = load_rubric("capabilities/role-play")
    assert result.record["rubric"] == expert.digest
    assert json.loads(result.record["routed"]) == {
        "rubric": "capabilities/role-play",
        "by": "scores",
        "confidence": pytest.approx(0.8),
    }
    assert set(result.rewards[0].parts) == {criterion.id for criterion in expert.enabled}
    assert len(asked) == 5
    # The router sees what the user said and neither response.
    assert not any("some more text" in turn.content for r in asked for turn in r.messages)


def test_dmoerm_routing_mixes_two_experts_where_it_is_unsure(routed):
    titles = ["Role play", "Conversation", "Role play", "Questions of judgement", "Conversation"]
    (result,), _, _ = routed(one(), titles)
    told = json.loads(result.record["routed"])
    assert (told["by"], told["confidence"]) == ("mixture", pytest.approx(0.4))
    mixed = json.loads(result.record["written"])[result.record["rubric"]]
    ids = {criterion["id"] for criterion in mixed["criteria"]}
    assert {"in_character", "hears"} <= ids
    assert "sides" not in ids
    assert None not in result.values


def test_dmoerm_routing_asks_nobody_where_the_row_says_what_it_is(routed):
    (result,), asked, _ = routed(one(task="chat"), [])
    assert asked == []
    assert json.loads(result.record["routed"])["by"] == "keys"
    assert result.record["rubric"] == load_rubric("capabilities/chat").digest


@pytest.mark.parametrize("name", EXPERTS)
def test_every_expert_has_five_capabilities_of_its_own(name):
    rubric = load_rubric(f"capabilities/{name}")
    assert len(rubric.judged) == 5
    others = {c.id for other in EXPERTS if other != name
              for c in load_rubric(f"capabilities/{other}").judged}  # fmt: skip
    assert not {criterion.id for criterion in rubric.judged} & others


def test_scalar_ensemble(quality_of):
    """The mean ranks better than any of the models, whatever their scales; a shared error stays."""
    texts = [f"text {k}" for k in range(60)]
    truth = [quality_of(text) for text in texts]

    def model(role, scale):
        def number(request):
            said = request.messages[-1].content
            return scale * (quality_of(said) + 0.8 * (quality_of(said, role) - 0.5))

        return ScriptedEngine(number, scalar=True, name=f"{role} {scale}")

    def agreement(recipe, **engines):
        with RewardModel.build(recipe=recipe, engine=engines) as made:
            values = made.score([Group.of("Say it.", texts, id="g")])[0].values
        return statistics.correlation(values, truth)

    one, two, three = (model(role, scale) for role, scale in (("a", 1.0), ("b", 99.0), ("c", 0.01)))
    alone = [agreement("scalar", judge=engine) for engine in (one, two, three)]
    assert agreement("scalar-ensemble", judge=one, second=two, third=three) > max(alone) + 0.05
    same = {role: model("a", scale) for role, scale in (("judge", 1.0), ("second", 2.0))}
    shared = agreement("scalar-ensemble", **same, third=model("a", 3.0))
    assert shared == pytest.approx(alone[0])
