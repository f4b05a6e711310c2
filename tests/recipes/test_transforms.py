from typing import Any

import pytest
from pydantic import ValidationError

from judge.recipes.transforms import Transform
from judge.scoring.shape import STEPS


def test_every_transform_has_a_function_and_the_other_way_round():
    assert set(Transform.model_fields) == set(STEPS)


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ({}, "one name"),
        ({"z_score": {}, "clip": {"low": 0, "high": 1}}, "one name"),
        ({"zscore": {}}, "zscore"),
        ({"clip": {"low": 1, "high": 1}}, "low must be below high"),
        ({"clip": {"low": 0}}, "high"),
        ({"tiers": {"zones": 1}}, "zones"),
        ({"sigmoid_to_reference": {"scale": 0}}, "scale"),
        ({"sigmoid_to_reference": {"scale": float("inf")}}, "finite"),
        ({"constrained": {"thresholds": {}}}, "thresholds"),
    ],
)
def test_what_cannot_be_meant_is_refused(raw: dict[str, Any], word):
    with pytest.raises(ValidationError, match=word):
        Transform.model_validate(raw)


def test_a_step_knows_its_name_and_what_it_needs():
    step = Transform.model_validate({"sigmoid_to_reference": {}})
    assert (step.name, step.needs_references) == ("sigmoid_to_reference", True)
    assert not Transform.model_validate({"z_score": {}}).needs_references
