import pytest

from judge.errors import RubricError
from judge.rubrics import parse_rubric

PARENT = """\
schema: rubric/v1
id: parent
inputs: {{hidden: [key], required: [context]}}
locked: [{locked}]
criteria:
  - id: one
    question: Is it one?
    weight: 2
    scale: [bad, fair, good]
    gate: {{below: fair, then: cap, at: 0.5}}
    allow_na: true
  - {{id: two, question: Is it two?, tier: core}}
  - {{id: three, question: Is it three?}}
"""


@pytest.fixture
def child(put):
    def load(locked, criterion=None, **top):
        put("rubrics/parent.yaml", PARENT.format(locked=locked))
        raw = {"schema": "rubric/v1", "id": "child", "extends": "parent", **top}
        if criterion:
            raw["criteria"] = [criterion]
        return parse_rubric(raw)

    return load


STRICTER = [
    {"id": "one", "weight": 3},
    {"id": "one", "gate": {"below": "good"}},
    {"id": "one", "gate": {"at": 0.25}},
    {"id": "one", "gate": {"below": "fair", "then": "zero", "at": None}},
    {"id": "one", "allow_na": False},
    {"id": "one", "evidence": "quote"},
    {"id": "three", "weight": 9},
]
LAXER = [
    ({"id": "one", "weight": 1}, "weight"),
    ({"id": "one", "tier": "critical"}, "tier"),
    ({"id": "one", "gate": None}, "gate"),
    ({"id": "one", "gate": {"below": "bad"}}, "gate"),
    ({"id": "one", "gate": {"at": 0.75}}, "gate"),
    ({"id": "one", "gate": {"then": "drop", "at": None}}, "gate"),
    ({"id": "one", "question": "Is it two?"}, "question"),
    ({"id": "one", "kind": "pitfall"}, "kind"),
    ({"id": "one", "scale": ["bad", "fair", "good", "best"]}, "scale"),
    ({"id": "one", "enabled": False}, "enabled"),
    ({"id": "one", "needs": ["reference"]}, "needs"),
]


@pytest.mark.parametrize("change", STRICTER)
def test_stricter_is_allowed(child, change):
    assert child("criteria.one", change).id == "child"


@pytest.mark.parametrize(("change", "part"), LAXER)
def test_laxer_is_refused(child, change, part):
    with pytest.raises(RubricError, match=r"criteria\.one.*locked by parent") as caught:
        child("criteria.one", change)
    assert part in caught.value.message or part == "tier"
    assert caught.value.criterion == "one"


@pytest.mark.parametrize(("change", "part"), LAXER)
def test_what_is_not_locked_may_change(child, change, part):
    assert child("criteria.two", change).id == "child"


def test_one_part_of_a_criterion(child):
    assert child("criteria.one.weight", {"id": "one", "question": "Other?"}).id == "child"
    with pytest.raises(RubricError, match="weight is locked"):
        child("criteria.one.weight", {"id": "one", "weight": 0.5})


def test_tiers_may_rise(child):
    assert (
        child("criteria.two.tier", {"id": "two", "tier": "critical"}).criteria[1].tier == "critical"
    )
    with pytest.raises(RubricError, match="tier is locked"):
        child("criteria.two.tier", {"id": "two", "tier": "highlight"})


def test_inputs_may_grow(child):
    assert child("inputs.hidden", inputs={"hidden": ["key", "name"]}).inputs.hidden == (
        "key",
        "name",
    )
    with pytest.raises(RubricError, match="key must stay"):
        child("inputs.hidden", inputs={"hidden": []})


def test_locks_are_passed_on(child, put):
    middle = "schema: rubric/v1\nid: middle\nextends: parent\nlocked: [criteria.three]\n"
    put("rubrics/parent.yaml", PARENT.format(locked="criteria.one"))
    put("rubrics/middle.yaml", middle)
    raw = {"schema": "rubric/v1", "id": "child", "extends": "middle"}
    for name in ("one", "three"):
        with pytest.raises(RubricError, match="locked by middle"):
            parse_rubric({**raw, "criteria": [{"id": name, "weight": 0.1}]})


@pytest.mark.parametrize(
    "path", ["criteria.on", "criteria.one.wight", "weights", "criteria", "inputs.optional"]
)
def test_path_that_names_nothing(child, path):
    with pytest.raises(RubricError, match="nothing in this rubric") as caught:
        child(path)
    assert caught.value.line == 4
    assert caught.value.column == 10
