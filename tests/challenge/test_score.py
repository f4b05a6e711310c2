import pytest

from judge.challenge.score import Seen, accuracies, accuracy, seen
from judge.errors import ConfigError
from judge.runs.dataset import Row
from judge.statistics import wilson
from judge.types import Group


def judged(values, label=0, phenomenon="number", source="s"):
    meta = {"phenomenon": phenomenon, "source": source}
    group = Group.of("ask", ["x", "y"], meta=meta)
    return Row("d", 1, group, label), {"values": values}


def test_the_higher_reward_must_be_the_good_ones():
    rows = [
        judged([0.9, 0.1]),
        judged([0.9, 0.1], label=1),
        judged([0.5, 0.5]),
        judged([None, 0.5], source="t"),
    ]
    assert seen(rows) == [
        Seen("number", "s", 1.0),
        Seen("number", "s", 0.0),
        Seen("number", "s", 0.5),
        Seen("number", "t", None),
    ]


def test_figures_stand_by_phenomenon():
    found = [Seen("b", f"s{k}", float(k < 6)) for k in range(10)]
    found += [Seen("a", "s0", 0.5), Seen("a", "s1", 1.0), Seen("a", "s2", None)]
    told = accuracies(found)
    assert list(told) == ["a", "b"]
    one = told["a"]
    assert (one.accuracy, one.strict, one.n, one.ties, one.unjudged) == (0.75, 0.5, 2, 1, 1)
    assert told["b"].accuracy == 0.6
    assert 0.0 < told["b"].low < 0.6 < told["b"].high < 1.0
    assert accuracy(found).n == 12
    assert accuracies(found, seed=3) == accuracies(found[::-1], seed=3)


def test_the_pairs_of_one_response_do_not_count_as_many():
    many = accuracy([Seen("a", f"s{k}", float(k % 2)) for k in range(40)])
    few = accuracy([Seen("a", f"s{k // 10}", float(k // 10 % 2)) for k in range(40)])
    assert few.high - few.low > 2 * (many.high - many.low)


def test_where_nothing_is_judged_nothing_is_claimed():
    told = accuracy([Seen("a", "s", None)])
    assert (told.accuracy, told.strict, told.low, told.high) == (None, None, 0.0, 1.0)
    alike = accuracy([Seen("a", f"s{k}", 1.0) for k in range(10)])
    assert (alike.low, alike.high) == pytest.approx(wilson(10, 10))


def test_other_data_are_an_error():
    row, result = judged([1, 0])
    other = Row("d", 7, Group.of("ask", ["x", "y"]), 0)
    with pytest.raises(ConfigError, match="row 7 is not of a challenge set"):
        seen([(row, result), (other, result)])
