import json

import pytest

from judge.cli.rubric_pairs import read_pairs
from judge.errors import ConfigError


@pytest.fixture
def pairs(tmp_path):
    """Ten pairs; the longer response is better, and two labels are wrong."""
    path = tmp_path / "pairs.jsonl"
    rows = [
        {
            "id": f"g{k}",
            "prompt": f"prompt {k}",
            "chosen": f"by far the longest text {k}" if k > 1 else "tiny",
            "rejected": "tiny" if k > 1 else f"by far the longest text {k}",
            "note": k,
        }
        for k in range(10)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def runs(command, pairs, tmp_path):
    """Two runs over them, pair by pair and each response alone."""
    folders = []
    for recipe in ("pairwise-win-rate", "pointwise"):
        folders.append(tmp_path / recipe)
        named = ["--map", "responses=chosen,rejected", "--rubric", "demo/short"]
        command("run", pairs, *named, "--recipe", recipe, "--out", folders[-1])
    return folders


def votes(runs):
    return [part for run in runs for part in ("--votes", run)]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_wrong_labels_are_turned_and_the_file_is_read_again(command, pairs, runs, tmp_path):
    out = tmp_path / "out.jsonl"
    told = json.loads(command("curate", pairs, *votes(runs), "--out", out, "--json").stdout)
    assert told["actions"] == {"flip": 2, "keep": 8}
    assert told["relabelled"] == 2
    assert [share["value"] for share in told["agreement"].values()] == [0.8, 0.8]
    rows = lines(out)
    assert [row["note"] for row in rows] == list(range(10))
    assert all(row["chosen"].startswith("by far") for row in rows)
    assert all(row["why"] and row["soft_label"] == row["weight"] == 1.0 for row in rows)
    for pair in read_pairs([out], ["responses=chosen,rejected"], 0, None):
        assert pair.responses[0].text.startswith("by far")


def test_dropped_pairs_go_to_their_own_file(command, pairs, runs, tmp_path):
    out, dropped = tmp_path / "out.jsonl", tmp_path / "dropped.jsonl"
    said = command(
        "curate", pairs, *votes(runs), "--out", out, "--dropped", dropped, "--noisy", "drop"
    ).stdout
    assert "0 of 10 pairs have another label" in said
    assert "not checked" in said
    assert [row["note"] for row in lines(dropped)] == [0, 1]
    assert [row["note"] for row in lines(out)] == list(range(2, 10))


def test_labels_by_people_are_taken_and_counted(command, pairs, runs, tmp_path):
    people = tmp_path / "people.jsonl"
    rows = [
        {"prompt": row["prompt"], "responses": [row["rejected"], row["chosen"]], "label": k == 0}
        for k, row in enumerate(lines(pairs)[:5])
    ]
    people.write_text(
        "".join(json.dumps({**row, "label": int(row["label"])}) + "\n" for row in rows)
    )
    out = tmp_path / "out.jsonl"
    said = command("curate", pairs, *votes(runs), "--out", out, "--trusted", people, "--json")
    told = json.loads(said.stdout)
    assert told["labels_before"]["n"] == told["panel_right"]["n"] == 5
    assert lines(out)[0]["chosen"] == "tiny"  # people say so
    assert lines(out)[1]["chosen"].startswith("by far")


def test_what_cannot_be_is_said(command, pairs, runs, tmp_path):
    with pytest.raises(ConfigError, match="over themselves"):
        command("curate", pairs, *votes(runs), "--out", pairs)
    with pytest.raises(ConfigError, match="no labelled pair has 2 votes"):
        command("curate", pairs, *votes(runs[:1]), "--out", tmp_path / "out.jsonl")
    with pytest.raises(ConfigError, match="not the plan of a run"):
        command("curate", pairs, "--votes", tmp_path, "--out", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
