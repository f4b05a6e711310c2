import pytest

from judge.errors import RubricError
from judge.rubrics import parse_rubric
from judge.rubrics.cases import Judged, pair_shortfalls, shortfalls

CRITERIA = [
    {"id": "answers", "question": "Does it answer?", "scale": ["missed", "partly", "fully"]},
    {"id": "short", "check": {"max_words": 5}},
]


def rubric(case):
    raw = {"schema": "rubric/v1", "id": "r", "criteria": CRITERIA, "tests": [case]}
    return parse_rubric(raw)


def single(**expect):
    return rubric({"name": "t", "prompt": "p", "response": "r", "expect": expect})


def lacking(r, levels=None, values=None, total=None):
    criteria = {criterion.id: criterion for criterion in r.enabled}
    return list(shortfalls(r.tests[0], criteria, Judged(levels or {}, values or {}, total)))


@pytest.mark.parametrize(
    ("expected", "level", "lacks"),
    [
        ("fully", 2, []),
        ("fully", 1, ["answers: partly, expected fully"]),
        (["partly", "fully"], 1, []),
        (["partly", "fully"], 0, ["answers: missed, expected partly or fully"]),
        ("fully", None, ["answers: no verdict, expected fully"]),
    ],
)
def test_levels(expected, level, lacks):
    assert lacking(single(answers=expected), levels={"answers": level}) == lacks


@pytest.mark.parametrize(
    ("bounds", "value", "lacks"),
    [
        ({"at_least": 0.5}, 0.5, []),
        ({"at_least": 0.5}, 0.4, ["answers: 0.400, expected at least 0.5"]),
        (
            {"at_least": 0.2, "at_most": 0.4},
            0.5,
            ["answers: 0.500, expected at least 0.2 and at most 0.4"],
        ),
        ({"at_most": 0.5}, None, ["answers: no verdict, expected at most 0.5"]),
    ],
)
def test_limits_of_a_value(bounds, value, lacks):
    assert lacking(single(answers=bounds), values={"answers": value}) == lacks


def test_total():
    r = single(total={"at_most": 0.2}, short="yes")
    assert lacking(r, levels={"short": 1}, total=0.1) == []
    assert lacking(r, levels={"short": 0}, total=0.3) == [
        "total: 0.300, expected at most 0.2",
        "short: no, expected yes",
    ]
    assert lacking(r, levels={"short": 1}) == ["total: no verdict, expected at most 0.2"]


def test_pairs():
    assert list(pair_shortfalls(0.6, 0.4)) == []
    assert list(pair_shortfalls(0.4, 0.4)) == ["better got 0.400, worse got 0.400"]
    assert list(pair_shortfalls(0.4, None)) == ["no verdict on the pair"]


def test_responses():
    assert single(short="yes").tests[0].responses == ("r",)
    pair = rubric({"name": "t", "prompt": "p", "better": "b", "worse": ""})
    assert pair.tests[0].responses == ("b", "")


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"response": "r"}, "'expect' is missing"),
        ({"better": "b"}, "both better and worse"),
        ({"better": "b", "worse": "w", "response": "r"}, "either"),
        ({"better": "b", "worse": "w", "expect": {"short": "yes"}}, "takes no expect"),
        ({"response": "r", "expect": {"shot": "yes"}}, "did you mean 'short'"),
        ({"response": "r", "expect": {"answers": "ful"}}, "did you mean 'fully'"),
        ({"response": "r", "expect": {"total": "fully"}}, "give limits"),
        ({"response": "r", "expect": {"total": {"atleast": 1}}}, "did you mean 'at_least'"),
        ({"response": "r", "expect": {"total": {}}}, "at_least or at_most"),
        (
            {"response": "r", "expect": {"total": {"at_least": 0.9, "at_most": 0.1}}},
            "above at_most",
        ),
        ({"response": "r", "expect": {"total": {"at_least": 2}}}, "less than or equal"),
        ({"response": "r", "expect": {"short": []}}, "expect a level"),
    ],
)
def test_refused(case, said):
    with pytest.raises(RubricError) as caught:
        rubric({"name": "t", "prompt": "p", **case})
    assert said in str(caught.value)
