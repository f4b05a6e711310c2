"""Regular expressions, always in linear time.

Python's own engine backtracks: `(a+)+$` on forty letters takes hours. Patterns here are run by the
engine inside pydantic (Rust's `regex`), an automaton whose time is bounded by pattern size times
text length. So no pattern can hang a run, and no timer is needed, which would make verdicts depend
on the machine's load. The price: no look-around and no back-references; both are errors when the
rubric is loaded. `$` is the very end of the text unless the pattern says `(?m)`; the flags `(?i)`,
`(?s)` and `(?x)` work too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, ClassVar

from pydantic import Field, StrictBool, StringConstraints, model_validator
from pydantic_core import SchemaError, SchemaValidator, core_schema

from judge.checks.base import CheckParams, CheckResult, Inputs

MAX_PATTERN = 1_000
MAX_TEXT = 2_000_000
_MAX_COUNT = 100


class Regex(CheckParams):
    """A regular expression (Rust syntax, linear time) is found in the response."""

    positional: ClassVar[str | None] = "pattern"

    pattern: Annotated[str, StringConstraints(min_length=1, max_length=MAX_PATTERN, strict=True)]
    """Searched anywhere in the response; anchor it with ^ and $ to match all of it."""
    negate: StrictBool = False
    """Pass when it is not found."""
    min_count: Annotated[int, Field(ge=1, le=_MAX_COUNT, strict=True)] = 1
    """Found at least this often, matches not overlapping."""
    max_count: Annotated[int, Field(ge=1, lt=_MAX_COUNT, strict=True)] | None = None
    """Found at most this often; for "never" use negate."""

    @model_validator(mode="after")
    def _compiles(self) -> Regex:
        if self.max_count is not None and self.max_count < self.min_count:
            raise ValueError(f"max_count {self.max_count} is below min_count {self.min_count}")
        for count in {1, self.min_count, (self.max_count or 0) + 1}:
            try:
                _compiled(self.pattern, count)
            except SchemaError as cause:
                raise ValueError(f"pattern: {_reason(cause)}") from None
        return self

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Search the text."""
        if len(text) > MAX_TEXT:
            return CheckResult(None, f"longer than {MAX_TEXT} characters")
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        found = _compiled(self.pattern, self.min_count).isinstance_python(text)
        if found and self.max_count is not None:
            found = not _compiled(self.pattern, self.max_count + 1).isinstance_python(text)
        return CheckResult.of(found is not self.negate, "found" if found else "not found")

    def sentence(self) -> str:
        """Say the pattern."""
        if self.negate:
            return f"does not match /{self.pattern}/"
        return f"matches /{self.pattern}/"


@lru_cache(maxsize=256)
def _compiled(pattern: str, count: int) -> SchemaValidator:
    """A matcher for at least `count` matches, one after the other."""
    if count > 1:
        pattern = f"(?:(?:{pattern})(?s:.*?)){{{count}}}"
    return SchemaValidator(core_schema.str_schema(pattern=pattern))


def _reason(cause: SchemaError) -> str:
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    reasons = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return reasons[0] if reasons else "it is too large once its repetitions are written out"
