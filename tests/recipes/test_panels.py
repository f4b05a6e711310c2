"""The sections `panel` and `cascade`: what they accept, and which engines they ask for."""

import pytest
from pydantic import ValidationError

from judge.recipes import load_recipe

EVEN = [{"role": "judge"}, {"role": "second"}]
SURE = [{"role": "judge", "accuracy": 0.8}, {"role": "second", "accuracy": 0.7}]
TABLE = [[0.8, 0.2], [0.3, 0.7]]
KNOWN = [{"role": "judge", "confusion": TABLE}, {"role": "second", "confusion": TABLE}]
PAIRS = {
    "judge": {"mode": "pairwise", "verdict": "two_way", "readout": "label_probability"},
    "group": {"schedule": "round_robin", "reward": "win_rate"},
}


@pytest.mark.parametrize(
    ("panel", "sections", "message"),
    [
        ({"members": EVEN[:1]}, {}, "at least 2"),
        ({"members": EVEN[:1] * 2}, {}, "two are the same"),
        ({"members": [{"role": "a"}, {"role": "b"}]}, {}, "must have the role judge"),
        ({"members": [EVEN[0], {"role": "generator"}]}, {}, "other work"),
        ({"members": [EVEN[0], {"role": "Second Judge"}]}, {}, "pattern"),
        ({"members": EVEN, "quorum": 3}, {}, "only 2 members"),
        ({"members": EVEN, "quorum": 0}, {}, "greater than or equal to 1"),
        ({"members": SURE}, {}, "accuracy is a setting of combine: weighted_majority"),
        ({"members": KNOWN}, {}, "confusion is a setting of combine: dawid_skene"),
        (
            {"members": [{"role": "judge", "weight": 2}, EVEN[1]], "combine": "min"},
            {},
            "weight is a setting of combine: mean",
        ),
        ({"members": EVEN, "combine": "weighted_majority"}, {}, "needs the accuracy of every"),
        (
            {"members": [SURE[0], EVEN[1]], "combine": "weighted_majority"},
            {},
            "needs the accuracy of every",
        ),
        ({"members": EVEN, "combine": "dawid_skene"}, {}, "needs the confusion of every"),
        ({"members": EVEN, "prior": [0.5, 0.5]}, {}, "prior is a setting of"),
        (
            {"members": SURE, "combine": "weighted_majority", "prior": [0.5, 0.6]},
            {},
            "sum to 1",
        ),
        (
            {"members": [{**EVEN[0], "confusion": [[0.5, 0.6], [0.5, 0.5]]}, KNOWN[1]]},
            {},
            "each row of sum 1",
        ),
        (
            {"members": [{**EVEN[0], "confusion": [[1.0]]}, KNOWN[1]]},
            {},
            "as many columns as rows",
        ),
        (
            {"members": [{**EVEN[0], "confusion": [[1.0, 0.0], [0.5, 0.5]]}, KNOWN[1]]},
            {},
            "greater than 0",
        ),
        (
            {"members": KNOWN, "combine": "dawid_skene", "prior": [0.2, 0.3, 0.5]},
            {},
            "all be of the same levels",
        ),
        ({"members": EVEN, "combine": "min"}, PAIRS, "no side is the lower one"),
        (
            {"members": SURE, "combine": "weighted_majority"},
            {**PAIRS, "judge": {**PAIRS["judge"], "verdict": "five_way"}},
            "needs `verdict: two_way or three_way`",
        ),
        (
            {"members": KNOWN, "combine": "dawid_skene"},
            {**PAIRS, "judge": {**PAIRS["judge"], "verdict": "three_way"}},
            "has 3 levels, not 2",
        ),
        (
            {"members": KNOWN, "combine": "dawid_skene"},
            {**PAIRS, "group": {**PAIRS["group"], "agree": "pointwise"}},
            "group.agree to be unset",
        ),
        ({"members": EVEN}, {"judge": {"mode": "steps"}}, "panel needs mode pointwise or pairwise"),
        ({"members": EVEN, "colour": "red"}, {}, "Extra inputs"),
        ({"members": EVEN, "standardise": True}, {}, "setting of mode: scalar"),
    ],
)
def test_a_panel_that_makes_no_sense_is_refused(make_recipe, panel, sections, message):
    with pytest.raises(ValidationError, match=message):
        make_recipe(panel=panel, **sections)


@pytest.mark.parametrize(
    ("cascade", "sections", "message"),
    [
        ({}, {}, "margin"),
        ({"margin": 1.5}, {}, "less than or equal to 1"),
        ({"margin": 0.1, "then": "judge"}, {}, "two roles, one of them judge"),
        ({"margin": 0.1, "first": "cheap"}, {}, "two roles, one of them judge"),
        ({"margin": 0.1, "then": "seeder"}, {}, "other work"),
        ({"margin": 0.1}, {"judge": {"readout": "label"}}, "no margins"),
        ({"margin": 0.1}, {"judge": {"mode": "spans"}}, "cascade needs mode"),
        ({"margin": 0.1}, {"panel": {"members": EVEN}}, "one of them"),
    ],
)
def test_a_cascade_that_makes_no_sense_is_refused(make_recipe, cascade, sections, message):
    with pytest.raises(ValidationError, match=message):
        make_recipe(cascade=cascade, **sections)


@pytest.mark.parametrize(
    ("panel", "sections"),
    [
        ({"members": EVEN}, {}),
        ({"members": EVEN, "combine": "median"}, PAIRS),
        ({"members": EVEN, "combine": "min", "quorum": 1}, {}),
        ({"members": SURE, "combine": "weighted_majority"}, PAIRS),
        ({"members": KNOWN, "combine": "dawid_skene", "prior": [0.4, 0.6]}, PAIRS),
        ({"members": [EVEN[0], {"role": "judge", "template": "terse"}]}, {}),
    ],
)
def test_a_panel_that_makes_sense_is_taken_and_changes_the_digest(make_recipe, panel, sections):
    made = make_recipe(panel=panel, **sections)
    assert made.digest != make_recipe(**sections).digest
    assert made.roles == {member["role"]: True for member in panel["members"]}


def test_a_recipe_without_either_is_one_judge():
    plain = load_recipe("pointwise")
    assert [member.name for member in plain.members] == ["judge"]
    assert (plain.roles, plain.calls_a_question) == ({"judge": True}, 1)


def test_calls_are_counted_for_every_judge_and_sample(make_recipe):
    panel = make_recipe("panel-mean", judge={"samples": 4, "temperature": 1.0})
    assert panel.calls_a_question == 12
    assert load_recipe("cascade").calls_a_question == 2
    assert load_recipe("cascade").roles == {"judge": True, "strong": True}


@pytest.mark.parametrize(("size", "least"), [(2, 2), (3, 2), (4, 3), (5, 3)])
def test_more_than_half_of_the_members_must_answer(make_recipe, size, least):
    members = [{"role": "judge"}, *({"role": f"r{k}"} for k in range(size - 1))]
    assert make_recipe(panel={"members": members}).panel.least == least


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        ({"members": SURE, "combine": "weighted_majority"}, "numbers have none"),
        ({"members": [EVEN[0], {"role": "second", "template": "terse"}]}, "no template"),
    ],
)
def test_a_panel_of_scalar_models_has_no_words(make_recipe, panel, message):
    with pytest.raises(ValidationError, match=message):
        make_recipe("scalar", panel=panel)
    assert make_recipe("scalar", panel={"members": EVEN, "standardise": True}).roles == {
        "judge": True,
        "second": True,
    }


def test_a_cascade_of_scalar_models_has_no_margin(make_recipe):
    with pytest.raises(ValidationError, match="not used in mode scalar"):
        make_recipe("scalar", cascade={"margin": 0.5})
