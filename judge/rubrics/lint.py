"""Findings about a rubric that is valid: what will make its verdicts worse than they could be."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from judge.errors import RubricError
from judge.files import Trail
from judge.rubrics.files import Source
from judge.rubrics.rules import RULES
from judge.rubrics.schema import Rubric

Format = Literal["text", "json", "github"]
CODES = {
    "R000": "invalid rubric",
    "R001": "vague word",
    "R002": "two questions in one",
    "R003": "no tests",
    "R004": "no test with a better and a worse response",
    "R005": "weights look like shares and do not add up",
    "R006": "criterion that never counts",
    "R007": "gate that can never fire",
    "R008": "level without a meaning",
    "R009": "question that presupposes its answer",
    "R010": "two criteria that ask the same",
    "R011": "pitfall worded as a virtue",
    "R012": "mistake that earns points",
    "R013": "no question mark",
    "R014": "text cut off by a comment",
    "R015": "id that differs from the file's name",
    "R016": "question that compares responses",
    "R017": "two levels with one meaning",
    "R018": "test that cannot pass",
    "R019": "input that is used but not declared",
    "R020": "expectation that nothing can meet",
    "R021": "criterion that outweighs all others",
    "R022": "criterion that gives a test's answer away",
    "R023": "slot that the question does not mention",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding with its place and what to do about it."""

    code: str
    message: str
    suggestion: str
    criterion: str | None
    file: str | None
    line: int | None
    column: int | None


def lint(source: Source) -> list[Finding]:
    """All findings, in the order of the file."""
    findings = []
    for rule in RULES:
        for hit in rule(source):
            place = source.node.find(hit.path).node.place
            name = _criterion(source.rubric, hit.path)
            findings.append(
                Finding(
                    hit.code,
                    hit.message,
                    hit.suggestion,
                    name,
                    place.file,
                    place.line,
                    place.column,
                )
            )
    return sorted(findings, key=lambda f: (f.line or 0, f.column or 0, f.code))


def invalid(error: RubricError) -> Finding:
    """The error that keeps a rubric from loading, as a finding."""
    hint = error.hint or "mend it first: nothing else was looked at"
    return Finding(
        "R000", error.message, hint, error.criterion, error.file, error.line, error.column
    )


def render(findings: Iterable[Finding], form: Format) -> str:
    """Findings as text, as JSON, or as GitHub's workflow commands."""
    if form == "json":
        return json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)
    return "\n".join(_github(f) if form == "github" else _line(f) for f in findings)


def _line(finding: Finding) -> str:
    place = (finding.file, finding.line, finding.column)
    where = ":".join(str(part) for part in place if part is not None)
    about = f"{finding.criterion}: " if finding.criterion else ""
    return f"{where}: {finding.code} {about}{finding.message}\n  try: {finding.suggestion}"


def _github(finding: Finding) -> str:
    level = "error" if finding.code == "R000" else "warning"
    place = {"file": finding.file, "line": finding.line, "col": finding.column}
    place["title"] = f"{finding.code} {CODES[finding.code]}"
    where = ",".join(
        f"{key}={_escaped(str(value)).replace(':', '%3A').replace(',', '%2C')}"
        for key, value in place.items()
        if value is not None
    )
    return f"::{level} {where}::{_escaped(f'{finding.message}; {finding.suggestion}')}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _criterion(rubric: Rubric, path: Trail) -> str | None:
    if len(path) > 1 and path[0] == "criteria" and isinstance(path[1], int):
        return rubric.criteria[path[1]].id
    return None
