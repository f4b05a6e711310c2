import json

import pytest
from typer.testing import CliRunner

from judge.cli import app
from judge.cli.label import INSTEAD, _shown
from judge.cli.rubric_pairs import read_pairs
from judge.errors import ConfigError
from judge.types import Message


@pytest.fixture
def label(counting, judged):
    """Runs `judge label` on the finished run with some keys."""

    def press(keys, *arguments):
        done = CliRunner().invoke(app, ["label", str(judged), *map(str, arguments)], input=keys)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return press


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_keys_become_labels_that_are_read_again(label, judged):
    done = label("12txq")
    path = judged / "labels.jsonl"
    assert done.stdout.endswith(f"{path}\n")
    assert "3 labels in this sitting, 3 in the file" in done.stdout
    assert "undo the last answer" in done.stderr
    assert len(rows(path)) == 3
    assert len(read_pairs([path], None, 0, None)) == 2


def test_a_second_sitting_goes_on_and_the_end_of_input_quits(label, judged):
    label("1")
    first = rows(judged / "labels.jsonl")
    again = label("1u2")
    assert "35 pairs wait; 1 have a label" in again.stderr
    both = rows(judged / "labels.jsonl")
    assert both[0] == first[0]
    assert len(both) == 2
    assert both[1]["key"] != both[0]["key"]


def test_contradicted_labels_are_shown_first_and_the_verdict_never(label, judged):
    done = label("1q", "--limit", "5", "--seed", "3")
    shown = done.stdout.split("labels in this sitting")[0]
    (row,) = rows(judged / "labels.jsonl")
    assert row["group_id"] in ("g0", "g4", "g8")  # the data says that mid is better than big
    for secret in ("SECRETTEXT", "p_first", "big", "mid\n", "0.9"):
        assert secret not in shown
    assert all(text.split(" ")[0] in shown for text in row["responses"])


def test_a_sample_of_all_is_called_so(label):
    for keys, said in (("--at-random", "a sample of all pairs"), ("--seed=0", "no sample of all")):
        assert said in " ".join(label("1", keys).stdout.split())


def test_labels_calibrate_the_judge(command, label, tmp_path, counting):
    pairs = tmp_path / "two.jsonl"
    made = [
        {
            "id": f"g{k}",
            "prompt": f"prompt {k}",
            "responses": ["tiny", f"by far the longest text {k}"],
        }
        for k in range(16)
    ]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in made))
    run, out = tmp_path / "two", tmp_path / "labels.jsonl"
    command("run", pairs, "--rubric", "demo/short", "--recipe", "pairwise-win-rate", "--out", run)
    CliRunner().invoke(app, ["label", str(run), "--out", str(out)], input="12" * 8)
    told = command("calibrate", run, "--labels", out, "--out", tmp_path / "c.json", "--json")
    assert json.loads(told.stdout)["calibration"]["n_pairs"] == 32


def test_a_text_cannot_write_on_the_screen():
    shown = _shown("a\x1b[2Jb\r\nc\u202ed\té\u200d\x07").plain
    assert shown == f"a{INSTEAD}[2Jb\nc{INSTEAD}d\té\u200d{INSTEAD}"
    chat = (Message("user", "hi"), Message("assistant", "", tool_calls=("f(1)",)))
    assert _shown(chat).plain == "[user] hi\n\n[assistant] \nf(1)"
    assert _shown("[red]x[/red]").plain == "[red]x[/red]"


def test_a_folder_without_a_run_is_an_error(command, tmp_path):
    with pytest.raises(ConfigError, match="not the plan of a run"):
        command("label", tmp_path)
    assert not (tmp_path / "labels.jsonl").exists()
