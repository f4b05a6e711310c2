import numpy as np
import pytest

from judge.metaeval.calibrate import LabelledPair
from judge.report.agreement import LEAST, drawn_reliability, flip_rates, reliability_figure
from judge.report.collected import Collected
from judge.report.criteria import criteria
from judge.types import Comparison


def flips_of(rows):
    found = Collected.of(rows)
    return flip_rates(found, criteria(found.columns)[0])


def test_flips_are_counted_over_pairs_in_both_orders(make_row, make_pair):
    turned, steady = ([make_pair(0, 1, 0.9), make_pair(1, 0, back)] for back in (0.8, 0.1))
    rows = [make_row(k, [0.5, 0.5], verdicts=turned if k < 2 else steady) for k in range(8)]
    figure = flips_of(rows)
    whole, clear = figure.table.rows
    assert whole[:2] == ("all together", 0.25)
    assert clear[:2] == ("clear", 0.25)
    assert "first wins 62 %" in figure.caption


def test_one_order_says_that_flips_are_not_known(make_row, make_pair):
    figure = flips_of([make_row(1, [0.5, 0.5], verdicts=[make_pair(0, 1, 0.9)])])
    assert "not known" in figure.missing


def pairs(n, right, p):
    """`n` labelled pairs of which the share `right` is right, either side better as often."""
    for k in range(n):
        won = k < right * n
        first = k % 2 == 0
        share = p if first else 1.0 - p
        yield LabelledPair(Comparison(0, 1, share, 0.0, 1.0 - share), first == won, f"g{k}")


def test_a_judge_as_right_as_it_says_is_on_the_diagonal():
    told = [*pairs(1000, 0.6, 0.6), *pairs(1000, 0.9, 0.9)]
    figure = drawn_reliability(told, seed=0)
    stated, observed = (np.array([row[at] for row in figure.table.rows]) for at in (3, 4))
    assert stated.min() >= 0.5
    assert stated == pytest.approx(observed, abs=1e-6)


def test_a_judge_that_is_too_sure_is_below_it():
    figure = drawn_reliability(list(pairs(500, 0.7, 0.95)), seed=0)
    (row,) = figure.table.rows
    assert row[3] == pytest.approx(0.95)
    assert row[4] == pytest.approx(0.7)
    assert "calibration error 0.250" in figure.caption


def test_few_pairs_and_sure_ties_are_not_drawn():
    assert drawn_reliability(list(pairs(LEAST - 1, 0.7, 0.9)), seed=0).missing
    tie = LabelledPair(Comparison(0, 1, 0.0, 1.0, 0.0), True, "g")
    assert drawn_reliability([tie] * LEAST, seed=0).missing.startswith("0 labelled")


def test_labels_of_a_run_are_joined_with_its_comparisons(make_row, make_pair, make_source):
    both = [make_pair(0, 1, 0.9), make_pair(1, 0, 0.2)]
    rows = [make_row(k, [0.9, 0.1], verdicts=both, label=k % 2) for k in range(LEAST)]
    figure = reliability_figure(make_source(rows), seed=0)
    assert sum(row[2] for row in figure.table.rows) == 2 * LEAST
