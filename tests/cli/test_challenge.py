import json

import pytest

from judge.errors import ConfigError


@pytest.fixture
def good(tmp_path):
    """Good responses of which each names the longest text that the judge likes."""
    path = tmp_path / "good.jsonl"
    rows = [
        {
            "id": f"g{k}",
            "prompt": "What is it?",
            "response": f"The river of it is {20 + k} km long. It is by far the longest text.",
        }
        for k in range(6)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_set_is_made_judged_and_scored(command, good, tmp_path):
    out, run = tmp_path / "set.jsonl", tmp_path / "run"
    said = command("challenge", good, "--out", out, "--seed", 3).stdout
    assert "number: 6" in said
    assert "date: 0" in said
    first = out.read_bytes()
    command("challenge", "make", good, "--out", out, "--seed", 3)
    assert out.read_bytes() == first
    assert {row["phenomenon"] for row in lines(out)} >= {"number", "invented_citation"}

    command("run", out, "--rubric", "demo/short", "--recipe", "pointwise", "--out", run)
    told = json.loads(command("challenge", "score", run, "--json").stdout)
    assert told["number"]["n"] == told["number"]["ties"] == 6  # this judge sees no difference
    assert told["number"]["accuracy"] == 0.5
    assert told["number"]["strict"] == 0.0
    assert told["all"]["n"] == len(lines(out))
    table = command("challenge", "score", run).stdout
    assert "number" in table
    assert "50.0 %" in table


def test_a_judge_that_sees_one_phenomenon_is_right_there_alone(command, good, tmp_path, counting):
    out, run = tmp_path / "set.jsonl", tmp_path / "run"
    command("challenge", good, "--out", out, "--only", "number", "--only", "invented_citation")
    answer = counting._respond

    def respond(request):
        shown = request.messages[-1].content
        sees = " & " in shown
        said = answer(request)
        return said if not sees else said.replace(request.read_after[0][1][-1], "1")

    counting._respond = respond
    command("run", out, "--rubric", "demo/short", "--recipe", "pointwise", "--out", run)
    told = json.loads(command("challenge", "score", run, "--json").stdout)
    assert told["invented_citation"]["accuracy"] == 1.0
    assert told["number"]["accuracy"] == 0.5


def test_what_cannot_be_is_said(command, good, judged, tmp_path):
    with pytest.raises(ConfigError, match="--only numbers: no such rule"):
        command("challenge", good, "--out", tmp_path / "x", "--only", "numbers")
    with pytest.raises(ConfigError, match="is not of a challenge set"):
        command("challenge", "score", judged)
    with pytest.raises(ConfigError, match="there is no data set"):
        command("challenge", tmp_path / "none.jsonl", "--out", tmp_path / "x")
