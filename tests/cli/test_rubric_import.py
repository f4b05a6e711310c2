import pytest
from typer.testing import CliRunner

from judge.cli import rubric as commands
from judge.errors import RubricError
from judge.rubrics import load_rubric

ITEMS = '[{"criterion": "Is it short?", "points": 2}, {"criterion": "It rambles.", "points": -1}]'


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JUDGE_RUBRICS", raising=False)
    (tmp_path / "My items.json").write_text(ITEMS)
    return lambda *words: CliRunner().invoke(commands.app, ["import", *words])


def test_to_stdout(run, tmp_path):
    result = run("My items.json")
    assert result.exit_code == 0
    assert result.stdout.startswith("# yaml-language-server: $schema=rubric.schema.json\n")
    (tmp_path / "made.yaml").write_text(result.stdout)
    assert load_rubric("made.yaml").id == "my_items"


def test_to_a_file_that_lints_and_is_formatted(run, tmp_path):
    result = run("My items.json", "--from", "healthbench", "--out", "rubrics/talk/new.yaml",
                 "--id", "talk/new")  # fmt: skip
    assert (result.exit_code, result.stdout) == (0, "rubrics/talk/new.yaml\n")
    assert [c.weight for c in load_rubric("talk/new").criteria] == [2.0, 1.0]
    lint = CliRunner().invoke(commands.app, ["lint", "talk/new"])
    assert lint.exit_code == 0
    assert "R015" not in lint.stdout
    fmt = CliRunner().invoke(commands.app, ["fmt", "--check", "talk/new"])
    assert fmt.exit_code == 0


def test_a_file_that_is_there_stays(run, tmp_path):
    (tmp_path / "there.yaml").write_text("mine")
    assert run("My items.json", "--out", "there.yaml").exit_code == 2
    assert (tmp_path / "there.yaml").read_text() == "mine"


@pytest.mark.parametrize("words", [("--from", "prometheus"), ("--id", "Not an id")])
def test_what_cannot_be_imported_is_an_error(run, tmp_path, words):
    result = run("My items.json", "--out", "new.yaml", *words)
    assert isinstance(result.exception, RubricError)
    assert not (tmp_path / "new.yaml").exists()


def test_unknown_tool_is_a_usage_error(run):
    assert run("My items.json", "--from", "excel").exit_code == 2
