from judge.report.collected import Collected
from judge.report.cost import spent
from judge.report.finding import finding, overall

PLAN = {"engine": "vllm:m", "recipe_id": "pointwise"}


def test_a_run_without_any_reward_says_so_first(make_row):
    told = finding(PLAN, Collected.of([make_row(1, [None, None])]))
    assert told.startswith("No response has a reward: all 2 responses of 1 groups")
    assert "timeout 2" in told


def test_an_empty_run_says_that_nothing_is_known():
    assert "no result" in finding(PLAN, Collected())


def test_agreement_is_told_with_its_interval_and_what_it_leaves_out(make_row):
    rows = [make_row(k, [0.9, 0.1], label=int(k >= 8)) for k in range(10)]
    told = finding(PLAN, Collected.of([*rows, make_row(11, [0.9, None], label=0)]))
    assert "The judge (vllm:m, recipe pointwise) gave 21 of 22 responses a reward" in told
    assert "80 % of the 10 labelled groups judged in full (95 % interval 49 to 94)" in told


def test_without_labels_agreement_is_not_known(make_row):
    assert "nothing is labelled" in finding({}, Collected.of([make_row(1, [0.5, 0.1])]))
    broken = Collected.of([make_row(1, [0.5, None], label=0)])
    assert "none of 1 labelled groups was judged in full" in finding({}, broken)


def test_flips_are_told_where_both_orders_were_asked(make_row, make_pair):
    both = [make_pair(0, 1, 0.9), make_pair(1, 0, 0.9)]
    told = finding({}, Collected.of([make_row(1, [0.5, 0.5], verdicts=both)]))
    assert "100 % of 1 pairs flip" in told


def runs(make_row, **right):
    for name, hits in right.items():
        rows = [make_row(k, [0.9, 0.1], label=int(k >= hits)) for k in range(100)]
        yield spent(name, Collected.of(rows))


def test_the_best_of_several_runs_is_named_with_those_it_cannot_be_told_from(make_row):
    told = overall(list(runs(make_row, far=20, near=78, best=80)))
    assert "Of 3 runs, best agrees most often with the labels: 80 % of 100" in told
    assert "the interval of near overlaps" in told
    assert "far" not in told


def test_runs_without_labels_are_not_ranked(make_row):
    bare = spent("bare", Collected.of([make_row(1, [0.5])]))
    assert "is not known" in overall([bare, bare])
