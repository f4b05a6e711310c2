from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.report.source import named, read_manifest


def test_runs_are_called_as_their_folders_where_these_differ():
    assert named([Path("a/one"), Path("b/two")]) == ["one", "two"]
    assert named([Path("a/run"), Path("b/run"), Path("c")]) == ["a/run", "b/run", "c"]


def test_a_file_of_results_has_no_plan(tmp_path):
    (tmp_path / "results.jsonl").write_text("")
    assert read_manifest(tmp_path / "results.jsonl") == {}


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", "\xff"])
def test_a_folder_without_a_plan_is_an_error(tmp_path, text):
    if text is not None:
        (tmp_path / "plan.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match="run"):
        read_manifest(tmp_path)
