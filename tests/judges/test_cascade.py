"""Cascades at work: whom they ask, what they spare, and what is lost by it."""

import math

import pytest

from judge.judges.cascade import margin_of
from judge.reward_model import RewardModel
from judge.types import CriterionVerdict, Failure, Group, Listing, Pairwise, Pointwise

DOWN = Failure("engine", "unavailable", "out of order")
PAIRED = {
    "judge": {"mode": "pairwise", "readout": "label_probability"},
    "group": {"schedule": "round_robin", "reward": "win_rate", "orders": "both"},
}
FLOWS = {"pointwise": {}, "pairwise": PAIRED, "listwise": {"judge": {"mode": "listwise"}}}
TEXTS = ("one", "two words", "three more words", "four")


@pytest.fixture
def routed(coded_engine, make_rubric, make_recipe, quality_of):
    """Results of a cascade of two judges of different tastes, and the engines."""
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
            return {code: weights[code] / total for code in codes}

        return chances

    def run(sections=None, *, margin=None, down=(), tastes="xy", groups=None, **options):
        roles = ["judge", "strong"] if margin is not None else ["judge"]
        engines = {
            role: coded_engine(
                taste if callable(taste) else judge(taste),
                broken=(lambda request: DOWN) if role in down else (lambda request: None),
                name=role,
                **options,
            )
            for role, taste in zip(roles, tastes, strict=False)
        }
        made = {} if margin is None else {"cascade": {"margin": margin}}
        recipe = make_recipe(**made, **(sections or {}))
        model = RewardModel.build(make_rubric(), recipe=recipe, engine=engines)
        open_models.append(model)
        results = model.score(groups or [Group.of("Say it.", TEXTS, id="g")])
        return (results if groups else results[0]), engines

    yield run
    for model in open_models:
        model.close()


def calls(engines):
    return [len(engine.requests) for engine in engines.values()]


@pytest.mark.parametrize("flow", FLOWS)
def test_without_a_margin_the_first_judge_decides_alone(routed, flow):
    alone, engine = routed(FLOWS[flow])
    result, engines = routed(FLOWS[flow], margin=0.0)
    assert result.values == pytest.approx(alone.values, abs=1e-12)
    assert calls(engines) == [*calls(engine), 0]
    assert result.metrics["cascade_escalated"] == 0.0
    assert result.metrics["calls_saved"] == alone.usage.calls
    assert {verdict.decided_by for verdict in result.verdicts} == {"judge"}


@pytest.mark.parametrize("flow", FLOWS)
def test_with_the_whole_margin_the_strong_judge_decides_all(routed, flow):
    strong, _ = routed(FLOWS[flow], tastes="y")
    result, engines = routed(FLOWS[flow], margin=1.0)
    assert result.values == pytest.approx(strong.values, abs=1e-12)
    assert calls(engines)[0] == calls(engines)[1] == strong.usage.calls
    assert result.usage.calls == 2 * strong.usage.calls
    assert result.metrics["cascade_escalated"] == 1.0
    assert result.metrics["calls_saved"] == 0.0
    assert {verdict.decided_by for verdict in result.verdicts} == {"strong"}


@pytest.mark.parametrize("flow", FLOWS)
def test_a_wider_margin_asks_more_and_each_verdict_says_who_gave_it(routed, flow):
    cheap, _ = routed(FLOWS[flow])
    asked = []
    for margin in (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0):
        result, engines = routed(FLOWS[flow], margin=margin)
        asked.append(calls(engines)[1])
        told = {verdict.call: verdict for verdict in cheap.verdicts}
        for verdict in result.verdicts:
            sure = verdict.decided_by == "judge"
            assert (verdict.call in told) is sure
            assert not sure or margin_of(told[verdict.call]) >= margin
        strong = sum(verdict.decided_by == "strong" for verdict in result.verdicts)
        assert strong == asked[-1]
        assert result.metrics["calls_saved"] == len(result.verdicts) - strong
    assert asked == sorted(asked)
    assert flow == "listwise" or set(asked) - {0, asked[-1]}


def test_a_cheap_judge_that_fails_is_replaced(routed):
    strong, _ = routed(tastes="y")
    result, engines = routed(margin=0.0, down=("judge",))
    assert result.values == pytest.approx(strong.values)
    assert result.metrics["cascade_escalated"] == 1.0
    assert {failure.message for failure in result.failures} == {"judge: out of order"}
    assert len(engines["strong"].requests) == 4


def test_a_strong_judge_that_fails_leaves_no_verdict(routed):
    """The cheap one's is not taken in its place: it was unsure, and the group would be uneven."""
    result, _ = routed(margin=1.0, down=("strong",))
    assert result.values == [None] * 4
    assert result.rewards[0].reason.message == "out of order"
    assert {failure.message for failure in result.failures} == {"strong: out of order"}


def test_labels_without_probabilities_are_never_sure(routed):
    result, _ = routed(margin=0.1, logprobs=False)
    assert result.metrics["cascade_escalated"] == 1.0


def test_a_budget_pays_for_the_worst_case(routed):
    tight = {**PAIRED, "group": {**PAIRED["group"], "budget": 23}}
    result, engines = routed(tight, margin=0.5)
    assert result.rewards[0].reason.kind == "budget"  # 12 ordered pairs, at most 2 calls each
    assert calls(engines) == [0, 0]


def test_samples_are_drawn_before_it_is_decided_whom_to_ask(routed):
    drawn = {"judge": {"samples": 4, "temperature": 1.0}}
    result, engines = routed(drawn, margin=0.2)
    first, second = calls(engines)
    assert first == 16
    assert second % 4 == 0
    assert result.metrics["calls_saved"] == 16 - second


# --- what it keeps ---------------------------------------------------------------------------


def test_most_of_the_gain_is_kept_for_few_of_the_calls(routed, quality_of):
    """The strong judge is right; the cheap one sees the difference through noise, and leans by
    what it sees. It errs only where it is unsure, so that asking again there is enough."""

    def gap(text):
        return quality_of(text, "gap") if text.startswith("good") else 0.0

    def right(texts, key, codes):
        return {code: float(code == "AB"[gap(texts[0]) < gap(texts[1])]) for code in codes}

    def noisy(texts, key, codes):
        pair = "|".join(sorted(texts))
        sign = 1.0 if gap(texts[0]) > gap(texts[1]) else -1.0
        seen = max(map(gap, texts)) + 0.8 * (quality_of(pair, "noise") - 0.5)
        first = 1.0 / (1.0 + math.exp(-8.0 * sign * seen))
        return {"A": first, "B": 1.0 - first, "C": 0.0}

    groups = [Group.of("Say it.", [f"good {k}", f"bad {k}"], id=f"g{k}") for k in range(300)]

    def accuracy(results):
        return sum(result.values[0] > result.values[1] for result in results) / len(results)

    one = accuracy(routed(PAIRED, tastes=[noisy], groups=groups)[0])
    all_strong = accuracy(routed(PAIRED, tastes=[right], groups=groups)[0])
    told, engines = routed(PAIRED, margin=0.87, tastes=[noisy, right], groups=groups)
    assert all_strong == 1.0
    assert 0.7 < one < 0.92
    assert (accuracy(told) - one) / (all_strong - one) >= 0.95
    first, second = calls(engines)
    assert second / first <= 0.4
    assert sum(result.metrics["calls_saved"] for result in told) == first - second


# --- margins ---------------------------------------------------------------------------------


def level(*probabilities):
    at = probabilities.index(max(probabilities)) if probabilities else None
    return CriterionVerdict("a", at, None if at is None else 0.5, probabilities)


@pytest.mark.parametrize(
    ("verdict", "margin"),
    [
        (Pointwise(0, (level(0.1, 0.2, 0.7),)), 0.5),
        (Pointwise(0, (level(0.1, 0.2, 0.7), level(0.45, 0.55))), 0.1),
        (Pointwise(0, (level(0.0, 1.0), level())), 0.0),
        (Pointwise(0, ()), 0.0),
        (Listing((0, 1), ((level(0.9, 0.1),), (level(0.3, 0.7),))), 0.4),
        (Pairwise(0, 1, 0.2, 0.1, 0.7), 0.5),
        (Pairwise(0, 1, 0.0, 1.0, 0.0), 0.0),
        (Pairwise(0, 1, 1.0, 0.0, 0.0, graded=False), 0.0),
    ],
)
def test_a_verdict_is_as_sure_as_its_margin(verdict, margin):
    assert margin_of(verdict) == pytest.approx(margin)
