import pytest
from pydantic import ValidationError

from judge.checks import CHECKS, run_check


@pytest.mark.parametrize(
    ("name", "params", "text", "value"),
    [
        ("contains", {"terms": ["a", "b"]}, "b and A", 1.0),
        ("contains", {"terms": ["a", "b"]}, "only a", 0.0),
        ("contains", {"terms": ["a", "b"], "min_terms": 1}, "only a", 1.0),
        ("contains", {"terms": "Rome", "case": True}, "rome", 0.0),
        ("contains", {"terms": "caf\u00e9"}, "CAFE\u0301", 1.0),
        ("contains", {"terms": "cat", "whole_word": True}, "concat", 0.0),
        ("excludes", {"terms": ["as an ai"]}, "As an AI model", 0.0),
        ("excludes", {"terms": ["as an ai"]}, "a plain text", 1.0),
        ("excludes", {"terms": "ai", "whole_word": True}, "a fair trail", 1.0),
        ("starts_with", {"terms": ["yes", "no"]}, "  No, because", 1.0),
        ("starts_with", {"terms": ["yes", "no"]}, "Maybe", 0.0),
        ("ends_with", {"terms": "."}, "Done. \n", 1.0),
        ("ends_with", {"terms": "."}, "Done", 0.0),
        ("contains", {"terms": "x"}, "", 0.0),
    ],
)
def test_values(name, params, text, value):
    assert run_check(name, params, text).value == value


def test_evidence_names_the_terms_as_written():
    assert run_check("contains", {"terms": ["Rome", "Oslo"]}, "oslo").evidence == "missing: Rome"
    assert run_check("excludes", {"terms": ["Rome", "Oslo"]}, "oslo").evidence == "found: Oslo"


@pytest.mark.parametrize(
    "params", [{"terms": []}, {"terms": [""]}, {"terms": [1]}, {"terms": "a", "min_terms": 2}]
)
def test_terms_that_make_no_sense(params):
    with pytest.raises(ValidationError):
        CHECKS["contains"].params.model_validate(params)
