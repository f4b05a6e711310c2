import json

import pytest
from typer.testing import CliRunner

from judge.cli import app, rubric_write
from judge.engines.scripted import ScriptedEngine
from judge.errors import ConfigError
from judge.rubrics import load_rubric


@pytest.fixture
def invoke(monkeypatch, tmp_path):
    """Runs a command in an empty folder; the model proposes these questions."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, questions=("Does it cite a source?", "What can I do?")):
        listed = [
            {"reason": "r", "question": q, "kind": "principle", "tier": "core"} for q in questions
        ]
        answer = json.dumps({"analysis": "a", "criteria": listed})
        engine = ScriptedEngine(lambda request: answer, name="writer")
        monkeypatch.setattr(rubric_write, "engine_maker", lambda name: lambda: engine)
        return CliRunner().invoke(app, ["rubric", "generate", *arguments])

    return run


def test_a_rubric_is_written_that_loads(invoke, tmp_path):
    done = invoke("support/reply", "--prompt", "Help! What can I do?")
    assert done.exit_code == 0, done.output
    rubric = load_rubric(tmp_path / "rubrics/support/reply.yaml")
    assert [c.question for c in rubric.criteria] == ["Does it cite a source?"]
    assert (rubric.status, rubric.provenance.generator) == ("draft", "writer")
    log = (tmp_path / "rubrics/support/reply.log.jsonl").read_text().splitlines()
    assert [json.loads(line)["kept"] for line in log] == [True, False]
    assert "repeats" in json.loads(log[1])["why"]


def test_json_says_all(invoke):
    done = invoke("a/b", "--prompt", "Help! What can I do?", "--json")
    told = json.loads(done.stdout)
    assert [c["question"] for c in told["criteria"]] == ["Does it cite a source?"]
    assert [r["question"] for r in told["refused"]] == ["What can I do?"]
    assert told["calls"] == 1


def test_a_dry_run_counts_and_asks_nothing(invoke, tmp_path):
    done = invoke(
        "a/b", "--prompt", "One?", "--prompt", "Two?", "--draws", "3", "--dry-run", "--json"
    )
    assert json.loads(done.stdout)["calls"] == 6
    assert list(tmp_path.iterdir()) == []


def test_files_rows_and_policies(invoke, tmp_path):
    (tmp_path / "policy.md").write_text("Never promise a refund.")
    rows = [{"prompt": f"Prompt {k}", "responses": ["a"], "reference": "r"} for k in range(3)]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = invoke("a/b", "--data", "d.jsonl", "--limit", "2", "--dry-run", "--json")
    assert json.loads(done.stdout)["calls"] == 2
    done = invoke("a/b", "--document", "@policy.md", "--dry-run")
    assert "Never promise a refund." in done.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("Not An Id", "--prompt", "x"), "not a rubric's id"),
        (("a/b",), "nothing to write"),
        (("a/b", "--prompt", "@nowhere.txt"), "nowhere.txt"),
        (("a/b", "--prompt", "What can I do?", "--out", "there.yaml"), "there already"),
    ],
)
def test_what_cannot_be_meant_is_an_error(invoke, tmp_path, arguments, word):
    (tmp_path / "there.yaml").write_text("x")
    done = invoke(*arguments)
    assert isinstance(done.exception, ConfigError)
    assert word in done.exception.message


def test_nothing_left_writes_nothing(invoke, tmp_path):
    done = invoke("a/b", "--prompt", "What can I do?", questions=("What can I do?",))
    assert isinstance(done.exception, ConfigError)
    assert not (tmp_path / "rubrics/a/b.yaml").exists()
    assert (tmp_path / "rubrics/a/b.log.jsonl").exists()


def test_the_budget_is_kept(invoke):
    done = invoke("a/b", "--prompt", "One?", "--prompt", "Two?", "--budget", "1", "--json")
    told = json.loads(done.stdout)
    assert (told["calls"], [f["kind"] for f in told["failures"]]) == (1, ["budget"])
