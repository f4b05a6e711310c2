import math

import pytest

from judge.types import Generation, Pointwise

SCALED = {"id": "good", "scale": ["bad", "middling", "fine", "great"]}


@pytest.fixture
def judged(coded_engine, build, make_rubric, make_recipe, make_group):
    """The verdicts on some responses, and the engine that gave them."""

    def make(*responses, criteria=(SCALED,), fields=None, engine=None, **sections):
        engine = engine or coded_engine()
        model = build(engine, make_rubric(*criteria), recipe=make_recipe(**sections))
        return model.score([make_group(*responses, **(fields or {}))])[0], engine

    return make


def fixed(**by_key):
    """A judge that gives each criterion the same chances whatever is shown."""

    def judge(texts, key, codes):
        return {code: by_key[key][k] for k, code in enumerate(codes) if by_key[key][k]}

    return judge


def test_the_value_is_the_expected_level(judged, coded_engine):
    result, _ = judged("x", engine=coded_engine(fixed(good=(0.1, 0.2, 0.1, 0.4))))
    (verdict,) = result.verdicts
    assert isinstance(verdict, Pointwise)
    (part,) = verdict.parts
    assert part.probabilities == pytest.approx((0.125, 0.25, 0.125, 0.5))
    assert part.level == 3
    assert part.value == pytest.approx((0.25 + 0.25 + 1.5) / 3)
    assert part.label_mass == pytest.approx(0.8)
    assert (part.criterion_id, part.by) == ("good", "judge")
    assert result.values[0] == pytest.approx(part.value)


def test_the_label_alone_is_read_where_the_recipe_says_so(judged, coded_engine):
    engine = coded_engine(fixed(good=(0.1, 0.2, 0.4, 0.3)))
    result, _ = judged("x", engine=engine, judge={"readout": "label"})
    part = result.verdicts[0].parts[0]
    assert (part.level, part.probabilities, part.value) == (2, (), pytest.approx(2 / 3))
    assert result.rewards[0].standard_error is None


def test_an_engine_without_logprobs_gives_labels_and_says_so(judged, coded_engine):
    result, _ = judged("x", engine=coded_engine(logprobs=False))
    part = result.verdicts[0].parts[0]
    assert (part.probabilities, part.label_mass) == ((), None)
    assert result.rewards[0].standard_error is None
    assert math.isnan(result.metrics["label_mass"])


def test_masked_logprobs_have_no_mass_and_pass_any_limit(judged, coded_engine):
    engine = coded_engine(fixed(good=(0.1, 0.1, 0.1, 0.1)), masked=True)
    result, _ = judged("x", engine=engine, guards={"min_label_mass": 1.0})
    assert result.verdicts[0].parts[0].label_mass is None
    assert result.values[0] == pytest.approx(0.5)


@pytest.mark.parametrize(("limit", "refused"), [(0.59, False), (0.61, True)])
def test_a_mass_below_the_limit_is_no_verdict(judged, coded_engine, limit, refused):
    engine = coded_engine(fixed(good=(0.3, 0.0, 0.0, 0.3)))
    result, _ = judged("x", engine=engine, guards={"min_label_mass": limit})
    assert (result.values[0] is None) is refused
    assert [failure.kind for failure in result.failures] == ["low_mass"] * refused
    assert len(engine.requests) == 1


def test_what_does_not_apply_has_no_level(judged, coded_engine):
    criteria = ({**SCALED, "allow_na": True}, "plain")
    engine = coded_engine(fixed(good=(0.1, 0.1, 0.1, 0.1, 0.6), plain=(0.25, 0.75)))
    result, _ = judged("x", engine=engine, criteria=criteria)
    part = result.verdicts[0].parts[0]
    assert (part.level, part.value) == (None, None)
    assert part.label_mass == pytest.approx(1.0)
    assert result.values == [pytest.approx(0.75)]
    assert result.rewards[0].coverage == 1.0
    assert list(result.rewards[0].parts) == ["plain"]


def test_texts_are_kept(judged, coded_engine, answer):
    def broken(request):
        made = answer(request)
        return Generation(made.id, made.text, "thought", *[], made.token_texts, "stop", made.usage)

    result, _ = judged("x", judge={"reasoning": "critique"})
    verdict = result.verdicts[0]
    assert verdict.critique == "Because of the things it says; see above."
    assert verdict.raw.startswith('{"critique": "Because')
    assert result.rewards[0].critique == verdict.critique
    result, _ = judged("x", judge={"reasoning": "brief"}, engine=coded_engine(broken=broken))
    verdict = result.verdicts[0]
    assert verdict.parts[0].reason == "Because of the things it says; see above."
    assert (verdict.critique, result.rewards[0].critique) == ("", None)
    assert verdict.thinking == "thought"


def test_the_call_is_the_key(judged):
    result, engine = judged("x")
    assert result.verdicts[0].call == engine.requests[0].id


@pytest.mark.parametrize("quoted", ["because of the THINGS it says; see above.", "other words"])
def test_a_quotation_must_be_in_the_response(judged, quoted):
    criteria = ({**SCALED, "evidence": "quote"},)
    text = f"He said so {quoted}"
    result, engine = judged(text, criteria=criteria, judge={"attempts": 2})
    if "things" in quoted.lower():
        part = result.verdicts[0].parts[0]
        assert part.evidence == "Because of the things it says; see above."
        assert result.values[0] is not None
    else:
        assert result.values == [None]
        assert result.rewards[0].reason.kind == "void_evidence"
        assert len(engine.requests) == 2


def test_each_call_has_its_own_criteria(judged, responses_of):
    result, engine = judged("x", "y", criteria=("a", "b", "c"), judge={"calls": 2})
    asked = [
        (responses_of(request)[0], tuple(marker.split('"')[1] for marker, _ in request.read_after))
        for request in engine.requests
    ]
    assert asked == [("x", ("a", "b")), ("x", ("c",)), ("y", ("a", "b")), ("y", ("c",))]
    assert [verdict.response for verdict in result.verdicts] == [0, 0, 1, 1]
    assert [part.criterion_id for part in result.scores[1].parts] == ["a", "b", "c"]


# --- samples ---------------------------------------------------------------------------------

SAMPLED = {"samples": 4, "temperature": 1.0, "attempts": 1}


def drawn(request):
    return request.sampling.seed % 1000 / 1000


def test_samples_are_drawn_with_seeds_of_their_own_and_averaged(judged, coded_engine, answer):
    def broken(request):
        p = drawn(request)
        return answer(request, lambda texts, key, codes: {"1": 1 - p, "2": p})

    engine = coded_engine(broken=broken)
    result, _ = judged("x", "y", criteria=("a",), engine=engine, judge=SAMPLED)
    seeds = [request.sampling.seed for request in engine.requests]
    assert len(set(seeds)) == 8
    assert {request.sampling.temperature for request in engine.requests} == {1.0}
    for k, value in enumerate(result.values):
        own = [drawn(request) for request in engine.requests[4 * k : 4 * k + 4]]
        assert value == pytest.approx(sum(own) / 4)
    assert len(result.verdicts) == 2


def test_a_draw_that_fails_leaves_the_others(judged, coded_engine, answer):
    seen = []

    def broken(request):
        seen.append(request)
        if len(seen) == 2:
            return "nonsense"
        p = drawn(request)
        return answer(request, lambda texts, key, codes: {"1": 1 - p, "2": p})

    engine = coded_engine(broken=broken)
    result, _ = judged("x", criteria=("a",), engine=engine, judge=SAMPLED)
    own = [drawn(request) for k, request in enumerate(seen) if k != 1]
    assert result.values[0] == pytest.approx(sum(own) / 3)
    assert [failure.kind for failure in result.failures] == ["malformed"]
    assert result.rewards[0].status == "ok"


def test_where_every_draw_fails_there_is_no_verdict(judged, coded_engine):
    engine = coded_engine(broken=lambda request: "nonsense")
    result, _ = judged("x", criteria=("a",), engine=engine, judge=SAMPLED)
    assert result.values == [None]
    assert result.rewards[0].reason == result.failures[0]
    assert len(result.failures) == 4


def test_the_seed_of_a_draw_is_that_of_the_run(coded_engine, build, make_recipe, make_group):
    def seeds(seed, **fields):
        engine = coded_engine()
        recipe = make_recipe(judge={"temperature": 1.0})
        build(engine, recipe=recipe, seed=seed).score([make_group("x", **fields)])
        return [request.sampling.seed for request in engine.requests]

    assert seeds(0) == seeds(0)
    assert seeds(0) != seeds(1)
    assert seeds(0) != seeds(0, prompt="Another.")


# --- texts that are too long -----------------------------------------------------------------


def test_an_overflow_is_a_failure_of_that_response_alone(judged, coded_engine):
    engine = coded_engine(context_tokens=6000)
    result, _ = judged("fine", "x" * 1_000_000, engine=engine)
    assert result.values[0] is not None
    assert result.values[1] is None
    assert result.rewards[1].reason.kind == "overflow"
    assert (result.rewards[1].reason.stage, result.rewards[1].reason.attempts) == ("engine", 1)


def test_the_middle_is_cut_where_the_recipe_says_so(judged, coded_engine, responses_of):
    engine = coded_engine(context_tokens=6000)
    text = "<|im_end|>" + "x" * 1_000_000 + "end"
    recipe = {"judge": {"overflow": "cut_middle", "max_tokens": 100}}
    result, _ = judged("fine", text, engine=engine, **recipe)
    fine, cut = result.verdicts
    assert None not in result.values
    assert fine.cut == 0
    (shown,) = responses_of(engine.requests[-1])
    left = shown.replace(f"\n[... {cut.cut} characters cut ...]\n", "")
    assert len(left) + cut.cut == len(text) + 1  # a space breaks the control token
    assert left.startswith("< |im_end|>xxx")
    assert left.endswith("xend")
    assert result.metrics["cut"] == 1.0
    assert not result.failures


def test_a_prompt_too_long_by_itself_is_an_overflow_after_all(judged, coded_engine):
    engine = coded_engine(context_tokens=3000)
    recipe = {"judge": {"overflow": "cut_middle", "max_tokens": 100}}
    result, _ = judged("x" * 500, engine=engine, fields={"prompt": "p" * 9000}, **recipe)
    assert result.rewards[0].reason.kind == "overflow"
    assert result.usage.calls == 5  # whole, then 250, 125, 62 and 31 characters
