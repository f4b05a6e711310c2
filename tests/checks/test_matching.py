import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from judge.checks import CHECKS, run_check


@pytest.mark.parametrize(
    ("params", "text", "value"),
    [
        ({"answers": "Paris"}, "The answer is Paris.", 1.0),
        ({"answers": "Paris"}, "paris", 1.0),
        ({"answers": "Paris", "case": True}, "paris", 0.0),
        ({"answers": "Paris"}, "London", 0.0),
        ({"answers": ["NYC", "New York"]}, "new york", 1.0),
        ({"answers": "The Beatles"}, "Beatles!", 1.0),
        ({"answers": "The Beatles", "punctuation": True}, "Beatles", 0.0),
        ({"answers": "caf\u00e9"}, "cafe\u0301", 1.0),
        ({"answers": "..."}, "!!!", 0.0),
        ({"answers": "A"}, "\\boxed{A}", 1.0),
        ({"answers": "A"}, "\\boxed{B} not A", 0.0),
        ({"answers": "x", "where": "tag"}, "x", 0.0),
        ({}, "Rome", 1.0),
        ({}, "", 0.0),
        ({"mismatch": "unknown"}, "rome", 1.0),
        ({"mismatch": "unknown"}, "the capital of Italy", None),
        ({"mismatch": "unknown"}, "", 0.0),
    ],
)
def test_exact(params, text, value):
    assert run_check("exact_match", params, text, reference="Rome").value == value


@pytest.mark.parametrize("name", ["exact_match", "numeric_match", "closeness"])
def test_without_a_right_answer_it_is_unknown(name):
    assert run_check(name, {}, "1").value is None


def test_a_reference_without_a_number_is_unknown():
    assert run_check("numeric_match", {}, "1", reference="no idea").value is None


@pytest.mark.parametrize(
    ("params", "text", "value"),
    [
        ({"answer": 3.14159}, "about 3.14159", 1.0),
        ({"answer": 3.14159}, "3.14", 0.0),
        ({"answer": 3.14159, "relative": 0.01}, "3.14", 1.0),
        ({"answer": 100.0, "relative": 0.1}, "110", 1.0),
        ({"answer": 100.0, "relative": 0.1}, "111", 0.0),
        ({"answer": 0.0}, "0.0000001", 0.0),
        ({"answer": 0.0, "absolute": 1e-3}, "0.0000001", 1.0),
        ({"answer": 1000.0}, "1,000", 1.0),
        ({"answer": -5.0}, "x = \u22125", 1.0),
        ({"answer": 5.0}, "five", 0.0),
        ({}, "#### 72", 1.0),
        ({}, "73", 0.0),
    ],
)
def test_numeric(params, text, value):
    assert run_check("numeric_match", params, text, reference="it is 72").value == value


@pytest.mark.parametrize(
    ("params", "text", "value"),
    [
        ({"answer": 3.0, "scale": 0.5}, "3", 1.0),
        ({"answer": 3.0, "scale": 0.5}, "3.5", math.exp(-0.5)),
        ({"answer": 3.0, "scale": 0.5}, "2.5", math.exp(-0.5)),
        ({"answer": 3.0, "scale": 0.5}, "4", math.exp(-2.0)),
        ({"answer": 3.0}, "1e200", 0.0),
        ({"answer": 100.0, "shape": "fuzzy"}, "100", 1.0),
        ({"answer": 100.0, "shape": "fuzzy"}, "75", 1.25 / 1.5),
        ({"answer": 100.0, "shape": "fuzzy"}, "149", 1.01 / 1.5),
        ({"answer": 100.0, "shape": "fuzzy"}, "150", 0.0),
        ({"answer": -100.0, "shape": "fuzzy"}, "-75", 1.25 / 1.5),
        ({"answer": 0.0, "shape": "fuzzy"}, "0", 1.0),
        ({"answer": 0.0, "shape": "fuzzy"}, "1", 0.0),
        ({"answer": 10.0, "shape": "linear", "scale": 4.0}, "11", 0.75),
        ({"answer": 10.0, "shape": "linear", "scale": 4.0}, "20", 0.0),
        ({"answer": 3.0}, "no number", 0.0),
    ],
)
def test_closeness(params, text, value):
    assert run_check("closeness", params, text).value == pytest.approx(value)


@given(
    st.sampled_from(["bell", "fuzzy", "linear"]),
    st.floats(-1e300, 1e300),
    st.floats(-1e300, 1e300),
    st.floats(1e-300, 1e300),
)
def test_closeness_is_in_range_and_1_only_near_the_answer(shape, right, said, scale):
    params = {"shape": shape, "answer": right, "scale": scale}
    value = run_check("closeness", params, repr(said)).value
    assert 0.0 <= value <= 1.0
    assert run_check("closeness", params, repr(right)).value == 1.0


def test_scale_above_zero():
    with pytest.raises(ValidationError):
        CHECKS["closeness"].params.model_validate({"scale": 0.0})
