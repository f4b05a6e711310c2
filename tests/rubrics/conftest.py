from pathlib import Path

import pytest

from judge.errors import RubricError
from judge.rubrics import load_rubric

TEXT = """\
schema: rubric/v1
id: general/example
version: 1.2.3
title: An example
criteria:
  - id: answers_question
    question: Does the response answer what was asked?
    weight: 3                     # three times as important
    scale:                        # worst first
      - missed: Answers something else, or nothing.
      - partly: Answers a part, or leaves the main point vague.
      - fully: Answers every part of the question.
    gate: {below: partly, then: zero}   # "missed" makes the total 0
  - id: invented_facts
    question: Does the response state something false as a fact?
    kind: pitfall
    weight: 4
  - id: short_enough
    check: {max_words: 300}
tests:
  - name: refusing a plain request scores near zero
    prompt: Name three prime numbers.
    response: I cannot help with that.
    expect:
      answers_question: missed
      total: {at_most: 0.2}
  - name: right and short beats fluent and wrong
    prompt: What is 7 x 8?
    better: "56."
    worse: "Great question! 7 x 8 is 54, because..."
"""


@pytest.fixture
def text() -> str:
    return TEXT


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Write files below a temporary folder, which becomes the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JUDGE_RUBRICS", raising=False)

    def write(name: str, content: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="")
        return path

    return write


@pytest.fixture
def error_of(put):
    """The error that loading a rubric with this text raises."""

    def load(content: str, name: str = "r.yaml") -> RubricError:
        with pytest.raises(RubricError) as caught:
            load_rubric(put(name, content))
        return caught.value

    return load
