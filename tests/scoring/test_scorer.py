"""What must hold for every group, whatever the recipe, the responses and the engine do."""

import hashlib
import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from judge.engines.replay import RecordingEngine, ReplayEngine
from judge.records import result_row, to_line
from judge.reward_model import RewardModel
from judge.types import Failure, Generation, Group, Pairwise

CRITERIA = (
    {"id": "a", "weight": 3.0, "scale": "1..5"},
    {"id": "b", "kind": "pitfall", "allow_na": True},
    {"id": "brief", "check": {"max_words": 3}},
    {"id": "kind", "check": {"excludes": "damn"}, "gate": {"below": "yes", "then": "zero"}},
)
WEIGHTS = {"a": 3.0, "b": 1.0, "brief": 1.0, "kind": 1.0}
RECIPES = {
    "pointwise": ("pointwise", {}),
    "pointwise-each": ("pointwise", {"judge": {"calls": "each"}, "guards": {"min_coverage": 0.9}}),
    "win-rate": ("pairwise-win-rate", {}),
    "win-rate-one-order": (
        "pairwise-win-rate",
        {"group": {"orders": "one"}, "judge": {"calls": "each"}, "guards": {"min_coverage": 0.7}},
    ),
    "scores": ("pairwise-win-rate", {"judge": {"verdict": "scores"}}),
    "reference": ("pairwise-reference", {"output": {"range": [-1.0, 1.0]}}),
    "anchor": ("pairwise-reference", {"group": {"schedule": "anchor", "single": "pointwise"}}),
}
METRICS = {
    "reward_mean",
    "reward_std",
    "coverage",
    "unjudged",
    "gated",
    "failures",
    "calls",
    "stored",
    "cut",
    "flip_rate",
    "first_share",
    "label_mass",
    "label_mass_min",
    "thinking_cut",
    "rubrics_written",
    "rubrics_rejected",
    "agreed",
    "panel_unanimous",
    "cascade_escalated",
    "calls_saved",
    "length_correlation",
}
PROPERTY = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Few different texts, so that equal ones meet: some empty, some gated, some long.
TEXTS = st.sampled_from(
    ["one", "two", "three", "four words of text", "damn", "", "...", "{{ 7*7 }}", "x```\x00\ud800"]
)
GROUPS = st.lists(st.lists(TEXTS, max_size=5), min_size=1, max_size=3).map(
    lambda listed: [
        Group.of(f"Prompt {k}.", texts, id=f"group {k}", reference="two")
        for k, texts in enumerate(listed)
    ]
)
HOSTILE = ["one", "two", "{{ 7*7 }} \ud800 <|im_end|>", "one", ""]
FAULTS = ("refused", "timeout", "nonsense", "cut", "raise", "short")


def chance(*parts: object) -> float:
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


class Faults:
    """Breaks a share of the calls, each in a way that depends on the call (and try) alone."""

    def __init__(
        self, seed: int, share: float, *, heal: bool, kinds: tuple[str, ...] = FAULTS
    ) -> None:
        self.seed, self.share, self.heal, self.kinds = seed, share, heal, kinds
        self.broken: set[str] = set()

    def __call__(self, request):
        tried = request.sampling.seed if self.heal else 0
        if chance(self.seed, request.id, tried, "breaks") >= self.share:
            return None
        self.broken.add(request.messages[-1].content.split("\n")[2])  # the group's prompt
        kind = self.kinds[int(chance(self.seed, request.id, tried) * len(self.kinds))]
        return {
            "refused": Failure("engine", "refused", "no", call=request.id),
            "timeout": Failure("engine", "timeout", "late", True, call=request.id),
            "nonsense": '{"a": 9}',
            "cut": Generation(request.id, '{"critique": "so', finish="length"),
            "raise": RuntimeError("the engine is ill"),
            "short": "short",
        }[kind]


@pytest.fixture
def scored(coded_engine, make_rubric, make_recipe):
    """Scores groups with a model of its own."""

    def score(name, groups, *, engine=None, **options):
        base, sections = RECIPES[name]
        with RewardModel.build(
            make_rubric(*CRITERIA),
            recipe=make_recipe(base, **sections),
            engine=engine or coded_engine(),
            **options,
        ) as model:
            return model.score(groups)

    return score


def row(result) -> str:
    """A result as a line, without its timings."""
    return to_line(result_row(replace(result, usage=replace(result.usage, seconds=0.0))))


# --- what every result is --------------------------------------------------------------------


def is_sound(result, group):
    assert result.group_id == group.id
    assert len(result.rewards) == len(result.scores) == len(group.responses)
    assert set(result.metrics) == METRICS
    for reward in result.rewards:
        assert (reward.reason is None) is (reward.value is not None)
        assert reward.value is None or math.isfinite(reward.value)
        assert 0.0 <= reward.coverage <= 1.0
        assert (reward.status in ("failed", "skipped")) <= (reward.value is None)
    assert result.metrics["unjudged"] == sum(value is None for value in result.values)
    assert result.metrics["failures"] == len(result.failures)
    assert result.metrics["calls"] == result.usage.calls
    line = to_line(result_row(result))
    assert "NaN" not in line
    assert "Infinity" not in line
    assert json.loads(line)["values"] == result.values


# --- what a value may be made of -------------------------------------------------------------


def pointwise_value(result, index, weights):
    """Value and coverage of one response, from the verdicts and checks in the result alone."""
    parts = {part.criterion_id: part for part in result.scores[index].parts}
    told = {part for v in result.verdicts if v.response == index for part in v.parts}
    for part in parts.values():
        assert part.by == "check" or part in told
    if "guard.degenerate" in parts or (parts["kind"].value == 0.0):
        return 0.0, 1.0
    out = {name for name, part in parts.items() if part.level is None}
    total = sum(w for name, w in weights.items() if name not in out)
    judged = {name: p for name, p in parts.items() if name not in out}
    weight = sum(weights[name] for name in judged)
    value = sum(
        weights[name] * (1.0 - p.value if name == "b" else p.value) for name, p in judged.items()
    )
    return (value / weight if weight else None), weight / total


def preference_table(result, group):
    """P(i beats j) + P(tie) / 2 by pairs of texts, from the verdicts in the result alone."""
    texts = [response.text for response in group.responses] + [group.reference]
    orders = {}
    for verdict in result.verdicts:
        assert isinstance(verdict, Pairwise)
        a, b = texts[verdict.first], texts[verdict.second]
        p = verdict.p_first + verdict.p_tie / 2
        orders.setdefault((a, b), {}).setdefault("as shown", []).append(p)
        orders.setdefault((b, a), {}).setdefault("turned", []).append(1 - p)
    return {
        pair: sum(sum(ps) / len(ps) for ps in sides.values()) / len(sides)
        for pair, sides in orders.items()
    }


def is_out(text):
    return text in ("", "...", "damn")


def relative_value(name, table, texts, index):
    """Value and coverage of one response from the table."""
    text = texts[index]
    if is_out(text):
        return 0.0, 1.0
    if name in ("reference", "anchor"):
        opponent = "two" if name == "reference" else texts[0]
        if text == opponent:
            return 0.5, 1.0
        if is_out(opponent):
            return 1.0, 1.0
        return table.get((text, opponent)), float((text, opponent) in table)
    met = [
        1.0 if is_out(other) else 0.5 if other == text else table.get((text, other))
        for k, other in enumerate(texts)
        if k != index
    ]
    known = [p for p in met if p is not None]
    return (sum(known) / len(known) if known else None), len(known) / len(met)


def indices(verdict):
    """The responses a verdict is about."""
    if isinstance(verdict, Pairwise):
        return verdict.first, verdict.second
    return (verdict.response,)


def is_the_judges_word(result, right):
    """Every verdict is the answer the judge gave to that call."""
    for verdict in result.verdicts:
        assert not verdict.call or verdict.raw == right[verdict.call]


@PROPERTY
@given(st.data())
@pytest.mark.parametrize("name", RECIPES)
def test_no_reward_is_fabricated(name, scored, coded_engine, make_recipe, answer, data):
    groups = data.draw(GROUPS)
    share = data.draw(st.sampled_from([0.1, 0.4, 1.0]))
    faults = Faults(data.draw(st.integers(0, 99)), share, heal=data.draw(st.booleans()))
    if name == "anchor":
        groups = [replace(g, anchor=0) if g.responses else g for g in groups]
    engine = coded_engine(broken=faults)
    results = scored(name, groups, engine=engine)
    right = {request.id: answer(request).text for request in engine.requests}
    recipe = make_recipe(RECIPES[name][0], **RECIPES[name][1])
    low, high = recipe.output.range or (0.0, 1.0)
    for group, result in zip(groups, results, strict=True):
        is_sound(result, group)
        is_the_judges_word(result, right)
        texts = [response.text for response in group.responses]
        if len(texts) == 1 and name in ("win-rate", "win-rate-one-order", "scores"):
            assert result.rewards[0].status == "skipped"
            continue
        if name.startswith("pointwise") or (len(texts) == 1 and name == "anchor"):
            made = [pointwise_value(result, index, WEIGHTS) for index in range(len(texts))]
        else:
            table = preference_table(result, group)
            made = [relative_value(name, table, texts, k) for k in range(len(texts))]
        for reward, (value, coverage) in zip(result.rewards, made, strict=True):
            assert reward.coverage == pytest.approx(coverage, abs=1e-12)
            if value is None or coverage < recipe.guards.min_coverage:
                assert reward.value is None
            else:
                assert reward.value == pytest.approx(low + (high - low) * value, abs=1e-12)


@PROPERTY
@given(st.data())
@pytest.mark.parametrize("name", RECIPES)
def test_a_failure_touches_no_other_group_and_happens_again(name, scored, coded_engine, data):
    groups = data.draw(GROUPS)
    fault, heal = data.draw(st.integers(0, 99)), data.draw(st.booleans())
    share = data.draw(st.sampled_from([0.05, 0.3]))
    faults = [Faults(fault, share, heal=heal) for _ in range(2)]
    broken, again = (scored(name, groups, engine=coded_engine(broken=f)) for f in faults)
    whole = scored(name, groups)
    for group, ill, twice, well in zip(groups, broken, again, whole, strict=True):
        assert row(ill) == row(twice)
        if group.prompt not in faults[0].broken:
            assert row(ill) == row(well)
            assert not ill.failures


def is_equal(a, b):
    """Two rewards are the same, but for rounding and for which of many failures is the reason."""
    assert (a.value is None) is (b.value is None)
    assert a.value is None or a.value == pytest.approx(b.value, abs=1e-12)
    assert (a.status, a.critique, list(a.parts)) == (b.status, b.critique, list(b.parts))
    assert a.coverage == pytest.approx(b.coverage, abs=1e-12)
    assert list(a.parts.values()) == pytest.approx(list(b.parts.values()), abs=1e-12)
    assert (a.standard_error or 0.0) == pytest.approx(b.standard_error or 0.0, abs=1e-7)
    assert (a.standard_error is None) is (b.standard_error is None)


@PROPERTY
@given(st.data())
@pytest.mark.parametrize("name", RECIPES)
def test_permuting_the_responses_permutes_the_rewards_and_nothing_else(
    name, scored, coded_engine, data
):
    (group, *_) = data.draw(GROUPS)
    n = len(group.responses)
    order = data.draw(st.permutations(range(n)))
    anchor = data.draw(st.sampled_from([None, *range(n)]))
    seed = data.draw(st.integers(0, 3))
    turned = replace(
        group,
        responses=tuple(group.responses[k] for k in order),
        anchor=None if anchor is None else order.index(anchor),
    )
    group = replace(group, anchor=anchor)
    share = data.draw(st.sampled_from([0.0, 0.2]))
    one, two = (
        scored(name, [g], engine=coded_engine(broken=Faults(seed, share, heal=False)), seed=seed)[0]
        for g in (group, turned)
    )
    for place, k in enumerate(order):
        a, b = one.rewards[k], two.rewards[place]
        is_equal(a, b)
    assert sorted(f.call or "" for f in one.failures) == sorted(f.call or "" for f in two.failures)
    assert {v.call for v in one.verdicts} == {v.call for v in two.verdicts}
    assert one.usage.calls == two.usage.calls
    assert one.record == two.record
    for key, value in one.metrics.items():
        assert value == pytest.approx(two.metrics[key], abs=1e-12, nan_ok=True), key


@pytest.mark.parametrize("name", RECIPES)
def test_a_replay_is_equal_byte_for_byte(name, scored, coded_engine, tmp_path):
    groups = [
        Group.of(f"Prompt {k}.", HOSTILE, id=str(k), reference="two", anchor=1) for k in range(3)
    ]
    engine = coded_engine(broken=Faults(5, 0.5, heal=False, kinds=FAULTS[:4]))
    recorded = scored(name, groups, engine=RecordingEngine(engine, tmp_path / "r.jsonl"))
    assert any(result.failures for result in recorded)
    replayed = scored(name, groups, engine=ReplayEngine(tmp_path / "r.jsonl"))
    same = [
        row(replace(b, record={**b.record, "engine_name": a.record["engine_name"]}))
        for a, b in zip(recorded, replayed, strict=True)
    ]
    assert [row(result) for result in recorded] == same


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("seed", range(3))
def test_equal_responses_have_equal_rewards(name, seed, scored, coded_engine):
    group = Group.of("p", ["x", "y", "x", "z", "x", "y"], id="g", reference="R")
    faults = Faults(seed, 0.3, heal=False)
    (result,) = scored(name, [group], engine=coded_engine(broken=faults), seed=seed)
    for same in ((0, 2, 4), (1, 5)):
        first, *others = (result.rewards[k] for k in same)
        for other in others:
            is_equal(first, other)


# --- how many responses there are ------------------------------------------------------------


@pytest.mark.parametrize("name", RECIPES)
def test_a_group_of_nothing(name, scored):
    group = Group.of("p", [], reference="R")
    (result,) = scored(name, [group])
    is_sound(result, group)
    assert (result.rewards, result.verdicts, result.usage.calls) == ((), (), 0)


@pytest.mark.parametrize("name", ["win-rate", "win-rate-one-order", "scores"])
@pytest.mark.parametrize("text", ["one", "", "damn"])
def test_a_group_of_one_has_nothing_to_be_compared_with(name, text, scored):
    (result,) = scored(name, [Group.of("p", [text])])
    (reward,) = result.rewards
    assert (reward.value, reward.status, reward.coverage) == (None, "skipped", 0.0)
    assert reward.reason.kind == "not_comparable"
    assert result.usage.calls == 0


@pytest.mark.parametrize("name", ["pointwise", "reference", "anchor"])
def test_a_group_of_one_where_that_is_enough(name, scored):
    (result,) = scored(name, [Group.of("p", ["one"], reference="R")])
    assert result.values[0] is not None
    assert result.rewards[0].status == "ok"


def test_a_group_of_one_that_is_judged_alone_has_its_pointwise_score(scored):
    group = Group.of("p", ["one"], reference="R")
    (alone,), (pointwise,) = scored("anchor", [group]), scored("pointwise", [group])
    assert alone.values == pointwise.values
    assert alone.ranking is None


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("text", ["", " \n", "...", "\u200b"])
def test_a_response_without_content_is_worth_nothing_and_costs_nothing(name, text, scored):
    group = Group.of("p", [text, "one", "two words"], reference="R")
    (result,) = scored(name, [group])
    reward = result.rewards[0]
    low = RECIPES[name][1].get("output", {"range": [0.0]})["range"][0]
    assert (reward.value, reward.status, reward.coverage) == (low, "gated", 1.0)
    assert reward.standard_error == 0.0
    told = {index for v in result.verdicts for index in indices(v)}
    assert 0 not in told
    assert result.metrics["gated"] == 1.0


# --- the rubric of a group -------------------------------------------------------------------

OWN = {
    "schema": "rubric/v1",
    "id": "own",
    "criteria": [{"id": "mine", "question": "Is it mine?"}],
}


def test_a_row_may_bring_its_own_rubric(scored):
    groups = [
        Group.of("p", ["one"], id="given"),
        Group.of("p", ["one"], id="own", rubric=OWN),
        Group.of("p", ["one"], id="named", rubric="general/helpfulness"),
        Group.of("p", ["one"], id="named again", rubric="general/helpfulness"),
    ]
    given, own, named, again = scored("pointwise", groups)
    assert list(own.rewards[0].parts) == ["mine"]
    assert len({given.record["rubric"], own.record["rubric"], named.record["rubric"]}) == 3
    assert named.record == again.record
    assert again.metrics["stored"] == 1.0
    assert None not in [given.values[0], own.values[0], named.values[0]]


@pytest.mark.parametrize(
    ("rubric", "said"),
    [
        ({**OWN, "criteria": []}, "criteria"),
        ({**OWN, "criteria": [{"id": "x", "question": "q", "wieght": 1}]}, "weight"),
        ({**OWN, "criteria": [{"id": "x", "question": "\ud800"}]}, "group broken"),
        ({**OWN, "criteria": [{"id": "x", "kind": "step", "question": "q"}]}, "'x'"),
        ({**OWN, "criteria": [{"id": "x", "question": "q", "scale": "1..12"}]}, "group broken"),
        ({**OWN, "criteria": [{"id": "critique", "question": "q"}]}, "critique"),
        ({}, "group broken"),
        ("no/such-rubric", "no/such-rubric"),
        ("./nothing.yaml", "nothing.yaml"),
    ],
)
def test_a_broken_rubric_of_a_row_fails_that_group_alone(rubric, said, scored):
    broken = Group.of("p", ["one", "two"], id="broken", rubric=rubric)
    ill, well = scored("pointwise", [broken, Group.of("p", ["one"], id="well")])
    is_sound(ill, broken)
    assert ill.values == [None, None]
    (failure,) = ill.failures
    assert (failure.stage, failure.kind) == ("rubric", "malformed")
    assert said in failure.message
    assert ill.rewards[0].reason == failure
    assert well.values[0] is not None


def test_an_unknown_tier_fails_its_group(scored):
    rubric = {**OWN, "criteria": [{"id": "x", "question": "q", "tier": "core"}]}
    (result,) = scored("pointwise", [Group.of("p", ["one"], rubric=rubric)])
    assert result.values[0] is not None


def test_where_there_is_no_rubric_at_all(coded_engine, make_recipe):
    engine = coded_engine()
    with RewardModel.build(None, engine=engine) as model:
        ill, well = model.score([Group.of("p", ["x"]), Group.of("p", ["x"], rubric=OWN)])
    assert "no rubric of its own" in ill.failures[0].message
    assert well.values[0] is not None
    recipe = make_recipe(rubric={"source": "row"})
    with RewardModel.build("general/helpfulness", recipe=recipe, engine=engine) as model:
        (result,) = model.score([Group.of("p", ["x"])])
    assert result.values == [None]


def test_a_function_may_find_the_rubric(coded_engine, make_rubric):
    asked = []

    async def find(group):
        asked.append(group.id)
        if group.id == "raises":
            raise KeyError("nothing found")
        return make_rubric(group.id) if group.id != "wrong" else "general/helpfulness"

    groups = [Group.of("p", ["x"], id=id) for id in ("one", "raises", "wrong", "two")]
    with RewardModel.build(find, engine=coded_engine()) as model:
        one, raised, wrong, two = model.score([*groups, Group.of("p", ["x"], rubric=OWN)])[:4]
    assert asked == ["one", "raises", "wrong", "two"]
    assert [list(result.rewards[0].parts) for result in (one, two)] == [["one"], ["two"]]
    assert "KeyError: 'nothing found'" in raised.failures[0].message
    assert "str" in wrong.failures[0].message
    assert raised.values == wrong.values == [None]


# --- what a group must have ------------------------------------------------------------------


def test_a_group_without_a_required_input_is_not_judged(coded_engine, build, make_rubric):
    rubric = make_rubric("a", inputs={"required": ["reference", "notes"]})
    model = build(coded_engine(), rubric)
    groups = [
        Group.of("p", ["x", "y"], reference="R"),
        Group.of("p", ["x"], reference="R", meta={"notes": "n"}),
    ]
    ill, well = model.score(groups)
    assert ill.values == [None, None]
    (failure,) = ill.failures
    assert (failure.stage, failure.kind) == ("rubric", "missing_input")
    assert "notes" in failure.message
    assert "reference" not in failure.message
    assert well.values[0] is not None


def test_a_criterion_without_its_input_does_not_apply(coded_engine, build, make_rubric):
    rubric = make_rubric("a", {"id": "b", "needs": ["reference"], "weight": 9.0})
    without, given = build(coded_engine(), rubric).score(
        [Group.of("p", ["x"]), Group.of("p", ["x"], reference="R")]
    )
    assert list(without.rewards[0].parts) == ["a"]
    assert list(given.rewards[0].parts) == ["a", "b"]
    assert without.rewards[0].coverage == 1.0


def test_a_hidden_input_is_never_shown(coded_engine, build, make_rubric, fenced_texts):
    engine = coded_engine()
    rubric = make_rubric("a", inputs={"hidden": ["reference"]})
    build(engine, rubric).score([Group.of("p", ["x"], reference="SECRET", context="C")])
    assert fenced_texts(engine.requests[0]) == ["p", "C", "x"]
    assert "SECRET" not in str(engine.requests)


# --- the record ------------------------------------------------------------------------------


def test_the_record_says_what_was_judged_with_what(scored, make_recipe):
    (result,) = scored("pointwise", [Group.of("p", ["x"])], seed=7)
    assert set(result.record) == {
        "rubric",
        "recipe",
        "template",
        "engine",
        "engine_name",
        "profile",
        "seed",
        "version",
        "writer",
    }
    assert result.record["recipe"] == make_recipe().digest
    assert (result.record["seed"], result.record["engine"]) == ("7", "scripted")
    assert result.record["profile"] == ""


def test_what_the_calls_cost(scored):
    (result,) = scored("pointwise-each", [Group.of("p", ["x", "y"])])
    assert result.usage.calls == 4
    assert (result.usage.prompt_tokens, result.usage.completion_tokens) == (40, 20)
    assert result.usage.seconds > 0.0
