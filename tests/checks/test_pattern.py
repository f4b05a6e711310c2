import pytest
from pydantic import ValidationError

from judge.checks import CHECKS, run_check
from judge.checks.pattern import MAX_TEXT


@pytest.mark.parametrize(
    ("params", "text", "value"),
    [
        ({"pattern": r"\d{4}"}, "in 1999", 1.0),
        ({"pattern": r"^\d{4}$"}, "in 1999", 0.0),
        ({"pattern": r"\d", "negate": True}, "none", 1.0),
        ({"pattern": "(?i)hello"}, "HELLO", 1.0),
        ({"pattern": "(?m)^- "}, "a\n- b", 1.0),
        ({"pattern": "^- "}, "a\n- b", 0.0),
        ({"pattern": "(?m)^- ", "min_count": 3}, "- a\n- b\n- c", 1.0),
        ({"pattern": "(?m)^- ", "min_count": 4}, "- a\n- b\n- c", 0.0),
        ({"pattern": "(?m)^- ", "max_count": 2}, "- a\n- b\n- c", 0.0),
        ({"pattern": "(?m)^- ", "max_count": 3}, "- a\n- b\n- c", 1.0),
        ({"pattern": "a|b", "min_count": 2}, "xaxb", 1.0),
        ({"pattern": "\\x00"}, "a\x00b", 1.0),
        ({"pattern": "a.b"}, "a\ud800b", 1.0),
        ({"pattern": "😀"}, "\ud83d\ude00", 1.0),
        ({"pattern": "x"}, "", 0.0),
    ],
)
def test_values(params, text, value):
    assert run_check("regex", params, text).value == value


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"^(a|a)*$", r"(.*)*[xy]", r"a*a*a*a*a*b", r"\s+$"])
def test_patterns_that_make_a_backtracking_engine_hang_are_decided(pattern):
    # Python's own `re` needs years for the first of these: a pass shows that it is not used.
    assert run_check("regex", {"pattern": pattern}, "a" * 50_000 + " " * 50_000 + "!").value == 0.0


def test_text_beyond_the_limit_is_unknown():
    assert run_check("regex", {"pattern": "a"}, "a" * (MAX_TEXT + 1)).value is None


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"pattern": "(a"}, "unclosed group"),
        ({"pattern": r"(a)\1"}, "backreferences are not supported"),
        ({"pattern": "(?=a)"}, "look-around"),
        ({"pattern": "((a{1000}){1000}){1000}"}, "too large"),
        ({"pattern": "a" * 2000}, "1000 characters"),
        ({"pattern": ""}, "at least 1 character"),
        ({"pattern": "a", "min_count": 3, "max_count": 2}, "below min_count"),
    ],
)
def test_patterns_that_are_refused(params, said):
    with pytest.raises(ValidationError, match=said):
        CHECKS["regex"].params.model_validate(params)
