import pytest

from judge.errors import RubricError
from judge.rubrics import load_rubric, parse_rubric
from judge.rubrics.files import _satisfies

PARENT = """\
schema: rubric/v1
id: parent
version: 1.4.2
title: Parent
description: From the parent.
status: retired
inputs: {required: [context]}
criteria:
  - id: one
    question: Is it one?
    weight: 2
    scale: [{bad: B}, {fair: F}, {good: G}]
    gate: {below: fair, then: cap, at: 0.5}
  - id: two
    question: Is it two?
    tier: core
  - id: three
    check: {words: {min: 2, max: 9}}
locked: [criteria.two]
tests:
  - {name: t, prompt: p, better: b, worse: w}
"""


@pytest.fixture
def child(put):
    def load(body, parent=PARENT, extends="parent"):
        put("rubrics/parent.yaml", parent)
        head = f'schema: rubric/v1\nid: child\nextends: "{extends}"\n'
        return load_rubric(put("rubrics/child.yaml", head + body))

    return load


def by_id(rubric):
    return {criterion.id: criterion for criterion in rubric.criteria}


def test_parent_first_and_the_child_wins_key_by_key(child):
    r = child("title: Child\ninputs: {optional: [reference]}\n")
    assert (r.id, r.title, r.description, r.version) == (
        "child",
        "Child",
        "From the parent.",
        "1.4.2",
    )
    assert r.inputs.required == ("context",)
    assert r.inputs.optional == ("reference",)
    assert [c.id for c in r.criteria] == ["one", "two", "three"]


def test_what_is_about_the_parent_alone_is_not_inherited(child):
    r = child("title: Child\n")
    assert (r.status, r.tests) == ("active", ())


def test_criteria_merge_by_id_in_the_parents_order(child):
    r = child(
        "criteria:\n"
        "  - {id: four, question: Is it four?}\n"
        "  - {id: one, weight: 5, gate: {at: 0.25}}\n"
        "  - {id: three, check: {max_words: 3}}\n"
    )
    assert [c.id for c in r.criteria] == ["one", "two", "three", "four"]
    one = by_id(r)["one"]
    assert (one.weight, one.question) == (5.0, "Is it one?")
    assert (one.gate.below, one.gate.at) == ("fair", 0.25)
    assert by_id(r)["three"].check.name == "max_words"


def test_enabled_false_removes(child):
    r = child("criteria:\n  - {id: one, enabled: false}\n")
    assert [c.id for c in r.enabled] == ["two", "three"]
    assert [c.id for c in r.judged] == ["two"]


def test_weight_replaces_a_tier_and_a_tier_a_weight(child):
    r = child(
        "criteria:\n  - {id: one, tier: critical}\n", PARENT.replace("locked: [criteria.two]\n", "")
    )
    assert by_id(r)["one"].tier == "critical"
    r = child(
        "criteria:\n  - {id: two, weight: 3}\n", PARENT.replace("locked: [criteria.two]\n", "")
    )
    assert (by_id(r)["two"].weight, by_id(r)["two"].tier) == (3.0, None)


def test_digest_is_that_of_the_resolved_rubric(child, put):
    merged = child("criteria:\n  - {id: one, weight: 5}\n")
    flat = PARENT.replace("id: parent", "id: flat").replace("weight: 2", "weight: 5")
    assert merged.digest == load_rubric(put("flat.yaml", flat)).digest


def test_a_row_may_extend_a_rubric_by_id(child, put):
    put("rubrics/parent.yaml", PARENT)
    r = parse_rubric({"schema": "rubric/v1", "id": "row", "extends": "parent"})
    assert [c.id for c in r.criteria] == ["one", "two", "three"]


def test_a_path_with_a_dot_is_beside_the_child(put):
    put("here/base.yaml", PARENT)
    path = put("here/child.yaml", "schema: rubric/v1\nid: child\nextends: ./base.yaml\n")
    assert load_rubric(path).title == "Parent"


def test_errors_are_placed_in_the_file_that_made_them(child):
    with pytest.raises(RubricError) as caught:
        child("title: x\n", PARENT.replace("question: Is it two?", "queston: Is it two?"))
    assert caught.value.file.endswith("parent.yaml")
    assert caught.value.line == 15
    with pytest.raises(RubricError) as caught:
        child("criteria:\n  - {id: one, wieght: 5}\n")
    assert caught.value.file.endswith("child.yaml")
    assert (caught.value.line, caught.value.column) == (5, 15)


def test_child_that_makes_its_parents_gate_unreachable(child):
    with pytest.raises(RubricError, match="not a level") as caught:
        child("criteria:\n  - {id: one, scale: [{no: N}, {yes: Y}]}\n")
    assert caught.value.criterion == "one"


def test_same_id_twice_in_a_child(child):
    with pytest.raises(RubricError, match="second time"):
        child("criteria:\n  - {id: one, weight: 5}\n  - {id: one, question: Q?}\n")


@pytest.mark.parametrize(
    ("extends", "said"),
    [
        ("parnet", "did you mean 'parent'"),
        ("parent@^2", "has version 1.4.2, not ^2"),
        ("parent@", "is not `id`"),
        ("parent@x", "is not `id`"),
        ("Parent Rubric", "not a rubric's id"),
        ("./nowhere.yaml", "no file"),
        ("child", "circle"),
    ],
)
def test_parents_that_cannot_be_had(child, extends, said):
    with pytest.raises(RubricError) as caught:
        child("title: x\n", extends=extends)
    assert said in str(caught.value)
    assert (caught.value.line, caught.value.column) == (3, 10)


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("1.4.2", "^1", True),
        ("1.4.2", "^1.4", True),
        ("1.4.2", "^1.5", False),
        ("2.0.0", "^1", False),
        ("0.3.1", "^0.3", True),
        ("0.4.0", "^0.3", False),
        ("1.4.2", "~1.4", True),
        ("1.5.0", "~1.4", False),
        ("1.4.2", "~1.4.1", True),
        ("1.4.2", "~1.4.3", False),
        ("1.4.2", "1", True),
        ("1.4.2", "1.4.2", True),
        ("1.4.2", "1.4.1", False),
        ("10.0.0", "1", False),
    ],
)
def test_version_constraints(version, wanted, fits):
    sign = wanted[0] if wanted[0] in "^~" else ""
    assert _satisfies(version, sign, wanted.removeprefix(sign)) is fits


def chain(put, length, last=""):
    for k in range(length):
        extends = f"extends: r{k + 1}\n" if k + 1 < length else last
        body = "criteria: [{id: a, question: A?}]\n"
        put(f"rubrics/r{k}.yaml", f"schema: rubric/v1\nid: r{k}\n{extends}{body}")


def test_circle(put):
    chain(put, 3, "extends: r0\n")
    with pytest.raises(
        RubricError, match=r"circle: r0\.yaml -> r1\.yaml -> r2\.yaml -> r0\.yaml"
    ) as caught:
        load_rubric("r0")
    assert caught.value.file.endswith("r2.yaml")
    assert caught.value.line == 3


def test_depth(put):
    chain(put, 5)
    assert load_rubric("r0").id == "r0"
    chain(put, 6)
    with pytest.raises(RubricError, match="more than 4 parents"):
        load_rubric("r0")
