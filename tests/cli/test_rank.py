import json

import pytest

from judge.errors import ConfigError


def test_systems_are_ranked_with_intervals(command, judged):
    told = json.loads(command("rank", judged, "--json").stdout)
    assert [row["name"] for row in told["rows"]] == ["big", "mid", "low"]
    assert [row["rank"] for row in told["rows"]] == [1, 2, 3]
    for row in told["rows"]:
        assert row["low"] <= row["rating"] <= row["high"]
        assert row["comparisons"] == 48
    assert told["comparisons"] == 72


def test_the_table_names_every_system(command, judged):
    said = command("rank", judged, "--method", "average_win_rate", "--bootstrap", "0").stdout
    for name in ("big", "mid", "low", "average_win_rate"):
        assert name in said


def test_lone_judgements_are_set_against_each_other(command, run_arguments, tmp_path):
    folder = tmp_path / "run"
    command(*run_arguments("pointwise"), "--out", folder)
    told = json.loads(command("rank", folder, "--json").stdout)
    rows = {row["name"]: row for row in told["rows"]}
    assert rows["big"]["rank"] == 1
    assert rows["low"]["rank"] == rows["mid"]["rank"] == 2.0  # equal rewards: a tie
    assert rows["low"]["ties"] == 0.5


def test_a_wrong_method_is_an_error(command, judged):
    with pytest.raises(ConfigError, match="unknown 'best'"):
        command("rank", judged, "--method", "best")
