import copy

import pytest

from judge.rubrics import parse_rubric
from judge.rubrics.diff import diff, is_enough, needed, step

RAW = {
    "schema": "rubric/v1",
    "id": "r",
    "title": "T",
    "criteria": [
        {"id": "one", "question": "One?", "scale": [{"bad": "B"}, {"good": "G"}]},
        {"id": "two", "question": "Two?"},
        {"id": "three", "check": {"max_words": 3}},
    ],
}


def changes(change, *, index=None):
    new = copy.deepcopy(RAW)
    if callable(change):
        change(new)
    else:
        (new if index is None else new["criteria"][index]).update(change)
    return diff(parse_rubric(RAW), parse_rubric(new))


@pytest.mark.parametrize(
    ("change", "index", "kind", "bump"),
    [
        ({"question": "Uno?"}, 0, "reworded", "patch"),
        ({"scale": [{"bad": "Worse"}, {"good": "G"}]}, 0, "reworded", "patch"),
        ({"examples": {"good": ["g"]}}, 0, "reworded", "patch"),
        ({"weight": 2}, 0, "reweighed", "minor"),
        ({"tier": "core"}, 0, "reweighed", "minor"),
        ({"gate": {"below": "good"}}, 0, "regated", "minor"),
        ({"check": {"max_words": 4}}, 2, "rechecked", "minor"),
        ({"allow_na": True}, 0, "changed", "minor"),
        ({"scale": ["bad", "fair", "good"]}, 0, "rescaled", "major"),
        ({"kind": "pitfall"}, 1, "rescaled", "major"),
        ({"enabled": False}, 1, "removed", "minor"),
        ({"inputs": {"required": ["context"]}}, None, "changed", "minor"),
        ({"title": "U"}, None, "described", "patch"),
    ],
)
def test_kinds_and_the_version_step_they_need(change, index, kind, bump):
    (found,) = changes(change, index=index)
    assert found.kind == kind
    assert found.criterion == (RAW["criteria"][index]["id"] if index is not None else None)
    assert needed([found]) == bump


def test_before_and_after_are_shown():
    (found,) = changes({"scale": ["bad", "good", "best"]}, index=0)
    assert (found.before, found.after) == ("bad (B), good (G)", "bad, good, best")


def test_added_and_moved():
    (added,) = changes(lambda raw: raw["criteria"].append({"id": "four", "question": "Four?"}))
    assert (added.kind, added.criterion) == ("added", "four")
    assert "Four?" in added.after
    (moved,) = changes(lambda raw: raw["criteria"].reverse())
    assert (moved.kind, moved.needs) == ("moved", "patch")


def test_another_set_of_criteria_is_a_major_change():
    found = changes({"criteria": [{"id": "new", "question": "New?"}]})
    assert needed(found) == "major"


def test_nothing_changed():
    assert changes({"version": "9.9.9"}) == []
    assert needed([]) == "none"


@pytest.mark.parametrize(
    ("old", "new", "made"),
    [
        ("1.2.3", "1.2.4", "patch"),
        ("1.2.3", "1.3.0", "minor"),
        ("1.2.3", "2.0.0", "major"),
        ("1.2.3", "1.2.3", "none"),
        ("1.2.3", "1.1.9", "none"),
        ("1.9.0", "1.10.0", "minor"),
    ],
)
def test_step(old, new, made):
    assert step(old, new) == made


def test_enough():
    assert is_enough("major", "minor")
    assert is_enough("patch", "patch")
    assert not is_enough("patch", "minor")
    assert is_enough("none", "none")
