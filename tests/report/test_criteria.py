import pytest

from judge.report.criteria import criteria, flips
from judge.synthesis.verdict_columns import Columns


def rows_of(make_row, n=30):
    return [make_row(k, [k / n, 1.0 - k / n, 0.4], label=0 if k > n / 2 else 1) for k in range(n)]


def by_name(told):
    return {figure.name: figure for figure in told[1]}


def test_criteria_that_mirror_each_other_are_correlated_fully(make_row):
    told = by_name(criteria(Columns.of(rows_of(make_row))))
    ((one, other, r),) = told["criteria-correlation"].table.rows
    assert {one, other} == {"clear", "true"}
    assert r == pytest.approx(-1.0)


def test_a_criterion_is_set_against_the_labels(make_row):
    told = by_name(criteria(Columns.of(rows_of(make_row))))
    chances = {row[0]: row[1] for row in told["criteria-labels"].table.rows}
    assert chances["clear"] > 0.9
    assert chances["true"] < 0.1


def test_shares_of_the_reward_add_up(make_row):
    told = by_name(criteria(Columns.of(rows_of(make_row))))
    assert sum(row[1] for row in told["criteria-reward"].table.rows) == pytest.approx(1.0)


def test_too_few_responses_are_not_correlated(make_row):
    told = by_name(criteria(Columns.of(rows_of(make_row, 3))))
    assert "20 responses" in told["criteria-correlation"].missing


def test_a_run_without_verdicts_draws_nothing(make_row):
    _, figures = criteria(Columns.of([make_row(1, [None])]))
    assert all(figure.missing for figure in figures)


def test_flips_are_told_of_criteria_asked_in_both_orders(make_row, make_pair):
    both = [make_pair(0, 1, 0.9), make_pair(1, 0, 0.9)]
    diagnosis, _ = criteria(Columns.of([make_row(1, [0.5, 0.5], verdicts=both)]))
    ((name, value, low, high),) = flips(diagnosis)
    assert (name, value) == ("clear", 1.0)
    assert low < 1.0 == high
