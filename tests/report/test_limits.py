import pytest

from judge.report.collected import Collected
from judge.report.limits import limits
from judge.synthesis.diagnose import diagnose


def told(rows, plan=None, probed=False):
    found = Collected.of(rows)
    summary = found.summary.as_dict()
    return "\n".join(limits(summary, plan or {}, found, diagnose(rows), probed=probed))


def test_every_limit_is_named_where_it_holds_and_only_there(make_row, make_pair):
    steady = [make_pair(0, 1, 0.9), make_pair(1, 0, 0.1)]
    rows = [make_row(k, [0.9, 0.1], label=0, verdicts=steady) for k in range(200)]
    (only, *rest) = told(rows, probed=True).splitlines()
    assert only.startswith("All figures hold for this judge")
    assert all(line.startswith("Criterion") for line in rest)


def test_missing_rewards_are_named(make_row):
    assert "1 responses (50 %) have no reward" in told([make_row(1, [0.5, None])])
    assert "nothing was measured" in told([make_row(1, [None])])


def test_missing_labels_are_named(make_row):
    assert "Nothing is labelled" in told([make_row(1, [0.5, 0.1])])
    assert "None of 1 labelled groups" in told([make_row(1, [0.5, None], label=0)])
    assert "Only 1 groups are labelled" in told([make_row(1, [0.5, 0.1], label=0)])


def test_the_order_is_named(make_row, make_pair):
    once = [make_row(1, [0.5, 0.5], verdicts=[make_pair(0, 1, 0.9)])]
    assert "one order" in told(once)
    turned = [make_pair(0, 1, 0.9), make_pair(1, 0, 0.9)]
    rows = [make_row(k, [0.5, 0.5], verdicts=turned) for k in range(20)]
    assert "100 % of pairs flip" in told(rows)
    assert "The side shown first wins 100 %" in told(rows)


@pytest.mark.parametrize(("r", "named"), [(0.5, True), (-0.4, True), (0.1, False)])
def test_length_is_named(make_row, r, named):
    rows = [make_row(1, [0.5, 0.1], metrics={"length_correlation": r})]
    assert ("Rewards go with length" in told(rows)) is named


def test_several_engines_are_named(make_row):
    rows = [make_row(k, [0.5], record={"engine": f"e{k}"}) for k in range(2)]
    assert "more than one engine" in told(rows)


def test_a_breached_guard_is_named(make_row, make_pair):
    plan = {"resolved": {"recipe": {"guards": {"max_flip_rate": 0.1}}}}
    turned = [make_pair(0, 1, 0.9), make_pair(1, 0, 0.9)]
    assert "max_flip_rate: 1.000 is above 0.1" in told(
        [make_row(1, [0.5, 0.5], verdicts=turned)], plan
    )


def test_a_judge_that_was_not_probed_is_named(make_row):
    rows = [make_row(1, [0.5, 0.1])]
    assert "No probe" in told(rows)
    assert "No probe" not in told(rows, probed=True)
