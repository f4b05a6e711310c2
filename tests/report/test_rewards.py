import pytest

from judge.report.collected import Collected
from judge.report.rewards import DRAWN, MEANS, by_length, rewards


def test_each_series_counts_its_own_values(make_row):
    rows = [make_row(k, [k / 20.0, None, 0.3], label=0) for k in range(20)]
    figure = rewards(Collected.of(rows))
    assert figure.table.columns == ("from", "to", "all", "labelled the best", "others")
    sums = [sum(row[at] for row in figure.table.rows) for at in (2, 3, 4)]
    assert sums == [40, 20, 20]


def test_without_a_reward_there_is_no_figure(make_row):
    assert "no response has a reward" in rewards(Collected.of([make_row(1, [None])])).missing


def test_equal_rewards_are_named(make_row):
    figure = rewards(Collected.of([make_row(1, [0.5, 0.5])]))
    assert "All are equal" in figure.caption


def test_few_responses_are_told_one_by_one():
    figure = by_length([10, 20], [0.1, 0.9])
    assert figure.table.rows == ((10, 0.1), (20, 0.9))
    assert "r is 1.00" in figure.caption


def test_many_responses_are_gathered_and_none_is_lost():
    n = DRAWN + 100
    figure = by_length([10 + k % 50 for k in range(n)], [(k % 50) / 50 for k in range(n)])
    assert len(figure.table.rows) == MEANS
    assert figure.svg.count("<circle") <= 50
    means = [reward for _, reward in figure.table.rows]
    assert means == sorted(means)


def test_lengths_far_apart_are_drawn_by_their_logarithm():
    assert "logarithm" in by_length([0, 5, 10_000], [0.1, 0.2, 0.3]).svg
    assert "logarithm" not in by_length([90, 95, 100], [0.1, 0.2, 0.3]).svg


@pytest.mark.parametrize(
    ("sizes", "paid"), [([5, 5], [0.1, 0.9]), ([5, 9], [0.1, 0.1]), ([5], [1])]
)
def test_what_does_not_vary_has_no_correlation(sizes, paid):
    assert "does not vary" in by_length(sizes, paid).caption


def test_unknown_lengths_say_why():
    assert by_length([], [], "the data is gone").missing == "the data is gone"
    assert "no response has a reward" in by_length([], []).missing
