import pytest
from pydantic import ValidationError

from judge.errors import RecipeError
from judge.recipes import load_recipe
from judge.recipes.schema import Recipe
from judge.recipes.wordless import USED, WHOLE, unused

SCALAR = {"schema": "recipe/v1", "id": "r", "judge": {"mode": "scalar"}}
LIKELIHOOD = {
    "schema": "recipe/v1",
    "id": "r",
    "judge": {"mode": "likelihood"},
    "likelihood": {"method": "reference"},
}
UNUSED = [
    ("judge", "calls", "each"),
    ("judge", "template", "mine"),
    ("judge", "temperature", 1.0),
    ("rubric", "source", "prompt"),
    ("criteria", "combine", "min"),
    ("group", "single", "pointwise"),
    ("group", "ties", {"band": 0.1}),
    ("guards", "degenerate", False),
    ("guards", "min_coverage", 0.1),
    ("guards", "max_flip_rate", 0.1),
    ("output", "segments", [0, 1]),
]


@pytest.mark.parametrize("base", [SCALAR, LIKELIHOOD], ids=["scalar", "likelihood"])
@pytest.mark.parametrize(("section", "key", "value"), UNUSED)
def test_a_setting_that_the_mode_has_no_use_for_is_an_error(base, section, key, value):
    raw = {**base, section: {**base.get(section, {}), key: value}}
    with pytest.raises(ValidationError, match=f"{section}.{key} is not used in mode"):
        Recipe.model_validate(raw)


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ({**SCALAR, "output": {"range": [0, 1]}}, "no bounds"),
        ({**LIKELIHOOD, "output": {"range": [0, 1]}}, "no bounds"),
        ({**SCALAR, "group": {"schedule": "round_robin"}}, "schedule: none"),
        ({**SCALAR, "likelihood": {"method": "reference"}}, "other modes have none"),
        ({**SCALAR, "judge": {"mode": "likelihood"}}, "needs a section"),
        ({**SCALAR, "judge": {"mode": "pointwise", "reference": True}}, "mode: scalar"),
        ({**LIKELIHOOD, "judge": {"mode": "likelihood", "reference": True}}, "mode: scalar"),
    ],
)
def test_what_cannot_be_meant_is_refused(raw, word):
    with pytest.raises(ValidationError, match=word):
        Recipe.model_validate(raw)


def test_what_is_used_can_be_set():
    sections = {
        "judge": {"mode": "scalar", "reference": True, "attempts": 5},
        "guards": {"max_length_correlation": 0.5},
        "transforms": [{"z_score": {}}],
    }
    recipe = Recipe.model_validate({**SCALAR, **sections})
    assert recipe.judge.reference
    assert unused(recipe.model_dump(exclude_defaults=True)) == []
    assert set(USED) | set(WHOLE) <= set(Recipe.model_fields)


def test_a_section_that_holds_no_settings_is_named_whole():
    assert unused({"cascade": ["a"], "id": "r", "group": {"budget": 1}}) == [
        ("cascade",),
        ("group", "budget"),
    ]


def test_the_error_has_its_place(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("schema: recipe/v1\nid: r\njudge:\n  mode: scalar\n  calls: each\n")
    with pytest.raises(RecipeError, match=r"judge.calls is not used") as caught:
        load_recipe(path)
    assert (caught.value.line, caught.value.column) == (5, 3)
