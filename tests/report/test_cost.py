import pytest

from judge.report.collected import Collected
from judge.report.cost import agreement_by_cost, spent


def run(make_row, right, calls=2, n=20):
    usage = {"calls": calls, "prompt_tokens": 0, "completion_tokens": 0, "seconds": 0.0}
    rows = [make_row(k, [0.9, 0.1], label=int(k >= right), usage=usage) for k in range(n)]
    return Collected.of(rows)


def test_agreement_and_cost_are_told_of_each_run(make_row):
    one = spent("one", run(make_row, 15, calls=6))
    assert (one.agreement, one.calls, one.labelled) == (0.75, 6.0, 20)
    assert one.low < 0.75 < one.high


def test_runs_are_set_against_each_other(make_row):
    runs = [spent("cheap", run(make_row, 10)), spent("dear", run(make_row, 18, calls=8))]
    figure = agreement_by_cost(runs)
    assert "dear agrees most often: 90 %" in figure.caption
    assert "judge calls a group" in figure.svg
    assert [row[0] for row in figure.table.rows] == ["cheap", "dear"]
    assert figure.svg.count("<circle") == 2


def test_a_run_without_labels_is_in_the_numbers_alone(make_row):
    bare = spent("bare", Collected.of([make_row(1, [0.5, 0.2])]))
    assert bare.agreement is None
    figure = agreement_by_cost([spent("told", run(make_row, 10)), bare])
    assert figure.svg.count("<circle") == 1
    assert len(figure.table.rows) == 2
    assert agreement_by_cost([bare, bare]).missing == "no run has labels"


@pytest.mark.parametrize("calls", [[1, 1], [1, 1000], [0, 5]])
def test_costs_of_any_size_are_drawn(make_row, calls):
    runs = [spent(str(k), run(make_row, 5, calls=one)) for k, one in enumerate(calls)]
    assert agreement_by_cost(runs).svg.count("<circle") == 2
