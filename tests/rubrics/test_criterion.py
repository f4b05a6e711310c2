import pytest

from judge.errors import RubricError
from judge.rubrics import Criterion, parse_rubric


def criterion(**fields) -> Criterion:
    raw = {"id": "c", "question": "Is it so?", **fields}
    raw = {key: value for key, value in raw.items() if value is not ...}
    return parse_rubric({"schema": "rubric/v1", "id": "r", "criteria": [raw]}).criteria[0]


def refused(**fields) -> RubricError:
    with pytest.raises(RubricError) as caught:
        criterion(**fields)
    return caught.value


def test_defaults():
    c = criterion()
    assert (c.kind, c.weight, c.tier, c.scope, c.evidence) == (
        "principle",
        1.0,
        None,
        "response",
        "none",
    )
    assert [level.name for level in c.levels] == ["no", "yes"]
    assert not (c.is_pitfall)
    assert not (c.hybrid)
    assert not (c.allow_na)
    assert not (c.is_error_scale)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1, "3", True, None])
def test_weight_is_a_finite_number_of_at_least_zero(weight):
    assert "weight" in refused(weight=weight).message


def test_weight_and_tier_exclude_each_other():
    assert criterion(tier="core").tier == "core"
    assert "together" in refused(tier="core", weight=1).message


def test_question_may_be_absent_only_if_a_check_decides():
    assert criterion(question=..., check="degenerate").question is None
    assert "question" in refused(question=...).message
    assert "question" in refused(question=..., check="degenerate", hybrid=True).message
    assert "hybrid needs a check" in refused(hybrid=True).message
    assert "at least 1 character" in refused(question="  ").message


LEVELS = ["bad", "fair", "good"]


@pytest.mark.parametrize(("below", "fires"), [("bad", []), ("fair", [0]), ("good", [0, 1])])
def test_gate_fires_below_its_level(below, fires):
    c = criterion(scale=LEVELS, gate={"below": below})
    assert c.gate.below_level(c) == LEVELS.index(below)
    assert [k for k in range(3) if c.gate.fires(c, k)] == fires


def test_gate_of_a_pitfall_fires_above_its_level():
    c = criterion(kind="pitfall", scale=["none", "some", "much"], gate={"below": "some"})
    assert [k for k in range(3) if c.gate.fires(c, k)] == [2]
    c = criterion(kind="pitfall", gate={"below": "no"})
    assert [k for k in range(2) if c.gate.fires(c, k)] == [1]


def test_gate_on_a_numbered_scale():
    assert criterion(scale="1..5", gate={"below": 3}).gate.below == "3"


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"below": "god"}, "did you mean 'good'"),
        ({"then": "zero"}, "'below' is missing"),
        ({"below": "fair", "then": "cap"}, "needs `at`"),
        ({"below": "fair", "at": 0.5}, "takes no `at`"),
        ({"below": "fair", "then": "cap", "at": 2}, "less than or equal to 1"),
        ({"below": "fair", "then": "stop"}, "not one of"),
    ],
)
def test_gates_that_are_refused(gate, said):
    assert said in str(refused(scale=LEVELS, gate=gate))


def test_gate_on_an_error_scale_has_no_level_to_name():
    assert (
        "not a level" in refused(scale={"errors": {"aspects": ["a"]}}, gate={"below": "a"}).message
    )


@pytest.mark.parametrize(
    ("check", "name", "params"),
    [
        ({"max_words": 3}, "max_words", {"limit": 3}),
        ({"max_words": {"limit": 3}}, "max_words", {"limit": 3}),
        ("degenerate", "degenerate", {}),
        ({"degenerate": None}, "degenerate", {}),
        ({"regex": {"pattern": "a", "negate": True}}, "regex", {"pattern": "a", "negate": True}),
        ({"contains": ["a", "b"]}, "contains", {"terms": ("a", "b")}),
    ],
)
def test_check_forms(check, name, params):
    c = criterion(check=check)
    assert c.check.name == name
    assert c.check.params.model_dump(exclude_defaults=True) == params


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("max_word", "did you mean 'max_words'"),
        ({"max_words": "many"}, "limit"),
        ({"max_words": None}, "'limit' is missing"),
        ({"max_words": {"limt": 3}}, "did you mean 'limit'"),
        ({"max_words": 3, "min_words": 1}, "one check"),
        ({"regex": "(a"}, "unclosed group"),
        ([1], "one check"),
        ({"json_valid": {"allow_fence": "yes"}}, "boolean"),
    ],
)
def test_checks_that_are_refused(check, said):
    assert said in str(refused(check=check))


def test_check_has_two_levels():
    assert "yes_no" in refused(check="degenerate", scale="1..5").message


def test_ternary_may_be_not_applicable():
    c = criterion(scale="ternary")
    assert c.allow_na
    assert [level.name for level in c.levels] == ["-1", "1"]
    assert "not applicable" in refused(scale="ternary", allow_na=False).message


@pytest.mark.parametrize("name", ["two words", "1st", "a-b", "", "ä", "x" * 81])
def test_ids_that_are_refused(name):
    assert "id" in refused(id=name).message
