import importlib.util

import pytest

from judge.checks import run_check
from judge.errors import CheckError

pytest.importorskip("math_verify")


@pytest.mark.parametrize(
    ("answer", "text", "value"),
    [
        ("1/2", "0.5", 1.0),
        (r"\frac{1}{2}", r"so it is $\boxed{\frac{2}{4}}$", 1.0),
        ("42", "The answer is 42.", 1.0),
        ("42", "The answer is 41.", 0.0),
        ("x^2+2x+1", "$(x+1)^2$", 1.0),
        (r"\{1,2\}", r"$\{2,1\}$", 1.0),
        ("(1,2)", "$(2,1)$", 0.0),
        (r"\sqrt{2}", "1.414214", 1.0),
        (r"\sqrt{2}", "1.41", 0.0),
        ("The answer is 5", "5", 1.0),
        ("7", "\ud800 $7$", 1.0),
        ("5", "I do not know", None),
        ("5", "", None),
    ],
)
def test_values(answer, text, value):
    assert run_check("math_equivalent", {"answer": answer}, text).value == value
    assert run_check("math_equivalent", {}, text, reference=answer).value == value


@pytest.mark.parametrize(
    ("params", "text", "value"),
    [
        ({"where": "tag"}, "5 <answer>3</answer>", 1.0),
        ({"where": "tag"}, "3", None),
        ({"where": "auto"}, "So it is 3.", 1.0),
        ({"where": "auto"}, "So it is 4.", 0.0),
        ({"digits": 2}, "3.001", 1.0),
        ({"digits": 6}, "3.001", 0.0),
    ],
)
def test_parameters(params, text, value):
    assert run_check("math_equivalent", {"answer": "3.0", **params}, text).value == value


def test_sets_and_relations():
    for sets in (True, False):
        params = {"answer": "(1,2)", "sets": sets}
        assert run_check("math_equivalent", params, "$1<x<2$").value == float(sets)


def test_what_takes_for_ever_is_unknown_and_the_next_one_is_decided():
    params = {"answer": "10", "timeout_s": 1.0}
    assert run_check("math_equivalent", params, "$9^{9^{9^{9^9}}}$").value is None
    assert run_check("math_equivalent", params, "10").value == 1.0


def test_without_a_right_answer_it_is_unknown():
    assert run_check("math_equivalent", {}, "1").value is None


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CheckError, match=r"judge-rm\[checks\]"):
        run_check("math_equivalent", {"answer": "1"}, "1")
