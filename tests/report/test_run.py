from judge.report.probes import Probed
from judge.report.run import run_report, same_judge


def test_every_figure_is_drawn_or_says_why_not(hostile, make_row, make_source):
    for source in (hostile(40), hostile(3), make_source([make_row(1, [None])]), make_source([])):
        report = run_report(source)
        names = [figure.name for figure in report.figures]
        assert len(set(names)) == len(names) == 12
        for figure in report.figures:
            assert bool(figure.missing) is not bool(figure.svg), figure.name
            assert bool(figure.table) is bool(figure.svg), figure.name


def test_a_rich_run_draws_all_figures(hostile):
    assert [one.name for one in run_report(hostile(60)).figures if one.missing] == []


def test_equal_runs_give_equal_reports(hostile):
    assert run_report(hostile(20), seed=3) == run_report(hostile(20), seed=3)


def test_only_a_probe_of_the_same_judge_is_on_its_card(make_row, make_source):
    source = make_source([make_row(1, [0.5])])
    same, other = (
        Probed({"attacks": [{"attack": "key", "rate": 0.5}], "record": {"recipe": "r1", **record}})
        for record in ({"engine": "e1"}, {"engine": "e2"})
    )
    report = run_report(source, [same])
    assert same_judge(same, report.record)
    assert not same_judge(other, report.record)
    assert "worst attack" in dict(report.card.measured)
    assert "worst attack" not in dict(run_report(source, [other]).card.measured)


def test_a_run_told_to_keep_no_texts_shows_none(hostile):
    source = hostile(10)._replace(plan={})
    assert run_report(source).cases
    bare = run_report(source._replace(plan={**PLAN, "texts": False}))
    assert bare.cases == ()


PLAN = {
    "engine": "e", "engines": {}, "recipe": "r", "recipe_id": "r", "rubric": None,
    "rubric_id": None, "data": [], "data_digest": [], "seed": 0, "profile_file": "",
    "calibration_file": None, "version": "0",
    "columns": {"names": {}, "group_by": None, "labels_from": 0},
    "options": {"prompts": None, "limit": None},
}  # fmt: skip
