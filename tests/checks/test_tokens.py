import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from judge.checks import CHECKS, run_check
from judge.checks.tokens import MAX_CHARACTERS
from judge.errors import CheckError

FILE = Path(__file__).with_name("tokenizer.json")
"""A token a word or mark; the file also cuts and fills up to 4 tokens and adds a special one."""


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("red cars", 2), ("red, cars!", 4), ("red " * 50, 50), ("\ud800 red", 2)],
)
def test_counts_what_the_tokenizer_makes_of_the_text_and_nothing_else(text, count):
    params = {"tokenizer": str(FILE), "exactly": count}
    assert run_check("tokens", params, text).value == 1.0
    assert run_check("tokens", {**params, "exactly": count + 1}, text).value == 0.0


def test_limits_evidence_and_sentence():
    params = {"tokenizer": str(FILE), "min": 2, "max": 3}
    assert run_check("tokens", params, "red").value == 0.0
    assert run_check("tokens", params, "red red red").value == 1.0
    assert run_check("tokens", params, "red red red").evidence == "3 tokens"
    assert CHECKS["tokens"].params.model_validate(params).sentence() == "has 2 to 3 tokens"
    long = run_check("tokens", params, "a" * (MAX_CHARACTERS + 1))
    assert (long.value, long.evidence) == (None, "too long to tell")


def test_a_folder_with_the_file_will_do(tmp_path):
    (tmp_path / "tokenizer.json").write_text(FILE.read_text())
    assert run_check("tokens", {"tokenizer": str(tmp_path), "max": 2}, "red cars").value == 1.0


def test_a_tokenizer_that_is_not_there_is_said(tmp_path, monkeypatch):
    params = {"tokenizer": str(tmp_path), "max": 2}
    with pytest.raises(CheckError, match="cannot be read"):
        run_check("tokens", params, "red")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(CheckError, match="needs the package tokenizers"):
        run_check("tokens", params, "red")
    with pytest.raises(ValidationError):
        CHECKS["tokens"].params.model_validate({"max": 2})
