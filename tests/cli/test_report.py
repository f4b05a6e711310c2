import csv
import json

import pytest

from judge.errors import ConfigError


def test_one_command_writes_a_page_and_its_numbers(command, judged, tmp_path):
    page, numbers = tmp_path / "site" / "report.html", tmp_path / "numbers"
    said = command("report", judged, "--out", page, "--csv", numbers).stdout
    assert "gave all 36 responses a reward" in said
    assert "75 % of the 12 labelled groups" in said
    told = page.read_text("utf-8")
    for text in ("Judge card", "Leaderboard", "by far the longest text", "SECRETTEXT"):
        assert text in told
    board = list(csv.DictReader((numbers / "leaderboard.csv").open()))
    assert [row["system"] for row in board] == ["big", "mid", "low"]
    assert [float(row["rank"]) for row in board] == [1, 2, 3]
    worst = list(csv.DictReader((numbers / "disagreements.csv").open()))
    assert {row["group"] for row in worst} == {"g0", "g4", "g8"}


def test_several_runs_are_set_against_each_other(command, judged, run_arguments, tmp_path):
    other, page = tmp_path / "other", tmp_path / "report.html"
    command(*run_arguments("pointwise"), "--out", other)
    told = json.loads(
        command("report", judged, other, "--out", page, "--csv", tmp_path / "n", "--json").stdout
    )
    assert told["finding"].startswith("Of 2 runs, ")
    names = {name.rpartition("/")[2] for name in told["csv"]}
    assert {"agreement-by-cost.csv", "run1-rewards.csv", "run2-rewards.csv"} <= names
    assert "Agreement against cost" in page.read_text("utf-8")


def test_what_judge_probe_prints_is_read(command, judged, tmp_path):
    probe = tmp_path / "probe.json"
    asked = ["probe", "--rubric", "demo/short", "--recipe", "pointwise", "--limit", "2", "--json"]
    probe.write_text(command(*asked).stdout)
    page = tmp_path / "report.html"
    command("report", judged, "--probe", probe, "--out", page)
    assert "Attacks that are paid: recipe pointwise" in page.read_text("utf-8")
    assert "not the judge of the report" in page.read_text("utf-8")


def test_without_texts_and_without_data_the_numbers_remain(
    command, run_arguments, three_systems, tmp_path
):
    folder, page = tmp_path / "run", tmp_path / "report.html"
    command(*run_arguments(), "--no-store-text", "--out", folder)
    command("report", folder, "--out", page)
    assert "by far the longest text" not in page.read_text("utf-8")
    assert "keeps no texts" in page.read_text("utf-8")
    three_systems.unlink()
    command("report", folder, "--out", page)
    assert "the data cannot be read beside the results" in page.read_text("utf-8")


def test_a_file_of_results_is_enough(command, judged, tmp_path):
    page = tmp_path / "report.html"
    command("report", judged / "results.jsonl", "--out", page)
    assert "without a plan" in page.read_text("utf-8")
    assert "there is no plan beside the results" in page.read_text("utf-8")


def test_what_is_no_run_is_an_error(command, tmp_path):
    with pytest.raises(ConfigError, match="not the folder of a run"):
        command("report", tmp_path)


def test_a_page_that_cannot_be_written_is_an_error(command, judged, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        command("report", judged, "--out", tmp_path / "file" / "report.html")
