import json

import pytest

from judge.errors import ConfigError


def test_equal_runs_differ_in_nothing(command, judged, run_arguments, tmp_path):
    again = tmp_path / "again"
    command(*run_arguments(), "--out", again)
    said = command("compare", judged, again).stdout
    assert "12 groups in both runs" in said
    assert "nothing changed" in said


def test_only_what_changed_is_shown(command, judged, run_arguments, counting, tmp_path):
    other = tmp_path / "other"
    counting._respond = lambda request: (  # whatever is shown first
        '{"critique": "-", ' + ", ".join(f'{m}A"' for m, _ in request.read_after) + "}"
    )
    command(*run_arguments(), "--out", other)
    said = command("compare", judged, other).stdout
    assert "accuracy, B - A:" in said
    assert "order_consistency: 1.0 -> 0.0" in said
    assert "another winner in 100.0 % of groups" in said
    assert "groups:" not in said
    assert "seed" not in said
    told = json.loads(command("compare", judged, other, "--json").stdout)
    assert told["settings"] == {}
    assert told["accuracy"]["n"] == 12
    assert told["reward"] is None or told["reward"]["low"] <= told["reward"]["value"]


def test_runs_over_other_data_have_nothing_in_common(command, judged, three_systems, tmp_path):
    other = tmp_path / "elsewhere.jsonl"
    other.write_text(three_systems.read_text())
    maps = ["--map", "responses=low,mid,big", "--rubric", "demo/short"]
    command("run", other, *maps, "--recipe", "pairwise-win-rate", "--out", tmp_path / "b")
    with pytest.raises(ConfigError, match="no group in common"):
        command("compare", judged, tmp_path / "b")
