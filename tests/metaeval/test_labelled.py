import pytest

from judge.errors import ConfigError
from judge.metaeval.labelled import (
    Labels,
    by_id,
    joined,
    labelled_levels,
    labelled_pairs,
    labels_of,
    prompt_key,
)
from judge.runs.dataset import Row
from judge.types import Comparison, Group


def pair(first, second, p=0.7, **fields):
    told = {"kind": "pairwise", "first": first, "second": second, "p_first": p, "p_tie": 0.1}
    return {**told, "p_second": round(0.9 - p, 3), "log_odds": None, "call": "c", **fields}


def part(name, *chances, **fields):
    return {"criterion_id": name, "probabilities": list(chances), "by": "judge", **fields}


def row(*verdicts, n=3, **fields):
    return {"group_id": "g", "values": [None] * n, "verdicts": list(verdicts), **fields}


def of(meta, n=2, label=None, ranking=None):
    group = Group.of("Say it.", [f"r{k}" for k in range(n)], meta=meta)
    return Row("data.jsonl", 7, group, label, ranking)


def test_comparisons_in_which_the_best_takes_part():
    rows = [(row(pair(2, 0), pair(1, 2), {"kind": "pointwise"}), Labels("p", 3, 0))]
    (found,) = labelled_pairs(rows)
    assert found == (Comparison(2, 0, 0.7, 0.1, 0.2), False, "p")


def test_a_ranking_labels_all_pairs_but_ties():
    told = [pair(0, 1), pair(1, 2), pair(2, 0)]
    found = labelled_pairs([(row(*told), Labels("p", 3, ((2,), (0, 1))))])
    assert [(one.comparison.first, one.first_better) for one in found] == [(1, False), (2, True)]


def test_pairs_in_both_orders_alone_where_there_are_any():
    rows = [
        (row(pair(0, 1), pair(1, 0, 0.2)), Labels("p", 3, 0)),
        (row(pair(0, 1)), Labels("q", 3, 0)),
    ]
    found = labelled_pairs(rows)
    assert [(one.prompt, one.first_better) for one in found] == [("p", True), ("p", False)]
    assert len(labelled_pairs(rows[1:])) == 1


def test_what_checks_decide_is_not_the_judges():
    assert labelled_pairs([(row(pair(0, 1, call="")), Labels("p", 3, 0))]) == []


def test_labels_by_id_or_the_rows_own():
    rows = [row(label=1), row(group_id="h")]
    assert [labels for _, labels in joined(rows)] == [Labels("g", 3, 1)]
    known = by_id([("h", Labels("p", 3, 2)), ("x", Labels("p", 3, 0))])
    assert [labels.order for _, labels in joined(rows, known)] == [2]
    with pytest.raises(ConfigError, match="3 responses, its labels 2"):
        list(joined(rows, {"g": Labels("p", 2, 0)}))
    with pytest.raises(ConfigError, match="different labels"):
        by_id([("h", Labels("p", 3, 2)), ("h", Labels("p", 3, 1))])


def test_equal_prompts_are_one_cluster():
    one, other = of({}, label=1), of({}, n=3, ranking=((1,), (0, 2)))
    assert labels_of(one) == Labels(prompt_key(other.group), 2, 1)
    assert labels_of(other).order == ((1,), (0, 2))


@pytest.fixture
def rubric(make_rubric):
    return make_rubric(
        "good",
        {"id": "bad", "kind": "pitfall"},
        {"id": "deep", "scale": "1..5"},
        {"id": "long", "check": {"max_words": 5}},
    )


def test_levels_by_name_or_number(rubric):
    told = [{"good": "Yes", "deep": 4, "bad": None}, {"good": 0, "deep": "1", "bad": True}]
    assert labels_of(of({"levels": told}), rubric).levels == (
        {"good": 1, "deep": 3},
        {"good": 0, "deep": 0, "bad": 1},
    )
    assert labels_of(of({"right": told}), rubric, column="right").levels[0]["good"] == 1
    from_one = labels_of(of({"levels": [{"good": 2}, None]}), rubric, start=1)
    assert from_one.levels == ({"good": 1}, {})


def test_one_criterion_needs_no_name(make_rubric):
    told = labels_of(of({"levels": [1, "no"]}), make_rubric("good"))
    assert told.levels == ({"good": 1}, {"good": 0})


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([1, 0], "names no criterion"),
        ([{"good": 1}], "one entry a response"),
        ("10", "one entry a response"),
        ([{"good": 2}, {}], "not a level of good"),
        ([{"good": "perhaps"}, {}], "not a level of good"),
        ([{"good": 0.5}, {}], "not a level of good"),
        ([{"deep": True}, {}], "not a level of deep"),
        ([{"deep": 0}, {}], "not a level of deep"),
        ([{"god": 1}, {}], "god is not judged"),
        ([{"long": 1}, {}], "long is not judged"),
    ],
)
def test_levels_that_are_none_are_refused_with_their_place(rubric, told, said):
    with pytest.raises(ConfigError, match=f"data.jsonl: row 7: levels.*{said}"):
        labels_of(of({"levels": told}), rubric)


def test_verdicts_on_labelled_criteria(rubric):
    labels = Labels("p", 2, None, ({"good": 1, "bad": 0, "deep": 2}, {}))
    point = {
        "kind": "pointwise",
        "response": 0,
        "parts": [
            part("good", 0.3, 0.7),
            part("bad", 0.9, 0.1),
            part("deep"),
            part("long", 0.0, 1.0, by="check"),
        ],
    }
    other = {"kind": "pointwise", "response": 1, "parts": [part("good", 0.5, 0.5)]}
    found = labelled_levels([(row(point, other, pair(0, 1)), labels)], rubric)
    assert found == [((0.3, 0.7), 1, "p"), ((0.1, 0.9), 1, "p")]


def test_verdicts_of_lists_count_for_each_response(rubric):
    listing = {
        "kind": "listing",
        "responses": [1, 0],
        "parts": [[part("good", 0.2, 0.8)], [part("good", 0.6, 0.4)]],
    }
    labels = Labels("p", 2, None, ({"good": 0}, {"good": 1}))
    found = labelled_levels([(row(listing), labels)], rubric)
    assert found == [((0.2, 0.8), 1, "p"), ((0.6, 0.4), 0, "p")]
