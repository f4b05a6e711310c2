"""The file `judge rubric new` writes: a small, valid rubric that explains itself."""

from __future__ import annotations

_TEXT = """\
schema: rubric/v1
id: {id}
version: 0.1.0
title: {title}
status: draft
criteria:
  # One thing a criterion, asked so that two readers of the same response agree.
  - id: answers_request
    question: Does the response do what the prompt asks for?
    weight: 3                # three times as important as a criterion of weight 1
    scale:                   # from worst to best; the judge reads the meanings
      - missed: Does something else, or nothing.
      - partly: Does some of it; a part that was asked for is missing or wrong.
      - fully: Does all of it.
    gate: {{below: partly, then: zero}}   # "missed" makes the total 0
  - id: invented_facts
    question: Does the response state something false as a fact?
    kind: pitfall            # a mistake to avoid: "yes" loses the points
    weight: 2
  - id: has_content
    check: degenerate        # counted by a program; the model is not asked
    weight: 0
    gate: {{below: yes, then: zero}}
tests:                       # try them: judge rubric test {id}
  - name: a right answer beats a wrong one
    prompt: What is 7 x 8?
    better: "56"
    worse: "54"
  - name: an empty answer gets nothing
    prompt: What is 7 x 8?
    response: "..."
    expect: {{total: {{at_most: 0.0}}}}
"""


def skeleton(name: str) -> str:
    """The text of a new rubric with this id."""
    title = name.rsplit("/", 1)[-1].replace("_", " ").replace("-", " ").capitalize()
    return _TEXT.format(id=name, title=title)
