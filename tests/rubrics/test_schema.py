import copy
import pickle

import pytest

from judge.errors import RubricError
from judge.rubrics import Rubric, parse_rubric

BASE = {
    "schema": "rubric/v1",
    "id": "a/b",
    "criteria": [
        {"id": "one", "question": "Is it one?", "weight": 2},
        {"id": "two", "question": "Is it two?", "kind": "pitfall"},
        {"id": "three", "check": {"max_words": 3}},
        {"id": "four", "check": {"regex": "x"}, "hybrid": True, "question": "Is there an x?"},
        {"id": "off", "question": "Is it off?", "enabled": False},
    ],
}


def rubric(**changes) -> Rubric:
    return parse_rubric({**copy.deepcopy(BASE), **changes})


def with_criterion(**changes) -> Rubric:
    raw = copy.deepcopy(BASE)
    raw["criteria"][0].update(changes)
    return parse_rubric(raw)


def test_which_criteria_are_asked_and_which_are_checked():
    r = rubric()
    assert [c.id for c in r.enabled] == ["one", "two", "three", "four"]
    assert [c.id for c in r.judged] == ["one", "two", "four"]
    assert [c.id for c in r.checked] == ["three", "four"]


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Other"},
        {"version": "2.0.0"},
        {"id": "c/d"},
        {"status": "draft"},
        {"quality": {"kappa": 0.5}},
        {"provenance": {"method": "by hand"}},
        {"applies_to": {"tasks": ["chat"]}},
        {"tests": [{"name": "t", "prompt": "p", "better": "b", "worse": "w"}]},
        {"locked": ["criteria.one.weight"]},
    ],
)
def test_digest_ignores_what_cannot_change_a_verdict(changes):
    assert rubric(**changes).digest == rubric().digest


@pytest.mark.parametrize(
    "changes",
    [
        {"weight": 2.5},
        {"question": "Is it really one?"},
        {"kind": "pitfall"},
        {"scale": "1..5"},
        {"gate": {"below": "yes"}},
        {"allow_na": True},
        {"evidence": "quote"},
        {"examples": {"good": ["x"]}},
        {"enabled": False},
        {"id": "uno"},
    ],
)
def test_digest_follows_every_criterion(changes):
    assert with_criterion(**changes).digest != rubric().digest


def test_digest_follows_check_parameters_and_order():
    raw = copy.deepcopy(BASE)
    raw["criteria"][2]["check"] = {"max_words": 4}
    assert parse_rubric(raw).digest != rubric().digest
    raw = copy.deepcopy(BASE)
    raw["criteria"].reverse()
    assert parse_rubric(raw).digest != rubric().digest


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": "yes_no"},
        {"scale": ["no", "yes"]},
        {"allow_na": False},
        {"weight": 2.0},
        {"kind": "principle"},
    ],
)
def test_digest_is_the_same_for_a_default_written_out(changes):
    assert with_criterion(**changes).digest == rubric().digest


def test_digest_is_pinned():
    # A change here changes the digest of everybody's rubrics: it needs a new schema version.
    assert rubric().digest == "66ae9028d1eec1b12fe5ff09aed72bcb06a865cf719aa138aa5ee885f7cfa0bc"


def test_a_rubric_written_out_is_the_same_rubric():
    r = rubric(
        tests=[{"name": "t", "prompt": "p", "response": "x", "expect": {"one": ["yes", "no"]}}]
    )
    for sparse in (True, False):
        raw = r.model_dump(mode="json", by_alias=True, exclude_defaults=sparse)
        assert parse_rubric(raw) == r
    assert pickle.loads(pickle.dumps(r)) == r


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": "rubric/v2"}, "rubric/v1"),
        ({"criteria": []}, "at least 1 item"),
        ({"criteria": None}, "criteria"),
        ({"id": "A B"}, "match pattern"),
        ({"version": 1.0}, "three numbers"),
        ({"version": "1.0"}, "three numbers"),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"status": "done"}, "not one of"),
        ({"title": None}, "string"),
        ({"criteria": [{"id": "a", "question": "A?", "enabled": False}]}, "weight above 0"),
        ({"criteria": [{"id": "a", "question": "A?", "weight": 0}]}, "weight above 0"),
        ({"criteria": [{"id": "total", "question": "A?"}]}, "reserved"),
        (
            {"criteria": [{"id": "a", "question": "A?"}, {"id": "a", "question": "B?"}]},
            "second time",
        ),
        ({"locked": ["criteria.zero"]}, "nothing in this rubric"),
    ],
)
def test_refused(changes, said):
    with pytest.raises(RubricError, match=said):
        rubric(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"needs": ["refrence"]}, "did you mean 'reference'"),
        ({"needs": ["key"]}, "not an input"),
        ({"depends_on": ["tow"]}, "did you mean 'two'"),
        ({"depends_on": ["one"]}, "no other criterion"),
        ({"depends_on": ["off"]}, "no other criterion"),
    ],
)
def test_references_must_be_reachable(changes, said):
    with pytest.raises(RubricError, match=said) as caught:
        with_criterion(**changes)
    assert caught.value.criterion == "one"


def test_depends_on_in_a_circle():
    raw = copy.deepcopy(BASE)
    raw["criteria"][0]["depends_on"] = ["two"]
    raw["criteria"][1]["depends_on"] = ["one"]
    with pytest.raises(RubricError, match="circle: one, two"):
        parse_rubric(raw)


def test_hidden_input_is_for_checks_only():
    inputs = {"hidden": ["secret"]}
    raw = {**copy.deepcopy(BASE), "inputs": inputs}
    raw["criteria"][2]["needs"] = ["secret"]
    assert parse_rubric(raw).inputs.hidden == ("secret",)
    raw["criteria"][0]["needs"] = ["secret"]
    with pytest.raises(RubricError, match="hidden"):
        parse_rubric(raw)


def test_the_response_cannot_be_hidden():
    with pytest.raises(RubricError, match="response"):
        parse_rubric({**copy.deepcopy(BASE), "inputs": {"hidden": ["response"]}})


def test_rubric_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        rubric().title = "x"
