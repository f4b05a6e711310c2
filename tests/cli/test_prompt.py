import pytest
from typer.testing import CliRunner

from judge.cli import app

runner = CliRunner()


def test_a_prompt_is_shown_with_stand_in_texts() -> None:
    done = runner.invoke(app, ["prompt", "show", "demo/short"])
    assert done.exit_code == 0, done.output
    assert "<the user's prompt>" in done.stdout


@pytest.mark.parametrize("recipe", ["scalar", "flr"])
def test_where_there_is_no_prompt_it_says_so(recipe: str) -> None:
    for rubric in ([], ["demo/short"]):
        done = runner.invoke(app, ["prompt", "show", *rubric, "--recipe", recipe])
        assert done.exit_code == 0, done.output
        assert f"recipe {recipe}" in done.stdout
        assert "has no prompt" in done.stdout


def test_a_prompt_without_its_rubric_is_an_error_with_a_cure() -> None:
    done = runner.invoke(app, ["prompt", "show"])
    assert done.exit_code != 0
    assert "name one" in str(getattr(done.exception, "hint", done.exception))
