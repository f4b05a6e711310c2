import pytest

from judge.rubrics import parse_rubric
from judge.rubrics.describe import describe, shares


def criterion(**fields):
    raw = {"schema": "rubric/v1", "id": "r", "criteria": [{"id": "c", **fields}]}
    return parse_rubric(raw).criteria[0]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"question": "Is it so?"}, 'c (weight 1): the judge is asked "Is it so?".'),
        (
            {"question": "Is it so?", "kind": "pitfall", "weight": 2.5},
            'c (weight 2.5): the judge is asked "Is it so?", where "yes" is a mistake.',
        ),
        (
            {
                "question": "Is it so?",
                "tier": "core",
                "scale": ["a", "b", "c"],
                "gate": {"below": "c", "then": "cap", "at": 0.2},
            },
            'c (core): the judge is asked "Is it so?", 3 levels from a to c;'
            ' "a" or "b" caps the total at 0.2.',
        ),
        (
            {"check": {"max_words": 3}, "gate": {"below": "yes", "then": "drop"}},
            "c (weight 1): a program checks that the response has at most 3 words;"
            " failing takes the response out of its group.",
        ),
        (
            {"check": "degenerate", "hybrid": True, "question": "Is it so?"},
            "c (weight 1): a program checks that the response is more than white space and"
            ' punctuation, and if it cannot tell the judge is asked "Is it so?".',
        ),
        (
            {"question": "What is wrong?", "scale": {"errors": {"aspects": ["facts", "style"]}}},
            'c (weight 1): the judge is asked "What is wrong?", and lists errors of facts, style.',
        ),
    ],
)
def test_one_sentence(fields, sentence):
    assert describe(criterion(**fields)) == sentence


def test_shares_add_up_and_are_unknown_with_tiers():
    criteria = [
        {"id": "a", "question": "A?", "weight": 3},
        {"id": "b", "question": "B?"},
        {"id": "c", "question": "C?", "enabled": False},
    ]
    rubric = {"schema": "rubric/v1", "id": "r", "criteria": criteria}
    assert shares(parse_rubric(rubric)) == {"a": 0.75, "b": 0.25}
    criteria[1]["tier"] = "core"
    assert shares(parse_rubric(rubric)) == {}
