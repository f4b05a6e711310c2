import pytest
from pydantic import ValidationError

from judge.checks import CHECKS, run_check


@pytest.mark.parametrize(
    ("name", "params", "text", "value"),
    [
        ("max_words", {"limit": 2}, "a b", 1.0),
        ("max_words", {"limit": 2}, "a b c", 0.0),
        ("min_words", {"limit": 2}, "a b", 1.0),
        ("min_words", {"limit": 2}, "a", 0.0),
        ("words", {"min": 2, "max": 3}, "a", 0.0),
        ("words", {"min": 2, "max": 3}, "a b", 1.0),
        ("words", {"min": 2, "max": 3}, "a b c d", 0.0),
        ("words", {"exactly": 2}, "a b", 1.0),
        ("words", {"exactly": 10, "tolerance": 0.1}, "a " * 11, 1.0),
        ("words", {"exactly": 10, "tolerance": 0.1}, "a " * 9, 1.0),
        ("words", {"exactly": 10, "tolerance": 0.1}, "a " * 12, 0.0),
        ("words", {"max": 10, "tolerance": 0.1}, "a " * 12, 0.0),
        ("words", {"min": 10, "tolerance": 0.1}, "a " * 8, 0.0),
        ("characters", {"max": 3}, "äöü", 1.0),
        ("characters", {"exactly": 0}, "", 1.0),
        ("sentences", {"exactly": 2}, "One. Two.", 1.0),
        ("sentences", {"min": 2}, "One.", 0.0),
        ("paragraphs", {"max": 1}, "a\n\nb", 0.0),
        ("length_share", {"target": 4}, "", 0.0),
        ("length_share", {"target": 4}, "a b c", 0.75),
        ("length_share", {"target": 4}, "a b c d", 1.0),
        ("length_share", {"target": 4}, "a " * 400, 1.0),
        ("length_share", {"target": 4, "unit": "characters"}, "ab", 0.5),
    ],
)
def test_values(name, params, text, value):
    assert run_check(name, params, text).value == value


def test_evidence_says_the_count():
    assert run_check("max_words", {"limit": 2}, "a b c").evidence == "3 words"
    assert run_check("words", {"min": 2}, "a").evidence == "1 word"


@pytest.mark.parametrize(
    "params",
    [{}, {"min": 3, "max": 2}, {"exactly": 2, "min": 1}, {"min": -1}, {"max": 1.5}, {"max": True}],
)
def test_limits_that_make_no_sense(params):
    with pytest.raises(ValidationError):
        CHECKS["words"].params.model_validate(params)


@pytest.mark.parametrize(
    ("name", "params", "sentence"),
    [
        ("max_words", {"limit": 1}, "has at most 1 word"),
        ("min_words", {"limit": 2}, "has at least 2 words"),
        ("words", {"min": 2, "max": 3}, "has 2 to 3 words"),
        ("sentences", {"exactly": 2}, "has exactly 2 sentences"),
        ("length_share", {"target": 100}, "has 100 words or nearly as many"),
    ],
)
def test_sentence(name, params, sentence):
    assert CHECKS[name].params.model_validate(params).sentence() == sentence
