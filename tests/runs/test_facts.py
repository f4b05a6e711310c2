import json
from pathlib import Path

import pytest

from judge.errors import ConfigError, StoreError
from judge.runs.facts import Facts

HEAD = {"engine": "a", "digest": "d1", "abilities": {}}


def lines(*facts: dict[str, object]) -> str:
    return "".join(json.dumps(fact) + "\n" for fact in facts)


def test_each_fact_is_written_once_and_the_engine_first(tmp_path: Path) -> None:
    (tmp_path / "judge").write_text("of an earlier sitting\n")
    yes, no = {"encode": "Yes", "ids": [1]}, {"encode": "No", "ids": [2]}
    facts = Facts(lambda role: tmp_path / role)
    facts.note({"judge": lines(HEAD, yes)})
    facts.note({"judge": lines({**HEAD, "engine": "elsewhere"}, yes), "strong": lines(HEAD)})
    facts.note({"judge": lines(no, yes)})
    assert (tmp_path / "judge").read_text() == lines(HEAD, yes, no)
    assert (tmp_path / "strong").read_text() == lines(HEAD)


@pytest.mark.parametrize("kept", [True, False])
def test_two_engines_in_one_role_are_an_error(tmp_path: Path, kept: bool) -> None:
    facts = Facts((lambda role: tmp_path / role) if kept else None)
    facts.note({"judge": lines(HEAD)})
    facts.note({"strong": lines({**HEAD, "digest": "d2"})})
    with pytest.raises(ConfigError, match="the role judge is not the same everywhere"):
        facts.note({"judge": lines({**HEAD, "digest": "d2"})})


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        Facts(lambda role: tmp_path / "none" / role).note({"judge": lines(HEAD)})
