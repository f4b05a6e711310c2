import threading

import pytest

import judge.judges.case
from judge.checks import CheckParams, run_check
from judge.errors import CheckError
from judge.fence import ControlTokens
from judge.judges.case import DEGENERATE, Case, quoted_in, said
from judge.scoring.sources import visible
from judge.types import Group, Message, Response

TURNS = (
    Message("user", "the question"),
    Message("assistant", "first"),
    Message("tool", "tool's words"),
    Message("assistant", ""),
    Message("assistant", "second"),
)


@pytest.fixture
def case(make_rubric, make_group):
    """A case of these responses under these criteria."""

    def make(*responses, criteria=(), inputs=None, **fields):
        extra = {} if inputs is None else {"inputs": inputs}
        rubric = make_rubric(*criteria, **extra)
        return Case(make_group(*responses, **fields), rubric, 0, ControlTokens(["<s>"]))

    return make


def test_what_a_role_said():
    assert said("text") == "text"
    assert said(TURNS) == "first\nsecond"
    assert said(TURNS, "user") == "the question"
    assert said(()) == ""


@pytest.mark.parametrize(
    ("evidence", "found"),
    [
        ("Seven days", True),
        ("  seven \t DAYS ", True),
        ("has seven", True),
        ("sevendays", False),
        ("eight", False),
        ("a so-called week: frac{1}{2}", True),
        ('a "so-called" week', True),
        ("a so called week", False),
        ('"\\', False),
        ("", False),
        ("  ", False),
    ],
)
def test_a_quotation_is_verbatim_but_for_space_and_case(evidence, found):
    text = 'A week has\n seven   days. In a "so-called" week: \\frac{1}{2}'
    assert quoted_in(evidence, text) is found


def test_a_quotation_may_come_from_any_turn():
    assert quoted_in("tool's words", TURNS)
    assert not quoted_in("first second", (Message("assistant", "first"),), "second")


def test_a_text_is_fenced_once(case):
    made = case("a", "b", "a")
    assert made.fenced(0) is made.fenced(2)
    assert made.fenced(0) != made.fenced(1)
    assert made.fenced(0).split("\n")[1] == "a"


def test_the_reference_can_be_one_more_response(case):
    made = case("a", reference="R")
    assert made.with_reference() == 1
    assert made.responses[1] == Response("R")
    assert made.digests[1] == Response("R").digest
    assert made.group.responses == (Response("a"),)


def test_the_inputs_digest_tells_all_inputs_apart(case):
    fields = [
        {},
        {"prompt": "other"},
        {"prompt": [{"role": "user", "content": "Say it."}]},
        {"reference": "R"},
        {"context": "R"},
        {"reference": ""},
        {"reference": "R", "context": "R"},
        {"prompt": "Say it.\x01sR"},
        {"reference": "R\x00"},
    ]
    digests = {case("a", **field).inputs_digest for field in fields}
    assert len(digests) == len(fields)
    assert case("b", id="other").inputs_digest == case("a").inputs_digest


# --- inputs ----------------------------------------------------------------------------------


def test_a_criterion_applies_where_its_inputs_are(case):
    criteria = ["a", {"id": "b", "needs": ["reference"]}, {"id": "c", "needs": ["notes"]}]
    inputs = {"optional": ["notes"]}

    def ids(**fields):
        return [c.id for c in case("x", criteria=criteria, inputs=inputs, **fields).criteria]

    assert ids() == ["a"]
    assert ids(reference="R") == ["a", "b"]
    assert ids(meta={"notes": ""}) == ["a", "c"]


def test_required_inputs_that_are_missing(case):
    inputs = {"required": ["reference", "context", "notes", "prompt"]}
    assert case("x", inputs=inputs).missing_inputs() == ["reference", "context", "notes"]
    full = {"reference": "", "context": "C", "meta": {"notes": 1}}
    assert case("x", inputs=inputs, **full).missing_inputs() == []


def test_what_is_hidden_is_there_but_not_shown(case):
    made = case("x", inputs={"hidden": ["reference"]}, reference="R", context="C")
    assert made.missing_inputs() == []
    assert (made.shows("reference"), made.shows("context")) == (False, True)
    assert case("x").shows("context") is False


def test_a_hidden_prompt_is_shown_to_nobody(case, coded_engine, build, make_rubric, make_group):
    group = make_group("x", "y", prompt="SECRET question")
    rubric = make_rubric(inputs={"hidden": ["prompt"]})
    for recipe in ("pointwise", "pairwise-win-rate", "group-rank"):
        engine = coded_engine()
        result = build(engine, rubric, recipe=recipe).score([group])[0]
        assert engine.requests, (recipe, result.failures)
        shown = [turn.content for request in engine.requests for turn in request.messages]
        assert not any("SECRET" in text for text in shown)
        assert any("(not shown)" in text for text in shown)
    assert visible(group, rubric).prompt == "(not shown)"
    assert visible(group, make_rubric()) == group


# --- checks ----------------------------------------------------------------------------------


def test_a_response_without_content_is_told_apart(case, make_recipe):
    made = case("...", "fine", (Message("tool", "not the response's own words"),))
    assert made.checked(0, make_recipe())[0][DEGENERATE].value == 0.0
    assert DEGENERATE not in made.checked(1, make_recipe())[0]
    assert DEGENERATE in made.checked(2, make_recipe())[0]
    assert made.checked(0, make_recipe(guards={"degenerate": False})) == ({}, [])


def test_the_guards_part_is_no_criterions(case, make_recipe):
    made = case("fine", criteria=["good", {"id": "degenerate", "check": "degenerate"}])
    parts, _ = made.checked(0, make_recipe())
    assert DEGENERATE not in parts
    assert parts["degenerate"].value == 1.0


def test_a_check_decides_its_criterion(case, make_recipe):
    short = {"id": "short", "check": {"max_words": 2}}
    made = case("one two three", "one", criteria=["good", short])
    long, short = made.checked(0, make_recipe())[0]["short"], made.checked(1, make_recipe())[0]
    assert (long.level, long.value, long.by, long.probabilities) == (0, 0.0, "check", ())
    assert (short["short"].level, short["short"].value) == (1, 1.0)
    assert "good" not in short


@pytest.fixture
def broken_check(monkeypatch):
    """Makes the check `max_words` raise."""

    def run(self, text, inputs):
        raise CheckError("it cannot run")

    from judge.checks import CHECKS

    monkeypatch.setattr(CHECKS["max_words"].params, "run", run)


@pytest.mark.usefixtures("broken_check")
def test_a_check_that_cannot_run_is_a_failure_and_no_verdict(case, make_recipe):
    criteria = [{"id": "short", "check": {"max_words": 2}}, {"id": "b", "check": {"min_words": 1}}]
    parts, failures = case("one", criteria=criteria).checked(0, make_recipe())
    assert list(parts) == ["b"]
    (failure,) = failures
    assert (failure.stage, failure.kind, failure.message) == (
        "check",
        "malformed",
        "short: it cannot run",
    )


def test_a_check_sees_the_prompt_and_the_reference(case, make_recipe, monkeypatch):
    from judge.checks import CHECKS, CheckResult

    seen = []

    def run(self, text, inputs):
        seen.append((text, inputs.prompt, inputs.reference))
        return CheckResult(None)

    monkeypatch.setattr(CHECKS["max_words"].params, "run", run)
    assert issubclass(CHECKS["max_words"].params, CheckParams)
    made = case(
        TURNS,
        criteria=[{"id": "short", "check": {"max_words": 2}}],
        prompt=list(TURNS[:2]),
        reference="R",
    )
    parts, failures = made.checked(0, make_recipe())
    assert seen == [("first\nsecond", "the question", "R")]
    assert (parts, failures) == ({}, [])  # it cannot tell, and that is no verdict


async def test_programs_run_last_in_threads_and_not_where_a_gate_has_settled_it(
    make_rubric, make_recipe, monkeypatch
) -> None:
    ran, threads = [], set()

    def run(name, params, text, **inputs):
        ran.append((name, inputs["context"]))
        threads.add(threading.current_thread())
        return run_check(name, params, text, **inputs)

    monkeypatch.setattr(judge.judges.case, "run_check", run)
    rubric = make_rubric(
        {"id": "sum", "check": {"math_equivalent": {"answer": "2"}}},
        {"id": "brief", "check": {"max_words": 2}, "gate": {"below": "yes", "then": "zero"}},
    )
    group = Group.of("p", ["1+1", "far too long an answer"], context="C")
    made = Case(group, rubric, 0, None)
    (short, _), (long, _) = await made.checks([0, 1], make_recipe())
    assert sorted(ran) == [("math_equivalent", "C"), ("max_words", "C"), ("max_words", "C")]
    assert threading.main_thread() not in threads
    assert set(short) <= {"sum", "brief"}
    assert set(long) == {"brief"}
