from judge.report.collected import Collected
from judge.report.coverage import coverage, failures


def test_statuses_add_up_to_the_responses(make_row):
    found = Collected.of([make_row(1, [0.5, None, 0.1])])
    figure = coverage(found)
    assert dict(figure.table.rows) == {"ok": 2, "gated": 0, "skipped": 0, "failed": 1}
    assert "2 of 3 responses" in figure.caption


def test_an_empty_run_says_so():
    assert "no result" in coverage(Collected()).missing


def test_failures_are_counted_by_kind_and_stage(make_row):
    late = {"stage": "engine", "kind": "timeout", "call": "c"}
    rows = [make_row(1, [None, 0.5], failures=[late, late]), make_row(2, [0.5])]
    figure = failures(Collected.of(rows))
    assert set(figure.table.rows) == {
        ("judgement", "engine", "timeout", 2),
        ("response without a reward", "engine", "timeout", 1),
    }


def test_where_nothing_failed_nothing_is_drawn(make_row):
    assert failures(Collected.of([make_row(1, [0.5])])).missing == "nothing failed"
