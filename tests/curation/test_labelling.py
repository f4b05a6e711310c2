import json

import pytest

from judge.cli.rubric_pairs import read_pairs
from judge.curation.label_file import LabelFile
from judge.curation.labelling import Sitting, waiting
from judge.runs.dataset import Row
from judge.types import Group


def judged(name, shares, *, label=None, ranking=None, texts=("left", "right")):
    """A row of a run: P(the first is better) in one display order, or in both."""
    group = Group.of(f"prompt {name}", [f"{text} {name}" for text in texts], id=name, context="c")
    verdicts = []
    for order, share in enumerate(shares):
        at = {"first": order, "second": 1 - order}
        p = share if order == 0 else 1.0 - share
        verdicts.append({"kind": "pairwise", **at, "p_first": p, "p_tie": 0.0, "p_second": 1.0 - p})
    return Row("d", 1, group, label, ranking), {"verdicts": verdicts, "rewards": []}


ROWS = [
    judged("sure", [0.99, 0.97]),
    judged("close", [0.6, 0.55]),
    judged("flip", [0.9, 0.2]),
    judged("wrong", [0.9, 0.9], label=1),
    judged("wronger", [0.8, 0.8], ranking=((1,), (0,))),
    judged("right", [0.7], label=0),
]
ORDER = ["wronger", "wrong", "flip", "close", "right", "sure"]


@pytest.fixture
def file(tmp_path):
    with LabelFile(tmp_path / "labels.jsonl") as made:
        yield made


def ids(items):
    return [item.group.id for item in items]


def test_contradictions_come_first_then_flips_then_low_margins():
    assert ids(waiting(ROWS, done=set(), most=10)) == ORDER
    assert ids(waiting(ROWS[::-1], done=set(), most=10)) == ORDER
    assert ids(waiting(ROWS, done=set(), most=2)) == ORDER[:2]


def test_at_random_the_verdicts_decide_nothing():
    rows = [judged(f"g{k}", [0.5 + k / 40]) for k in range(20)]
    other = [judged(f"g{k}", [1.0 - k / 40, 0.1]) for k in range(20)]
    first, second = (
        ids(waiting(given, done=set(), most=20, seed=5, at_random=True)) for given in (rows, other)
    )
    assert first == second
    assert first != ids(waiting(rows, done=set(), most=20, seed=6, at_random=True))
    assert sorted(first) == sorted(row.group.id for row, _ in rows)


def test_a_pair_waits_once_and_not_with_a_label_or_equal_texts():
    items = waiting([*ROWS, *ROWS, judged("same", [0.5], texts=("a", "a"))], done=set(), most=99)
    assert ids(items) == ORDER
    done = {items[0].key, items[3].key}
    assert ids(waiting(ROWS, done=done, most=99)) == [ORDER[k] for k in (1, 2, 4, 5)]


def test_sides_are_drawn_by_the_seed_alone():
    rows = [judged(f"g{k}", [0.6]) for k in range(200)]
    drawn = {item.group.id: item.turned for item in waiting(rows, done=set(), most=200, seed=1)}
    again = waiting(rows[::-1], done=set(), most=200, seed=1)
    assert drawn == {item.group.id: item.turned for item in again}
    other = waiting(rows, done=set(), most=200, seed=2)
    assert drawn != {item.group.id: item.turned for item in other}
    assert 60 < sum(drawn.values()) < 140
    for item in again:
        left, right = item.group.responses
        assert item.shown == ((right, left) if item.turned else (left, right))


def test_answers_name_the_response_that_was_shown(file):
    items = waiting(ROWS, done=set(), most=10)
    sitting = Sitting(items, file)
    chosen = []
    for key in ("1", "2", "1", "2", "1", "2"):
        chosen.append(sitting.current.shown[int(key) - 1].text)
        assert sitting.press(key) == "next"
    assert sitting.press("1") == "quit"
    pairs = read_pairs([file.path], None, 0, None)
    assert [pair.responses[0].text for pair in pairs] == chosen
    assert [pair.id for pair in pairs] == ORDER
    assert all(pair.context == "c" for pair in pairs)
    assert {item.turned for item in items} == {True, False}


def test_ties_and_skips_teach_nothing_and_skips_come_back(file):
    sitting = Sitting(waiting(ROWS, done=file.done, most=10), file)
    assert [sitting.press(key) for key in "ts1q"] == ["next", "next", "next", "quit"]
    assert sitting.labelled == 2
    (pair,) = read_pairs([file.path], None, 0, None)
    assert pair.id == ORDER[2]
    assert ids(waiting(ROWS, done=file.done, most=10)) == [ORDER[k] for k in (1, 3, 4, 5)]


def test_undo_goes_back_over_labels_and_skips(file):
    sitting = Sitting(waiting(ROWS, done=file.done, most=10), file)
    assert sitting.press("u") == "nothing"
    for key in "1s2":
        sitting.press(key)
    assert [sitting.press("u") for _ in range(3)] == ["undone"] * 3
    assert sitting.current.group.id == ORDER[0]
    assert file.path.read_bytes() == b""
    for _ in ORDER:
        sitting.press("t")
    assert sitting.current is None
    assert sitting.press("u") == "undone"
    assert sitting.current.group.id == ORDER[-1]


def test_other_keys_do_nothing(file):
    sitting = Sitting(waiting(ROWS, done=set(), most=10), file)
    assert {sitting.press(key) for key in "x3 \n"} == {"unknown"}
    assert sitting.labelled == 0
    assert file.path.read_bytes() == b""


def test_agreement_is_counted_from_answers(file):
    rows = [judged("a", [0.9]), judged("b", [0.9]), judged("c", [0.5]), judged("d", [0.9])]
    sitting = Sitting(waiting(rows, done=set(), most=9), file)
    while (item := sitting.current) is not None:
        wanted = {"a": 0, "b": 1, "c": 0, "d": None}[item.group.id]
        sitting.press("t" if wanted is None else "2" if item.turned == (wanted == 0) else "1")
    assert sitting.agreement() == (1.5, 3)


def test_of_a_larger_group_each_two_are_a_pair(file):
    group = Group.of([{"role": "user", "content": "ask"}], ["x", "y", "z"], id="g")
    told = [{"value": value, "standard_error": None} for value in (0.1, 0.9, 0.5)]
    items = waiting(
        [(Row("d", 1, group, 1), {"verdicts": [], "rewards": told})], done=set(), most=9
    )
    assert {(item.i, item.j) for item in items} == {(0, 1), (0, 2), (1, 2)}
    sitting = Sitting(items, file)
    for _ in items:
        sitting.press("1")
    rows = [json.loads(line) for line in file.path.read_text().splitlines()]
    assert {row["id"] for row in rows} == {"g/0-1", "g/0-2", "g/1-2"}
    assert len(read_pairs([file.path], None, 0, None)) == 3
