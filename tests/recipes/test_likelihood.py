import math
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from judge.errors import RecipeError
from judge.likelihood import METHODS, method_of
from judge.likelihood.implicit import SEGMENTATIONS
from judge.likelihood.values import FORMS, total
from judge.recipes import likelihood, load_recipe
from judge.recipes.schema import Recipe


def recipe(**settings):
    raw = {"schema": "recipe/v1", "id": "r", "judge": {"mode": "likelihood"}}
    return Recipe.model_validate({**raw, "likelihood": settings})


def kinds() -> dict[str, type[BaseModel]]:
    union = get_args(likelihood.LikelihoodSection)[0]
    return {get_args(kind.model_fields["method"].annotation)[0]: kind for kind in get_args(union)}


def test_every_name_a_recipe_may_use_is_known_to_the_rest():
    assert set(kinds()) == set(METHODS)
    assert set(get_args(likelihood.ReferenceForm)) == set(FORMS)
    assert set(get_args(likelihood.Part)) == {"token", "whole", *SEGMENTATIONS}
    assert all(total([1.0], form) == 1.0 for form in get_args(likelihood.TotalForm))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_the_settings_of_its_section(name):
    section = recipe(method=name).likelihood
    method = method_of(section)
    assert isinstance(method, kinds()[name])
    assert dict(method) == dict(section)
    assert method == METHODS[name]()  # made in Python it has the same defaults


def test_settings_reach_the_method():
    section = recipe(
        method="follow_up",
        corrected=False,
        dimensions=[{"name": "kind", "positive": ["Yes."], "negative": ["No."]}],
    ).likelihood
    method = method_of(section)
    assert method.asked[0].texts == ("Yes.", "No.")
    assert not method.corrected


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({}, "method"),
        ({"method": "product"}, "method"),
        ({"method": "reference", "beta": 0.1}, "beta"),
        ({"method": "reference", "form": "median"}, "mean_log"),
        ({"method": "reference", "marker": ""}, "marker"),
        ({"method": "follow_up", "dimensions": [{"name": "a", "positive": ["b"]}]}, "negative"),
        ({"method": "density_ratio", "by": "token"}, "by"),
        ({"method": "implicit", "beta": 0.0}, "beta"),
        ({"method": "implicit", "beta": math.inf}, "beta"),
        ({"method": "implicit", "by": "word"}, "by"),
        ({"method": "implicit", "positive": "Be good."}, "negative"),
    ],
)
def test_a_setting_that_the_method_does_not_use_is_an_error(settings, word):
    with pytest.raises(ValidationError, match=word):
        recipe(**settings)


@pytest.mark.parametrize(
    ("settings", "roles"),
    [
        ({"method": "reference"}, {"judge"}),
        ({"method": "follow_up"}, {"judge"}),
        ({"method": "density_ratio"}, {"judge", "reference"}),
        ({"method": "density_ratio", "alone": True}, {"judge"}),
        ({"method": "implicit"}, {"judge", "reference"}),
        ({"method": "implicit", "positive": "a", "negative": "b"}, {"judge"}),
    ],
)
def test_the_roles_are_those_of_the_models_that_are_compared(settings, roles):
    made = recipe(**settings)
    assert set(made.roles) == roles == set(method_of(made.likelihood).sides)
    assert all(made.roles.values())


def test_digests_tell_methods_and_settings_apart():
    told = [
        *({"method": name} for name in METHODS),
        {"method": "implicit", "beta": 0.1},
        {"method": "density_ratio", "domains": {"a": "b"}},
    ]
    assert len({recipe(**settings).digest for settings in told}) == len(told)
    assert recipe(method="implicit", beta=0.05).digest == recipe(method="implicit").digest


def test_an_error_has_its_place(tmp_path):
    path = tmp_path / "r.yaml"
    text = "schema: recipe/v1\nid: r\njudge: {mode: likelihood}\nlikelihood:\n  method: implicit\n"
    path.write_text(text + "  form: product\n")
    with pytest.raises(RecipeError, match="form") as caught:
        load_recipe(path)
    assert (caught.value.line, caught.value.column) == (6, 3)
