import pytest

LEVELS = ["bad", "middling", "good"]


@pytest.fixture
def judged(coded_engine, build, make_rubric, make_recipe, make_group):
    """A group's result and the engine, under a pointwise recipe."""

    def make(*responses, listed=("a",), engine=None, fields=None, **sections):
        engine = engine or coded_engine()
        model = build(engine, make_rubric(*listed), recipe=make_recipe(**sections))
        return model.score([make_group(*responses, **(fields or {}))])[0], engine

    return make


def certain(**levels):
    """A judge that is certain of each criterion's code, by response and criterion."""

    def judge(texts, key, codes):
        code = levels.get(key, codes[-1])
        if isinstance(code, dict):
            code = code.get(texts[0], codes[-1])
        return {c: float(c == code) for c in codes}

    return judge


def asked(engine):
    return [
        tuple(marker.split('"')[1] for marker, _ in request.read_after)
        for request in engine.requests
    ]


# --- weights ---------------------------------------------------------------------------------


def test_criteria_count_by_their_weight(judged, coded_engine):
    listed = (
        {"id": "a", "weight": 3.0, "scale": LEVELS},
        {"id": "b", "kind": "pitfall"},
        {"id": "short", "check": {"max_words": 2}, "weight": 2.0},
    )
    engine = coded_engine(certain(a="2", b="1"))
    result, _ = judged("one two three", listed=listed, engine=engine)
    assert result.values == [pytest.approx((3 * 0.5 + 1.0 + 0.0) / 6)]
    assert result.rewards[0].parts == {"a": 0.5, "b": 1.0, "short": 0.0}
    assert result.rewards[0].standard_error == 0.0
    assert result.scores[0].value == result.values[0]


def test_tiers_take_the_recipes_weights(judged, coded_engine):
    listed = ({"id": "a", "tier": "core"}, {"id": "b", "tier": "highlight"})
    engine = coded_engine(certain(a="2", b="1"))
    assert judged("x", listed=listed, engine=engine)[0].values == [pytest.approx(5 / 6)]
    engine = coded_engine(certain(a="2", b="1"))
    result, _ = judged(
        "x", listed=listed, engine=engine, criteria={"tiers": {"core": 1.0, "highlight": 3.0}}
    )
    assert result.values == [pytest.approx(1 / 4)]


def test_the_reward_is_mapped_to_the_range(judged, coded_engine):
    engine = coded_engine(lambda texts, key, codes: {"1": 0.25, "2": 0.75})
    result, _ = judged("x", "...", engine=engine, output={"range": [-10, 10]})
    assert result.values == [pytest.approx(5.0), -10.0]
    assert result.rewards[0].standard_error == pytest.approx(20 * 0.1875**0.5)
    assert result.scores[0].value == pytest.approx(0.75)


# --- gates -----------------------------------------------------------------------------------


def gated(then, name="g", **fields):
    gate = {"below": "middling", "then": then, **({"at": 0.25} if then == "cap" else {})}
    return {"id": name, "scale": LEVELS, "gate": gate, **fields}


@pytest.mark.parametrize(("then", "value"), [("zero", 0.0), ("cap", 0.25), ("drop", None)])
def test_a_judged_gate(judged, coded_engine, then, value):
    engine = coded_engine(certain(g={"bad": "1"}))
    result, _ = judged("bad", "fine", listed=(gated(then), "a"), engine=engine)
    bad, fine = result.rewards
    assert (bad.value, bad.status, bad.coverage) == (value, "gated", 1.0)
    assert (fine.value, fine.status) == (1.0, "ok")
    assert bad.parts == {"g": 0.0, "a": 1.0}
    if then == "drop":
        assert (bad.reason.stage, bad.reason.kind) == ("aggregate", "dropped")
        assert "'g'" in bad.reason.message
    assert result.metrics["gated"] == 1.0
    assert not result.failures


CHECKED = {"check": {"excludes": "damn"}, "gate": {"below": "yes", "then": "zero"}}


@pytest.mark.parametrize(("then", "value"), [("zero", 0.0), ("drop", None)])
def test_a_checked_gate_saves_the_call(judged, then, value):
    checked = {"id": "g", **CHECKED, "gate": {"below": "yes", "then": then}}
    result, engine = judged("damn", "fine", listed=(checked, "a"))
    assert (result.values[0], result.rewards[0].status) == (value, "gated")
    assert len(engine.requests) == 1
    assert result.rewards[0].parts == {"g": 0.0}


def test_a_checked_cap_does_not_save_the_call(judged, coded_engine):
    checked = {"id": "g", **CHECKED, "gate": {"below": "yes", "then": "cap", "at": 0.25}}
    result, engine = judged("damn", listed=(checked, "a"), engine=coded_engine(certain()))
    assert result.values == [0.25]
    assert len(engine.requests) == 1


def test_a_gate_that_could_not_be_judged_leaves_no_value(judged, coded_engine):
    engine = coded_engine(broken=lambda r: "nonsense" if '"g"' in r.read_after[0][0] else None)
    listed = (gated("zero", weight=0.0), {"id": "a", "weight": 9.0})
    result, _ = judged("x", listed=listed, engine=engine, judge={"calls": "each"})
    reward = result.rewards[0]
    assert (reward.value, reward.status) == (None, "failed")
    assert reward.reason.kind == "malformed"
    assert reward.coverage == 1.0


def test_a_cap_and_a_gate_that_failed_are_no_drop(judged, coded_engine):
    engine = coded_engine(
        certain(g="1"), broken=lambda r: "nonsense" if '"h"' in r.read_after[0][0] else None
    )
    listed = (gated("cap"), gated("zero", "h", weight=0.0))
    result, _ = judged("x", listed=listed, engine=engine, judge={"calls": "each"})
    assert (result.rewards[0].status, result.rewards[0].reason.kind) == ("failed", "malformed")


def test_a_criterion_named_degenerate_is_like_any_other(judged, coded_engine):
    listed = ("a", {"id": "degenerate", "check": "degenerate"})
    result, _ = judged("fine", "", listed=listed, engine=coded_engine(certain(a="1")))
    assert result.values == [0.5, 0.0]
    assert [reward.status for reward in result.rewards] == ["ok", "gated"]


def test_the_guard_can_be_switched_off(judged):
    result, engine = judged("", "...", guards={"degenerate": False})
    assert len(engine.requests) == 2
    assert None not in result.values
    assert [reward.status for reward in result.rewards] == ["ok", "ok"]


# --- checks ----------------------------------------------------------------------------------


def test_checks_alone_need_no_engine(judged):
    listed = ({"id": "short", "check": {"max_words": 2}}, {"id": "long", "check": {"min_words": 2}})
    result, engine = judged("one", "one two", listed=listed)
    assert result.values == [0.5, 1.0]
    assert engine.requests == []
    assert result.verdicts == ()
    assert result.rewards[0].standard_error == 0.0


@pytest.fixture
def undecided(monkeypatch):
    """Makes `max_words` unable to tell about texts that begin with a question mark."""
    from judge.checks import CHECKS, CheckResult
    from judge.errors import CheckError

    kind = CHECKS["max_words"].params
    known = kind.run

    def run(self, text, inputs):
        if text.startswith("!"):
            raise CheckError("not this text")
        return CheckResult(None) if text.startswith("?") else known(self, text, inputs)

    monkeypatch.setattr(kind, "run", run)


@pytest.mark.usefixtures("undecided")
def test_a_hybrid_criterion_is_asked_only_where_the_check_cannot_tell(judged, coded_engine):
    hybrid = {"id": "h", "check": {"max_words": 2}, "hybrid": True, "question": "Short?"}
    engine = coded_engine(certain(h="2", a="2"))
    result, _ = judged("one two three", "? what", listed=(hybrid, "a"), engine=engine)
    assert asked(engine) == [("a",), ("h", "a")]
    assert result.values == [0.5, 1.0]
    assert [part.by for part in result.scores[1].parts] == ["judge", "judge"]
    assert {part.criterion_id: part.by for part in result.scores[0].parts}["h"] == "check"


@pytest.mark.usefixtures("undecided")
@pytest.mark.parametrize("text", ["? what", "! what"])
def test_a_check_without_a_verdict_lowers_the_coverage(judged, text):
    checked = {"id": "c", "check": {"max_words": 2}, "weight": 2.0}
    result, _ = judged(text, listed=(checked, {"id": "a", "weight": 3.0}))
    assert result.rewards[0].coverage == pytest.approx(0.6)
    assert result.values[0] is not None
    result, _ = judged(text, listed=(checked, {"id": "a", "weight": 1.9}))
    assert result.values == [None]
    assert result.rewards[0].reason.kind == "not_comparable"
    assert [f.message for f in result.failures] == ["c: not this text"] * text.startswith("!")


# --- coverage --------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "enough"), [(0.0, True), (0.6, True), (0.61, False)])
def test_too_little_judged_is_no_value(judged, coded_engine, limit, enough):
    engine = coded_engine(
        certain(a="2"), broken=lambda r: "nonsense" if '"b"' in r.read_after[0][0] else None
    )
    listed = ({"id": "a", "weight": 3.0}, {"id": "b", "weight": 2.0})
    result, _ = judged(
        "x", listed=listed, engine=engine, judge={"calls": "each"}, guards={"min_coverage": limit}
    )
    reward = result.rewards[0]
    assert reward.coverage == pytest.approx(0.6)
    assert reward.value == (1.0 if enough else None)
    assert (reward.reason is None) is enough
    assert enough or reward.reason == result.failures[0]
    assert len(result.failures) == 1
    assert result.scores[0].value == 1.0


def test_nothing_judged_is_no_value_however_low_the_limit(judged, coded_engine):
    engine = coded_engine(broken=lambda r: "nonsense")
    result, _ = judged("x", engine=engine, guards={"min_coverage": 0.0})
    assert (result.values, result.rewards[0].coverage) == ([None], 0.0)


def test_what_does_not_apply_is_no_lack_of_coverage(judged, coded_engine):
    listed = ("a", {"id": "b", "allow_na": True, "weight": 9.0})
    result, _ = judged("x", listed=listed, engine=coded_engine(certain(a="2", b="0")))
    assert (result.values, result.rewards[0].coverage) == ([1.0], 1.0)


def test_where_nothing_applies_there_is_no_value(judged, coded_engine):
    listed = ({"id": "b", "allow_na": True},)
    result, _ = judged("x", listed=listed, engine=coded_engine(certain(b="0")))
    assert (result.values, result.rewards[0].reason.kind) == ([None], "not_comparable")


@pytest.mark.parametrize(("parent", "value"), [("2", 0.5), ("1", 0.0)])
def test_what_depends_on_a_failed_criterion_does_not_count(judged, coded_engine, parent, value):
    listed = ("a", {"id": "b", "depends_on": ["a"]})
    engine = coded_engine(certain(a=parent, b="1"))
    result, _ = judged("x", listed=listed, engine=engine)
    assert result.values == [value]
    assert result.rewards[0].coverage == 1.0


def test_what_depends_on_an_avoided_mistake_counts(judged, coded_engine):
    listed = ({"id": "a", "kind": "pitfall"}, {"id": "b", "depends_on": ["a"]})
    result, _ = judged("x", listed=listed, engine=coded_engine(certain(a="1", b="1")))
    assert result.values == [0.5]
    result, _ = judged("x", listed=listed, engine=coded_engine(certain(a="2", b="2")))
    assert result.values == [0.0]


# --- calls -----------------------------------------------------------------------------------


@pytest.mark.parametrize("calls", ["one", "each", 2])
def test_the_reward_does_not_depend_on_how_criteria_are_grouped(judged, calls):
    listed = ({"id": "a", "weight": 2.0}, "b", {"id": "c", "scale": "1..9"})
    result, engine = judged("x", "y", listed=listed, judge={"calls": calls})
    whole, _ = judged("x", "y", listed=listed)
    assert result.values == pytest.approx(whole.values, abs=1e-12)
    assert len(engine.requests) == {"one": 2, "each": 6, 2: 4}[calls]


def test_equal_responses_are_judged_once(judged):
    result, engine = judged("x", "y", "x", "x")
    assert len(engine.requests) == 2
    assert result.values[0] == result.values[2] == result.values[3]
    assert [verdict.response for verdict in result.verdicts] == [0, 1, 2, 3]
    assert result.metrics["calls"] == 2.0


def test_a_failed_call_of_equal_responses_fails_them_all(judged, coded_engine, responses_of):
    engine = coded_engine(broken=lambda r: "nonsense" if responses_of(r) == ("x",) else None)
    result, _ = judged("x", "y", "x", engine=engine)
    assert [value is None for value in result.values] == [True, False, True]
    assert len(result.failures) == 1
    assert result.failures[0].attempts == 2


def test_critiques_of_all_calls_are_kept(judged):
    result, _ = judged("x", listed=("a", "b"), judge={"calls": "each"})
    said = "Because of the things it says; see above."
    assert result.rewards[0].critique == f"{said}\n{said}"
