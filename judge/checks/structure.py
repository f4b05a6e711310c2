"""Structure that a program can verify: JSON."""

from __future__ import annotations

import json
from typing import Any

from pydantic import StrictBool

from judge.checks.base import CheckParams, CheckResult, Inputs


class JsonValid(CheckParams):
    """The whole response is one JSON value, without duplicate keys, NaN or Infinity."""

    allow_fence: StrictBool = False
    """Whether the value may stand in one Markdown code block that is the whole response."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Parse the text."""
        body = _unfenced(text.strip()) if self.allow_fence else text
        try:
            # Numbers are kept as text: converting a million digits would take quadratic time.
            json.loads(
                body,
                parse_int=str,
                parse_float=str,
                parse_constant=_refused,
                object_pairs_hook=_distinct,
            )
        except RecursionError:
            return CheckResult(None, "nested too deeply to tell")
        except ValueError as cause:
            return CheckResult.of(False, str(cause)[:200])
        return CheckResult.of(True, "valid JSON")

    def sentence(self) -> str:
        """Say what is valid."""
        return "is valid JSON, fenced or not" if self.allow_fence else "is valid JSON"


def _unfenced(text: str) -> str:
    lines = text.split("\n")
    opened = lines[0].strip().lower() in ("```", "```json")
    if opened and len(lines) >= 3 and lines[-1].strip() == "```":
        return "\n".join(lines[1:-1])
    return text


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same key twice")
    return found
