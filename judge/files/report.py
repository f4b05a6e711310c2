"""Turn what pydantic found wrong into errors with a place and a suggestion.

A validator that knows better than its model where the fault lies raises `fault(...)`.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from judge.errors import FileError
from judge.files.node import Node, Place, Trail
from judge.files.read import QUOTE_HINT

ModelT = TypeVar("ModelT", bound=BaseModel)
ErrorT = TypeVar("ErrorT", bound=FileError)

_SHOWN = 5
_FAULT = "judge_fault"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file. `at_key`: the key itself is to blame, not its value."""

    path: Trail
    message: str
    hint: str = ""
    at_key: bool = False
    missing: bool = False
    """Something is absent; listed last, as a misspelt key is often the cause."""

    def place(self, root: Node) -> Place:
        """Where in the file to look."""
        entry = root.find(self.path)
        return entry.place if self.at_key or self.missing else entry.node.place


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint with the nearest known word, or all of them where none is near."""
    options = sorted(set(known))
    folded = {option.casefold(): option for option in reversed(options)}
    near = get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    if near:
        return f"did you mean {folded[near[0]]!r}?"
    shown = ", ".join(options[:20]) + (", ..." if len(options) > 20 else "")
    return f"known: {shown}" if options else ""


def fault(
    message: str, *at: str | int, hint: str = "", at_key: bool = False
) -> PydanticCustomError:
    """An error for a validator to raise; `at` leads from the validated value to the culprit."""
    context = {"message": message, "at": at, "hint": hint, "at_key": at_key}
    return PydanticCustomError(_FAULT, "{message}", context)


def validate(
    model: type[ModelT], root: Node, *, file: str | None = None, error: type[FileError] = FileError
) -> ModelT:
    """Make a model of a file's content.

    Raises:
        FileError: (of the class `error`) at the first problem in the order of the file; its
            message lists the next ones.
    """
    try:
        return model.model_validate(root.data())
    except ValidationError as cause:
        found = in_order(problems(cause, model), root)
        raise as_error(found, root, file=file, error=error) from None


def in_order(found: Iterable[Problem], root: Node) -> list[Problem]:
    """Problems in the order of the file; what is missing comes last."""

    def position(problem: Problem) -> tuple[bool, int, int]:
        place = problem.place(root)
        return problem.missing, place.line or 0, place.column or 0

    return sorted(found, key=position)


def as_error(
    found: Sequence[Problem],
    root: Node,
    *,
    file: str | None = None,
    error: type[ErrorT],
) -> ErrorT:
    """One error for all problems: the first in full, the next few in a line each."""
    first, rest = found[0], found[1:]
    place = first.place(root)
    message = first.message if place.line else f"{_dotted(first.path)}{first.message}"
    for problem in rest[:_SHOWN]:
        where = problem.place(root)
        at = f"{where.line}:{where.column}: " if where.line else _dotted(problem.path)
        message += f"\n  also {at}{problem.message}"
    if len(rest) > _SHOWN:
        message += f"\n  and {len(rest) - _SHOWN} more"
    hint = first.hint or ("" if first.at_key else _comment_hint(root, first))
    return error(message, file=place.file or file, line=place.line, column=place.column, hint=hint)


def _dotted(path: Trail) -> str:
    """A path for content that was not read from a file: `criteria[0].scale: `."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"{text.removeprefix('.')}: " if text else ""


def problems(cause: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Pydantic's errors as problems, with the nearest known key or value as a hint."""
    details = cause.errors(include_url=False)
    return [_problem(detail, model) for detail in details if not _echoes(detail, details)]


def _echoes(detail: Mapping[str, Any], details: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a list is called too short only because its items are wrong."""
    loc = detail["loc"]
    return detail["type"] == "too_short" and any(
        other["loc"][: len(loc)] == loc for other in details if other is not detail
    )


def _problem(detail: Mapping[str, Any], model: type[BaseModel]) -> Problem:
    path: Trail = tuple(detail["loc"])
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == _FAULT:
        path += tuple(context["at"])
        return Problem(path, context["message"], context["hint"], context["at_key"])
    if kind == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), _keys(model, path[:-1]))
        return Problem(path, f"unknown key {path[-1]!r}", hint, at_key=True)
    if kind == "missing":
        return Problem(path[:-1], f"the key {path[-1]!r} is missing", missing=True)
    if kind in ("model_type", "dict_type"):
        return Problem(
            path, f"{_said(path)}must be keys with values, not {_short(detail['input'])}"
        )
    value = detail["input"]
    said = _said(path)
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", context["expected"])
        hint = did_you_mean(str(value), options)
        return Problem(path, f"{said}{value!r} is not one of {context['expected']}", hint)
    if kind == "value_error":
        return Problem(path, f"{said}{_lower(detail['msg'])}")
    message = f"{said}{_lower(detail['msg'])}, not {_short(value)}"
    return Problem(path, message, _quote(value, kind))


def _said(path: Trail) -> str:
    """What the value is called, to start a message with."""
    words = [step for step in path if isinstance(step, str)]
    return f"{words[-1]}: " if words else ""


def _lower(message: str) -> str:
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    return message[:1].lower() + message[1:]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _quote(value: object, kind: str) -> str:
    if kind == "string_type" and isinstance(value, int | float):
        return f'write it in quotes: "{value}"'
    if kind == "string_type" and isinstance(value, dict):
        return QUOTE_HINT
    return ""


def _comment_hint(root: Node, problem: Problem) -> str:
    node = root.find(problem.path).node
    return QUOTE_HINT if node.noted and isinstance(node.content, str) else ""


def _keys(model: type[BaseModel], path: Trail) -> list[str]:
    """The keys allowed at a path: the union over all models that may stand there."""
    here = {model}
    for step in path:
        fields = [
            field
            for m in here
            for name, field in m.model_fields.items()
            if step == (field.alias or name)
        ]
        if fields:
            here = {m for field in fields for m in _models(field.annotation)}
    return [field.alias or name for m in here for name, field in m.model_fields.items()]


def _models(annotation: object) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {m for part in typing.get_args(annotation) for m in _models(part)}
