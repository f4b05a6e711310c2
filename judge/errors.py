"""Every exception this package raises.

    JudgeError
    ├── RubricError          a rubric file or object is wrong
    ├── RecipeError          a recipe file or object is wrong, or cannot serve the rubric
    ├── TemplateError        a prompt template is wrong
    ├── ConfigError          a setting, a name of an engine or a code of the grammar is wrong
    ├── EngineError          an engine failed
    │   ├── EngineTimeout
    │   ├── ContextOverflow
    │   ├── RequestRefused
    │   └── EngineUnavailable
    ├── VerdictError         a generation could not be read as a verdict
    ├── CheckError           a deterministic check could not run
    ├── StoreError           the verdict store could not be read or written
    └── AdapterError         a trainer handed over something an adapter cannot use

They are raised at the boundary, for a person to read. During judging they never reach the caller:
`judge.judges.base` turns them into `Failure` records, in that one place.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

FailureKind = Literal[
    "timeout",
    "overflow",
    "unavailable",
    "refused",
    "cut",
    "thinking_cut",
    "malformed",
    "low_mass",
    "void_evidence",
    "budget",
    "cancelled",
    "missing_input",
    "not_comparable",
    "dropped",
]
"""`cut`: the answer has used up its tokens; `thinking_cut`: the thinking has used up its budget,
and the recipe makes that a failure; `missing_input`: the group lacks what the rubric requires;
`not_comparable`: a group of one in a relative recipe, or no valid comparison; `dropped`: taken out
by a gate with `then: drop`."""


class JudgeError(Exception):
    """Base of all errors; `hint` says what to do, `retryable` whether trying again can help."""

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class FileError(JudgeError):
    """An error with a place in a file a person edits; `line` and `column` count from 1."""

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.file = str(file) if file is not None else None
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = ":".join(str(p) for p in (self.file, self.line, self.column) if p is not None)
        text = super().__str__()
        return f"{place}: {text}" if place else text


class RubricError(FileError):
    """A rubric cannot be used; `criterion` names the criterion where one is to blame."""

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        column: int | None = None,
        criterion: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, file=file, line=line, column=column, hint=hint)
        self.criterion = criterion


class RecipeError(FileError):
    """A recipe cannot be used, alone or with this rubric."""


class TemplateError(FileError):
    """A prompt template cannot be rendered."""


class ConfigError(JudgeError):
    """A setting is wrong: an unknown engine, a missing package, a code that is not one token."""


class EngineError(JudgeError):
    """An engine failed on one request; `kind` is the kind of the `Failure` it becomes."""

    kind: ClassVar[FailureKind] = "unavailable"
    retry_after_s: float | None = None
    """How long the engine asked to be left alone, where it did."""


class EngineTimeout(EngineError):
    """The engine did not answer in time."""

    kind = "timeout"
    retryable = True


class ContextOverflow(EngineError):
    """The prompt and the room for the answer are longer than the engine's context."""

    kind = "overflow"


class RequestRefused(EngineError):
    """The engine would not take this request, or its model would not answer it."""

    kind = "refused"


class EngineUnavailable(EngineError):
    """The engine is not installed, not running, or has died."""

    kind = "unavailable"
    retryable = True


class VerdictError(JudgeError):
    """A generation is not a verdict; `kind` is the kind of the `Failure` it becomes."""

    retryable = True

    def __init__(self, message: str, *, kind: FailureKind = "malformed", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind: FailureKind = kind


class CheckError(JudgeError):
    """A deterministic check could not run on this text."""


class StoreError(JudgeError):
    """The verdict store could not be read or written."""


class AdapterError(JudgeError):
    """A trainer handed over something an adapter cannot use."""
