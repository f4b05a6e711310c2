"""The levels a criterion can reach.

In a rubric file a scale is `yes_no`, `ternary`, a range such as `1..5`, a list from worst to best
of names or `name: meaning`, or `{errors: ...}`. A model writes one digit for a level, so nine is
the most there can be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_serializer,
    model_validator,
)

from judge.files import fault

MAX_LEVELS = 9
_RANGE = re.compile(r"([01])\.\.(\d{1,3})")
_FORMS = "use yes_no, ternary, a range such as 1..5, or a list of levels from worst to best"


class Part(BaseModel):
    """Base of every part of a rubric: closed, immutable, numbers finite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Level(Part):
    """One level: the judge reads both the name and the meaning."""

    name: str
    meaning: str = ""


class ErrorScale(Part):
    """An open list of errors instead of levels; the score is what remains after the reductions."""

    aspects: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = Field(min_length=1)
    """What an error can be about."""
    severities: dict[str, Annotated[float, Field(gt=0.0, strict=True)]] = Field(
        default_factory=lambda: {"minor": 1.0, "major": 5.0}
    )
    """What an error of each severity costs."""


class Scale(Part):
    """A scale in its resolved form: levels from worst to best, or errors."""

    levels: tuple[Level, ...] = ()
    errors: ErrorScale | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: object) -> object:
        if isinstance(raw, Scale):
            return raw
        if isinstance(raw, str):
            return {"levels": _named_scale(raw)}
        if isinstance(raw, list | tuple):
            return {"levels": _listed(raw)}
        if isinstance(raw, Mapping) and set(raw) == {"errors"}:
            return dict(raw)
        raise fault(f"scale: {raw!r} is not a scale", hint=_FORMS)

    @model_serializer
    def _as_written(self) -> list[str | dict[str, str]] | dict[str, Any]:
        if self.errors is not None:
            return {"errors": self.errors.model_dump(mode="json")}
        return [{lv.name: lv.meaning} if lv.meaning else lv.name for lv in self.levels]

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        errors = handler(core)
        errors = handler.resolve_ref_schema(errors)["properties"]["errors"]["anyOf"][0]
        level = {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": {"type": ["string", "null"]},
        }
        return {
            "description": "yes_no, ternary, 1..N, a list of levels from worst to best, or errors.",
            "anyOf": [
                {"enum": ["yes_no", "ternary"]},
                {"type": "string", "pattern": r"^[01]\.\.[0-9]$"},
                {
                    "type": "array",
                    "minItems": 2,
                    "maxItems": MAX_LEVELS,
                    "items": {"anyOf": [{"type": ["string", "number"]}, level]},
                },
                {
                    "type": "object",
                    "properties": {"errors": errors},
                    "required": ["errors"],
                    "additionalProperties": False,
                },
            ],
        }


def _named_scale(text: str) -> list[Level]:
    if text == "yes_no":
        return [Level(name="no"), Level(name="yes")]
    if text == "ternary":
        return [Level(name="-1"), Level(name="1")]
    match = _RANGE.fullmatch(text)
    if match is None:
        raise fault(f"scale: {text!r} is not a scale", hint=_FORMS)
    first, last = int(match[1]), int(match[2])
    _check_size(last - first + 1)
    return [Level(name=str(number)) for number in range(first, last + 1)]


def _check_size(levels: int) -> None:
    if levels < 2:
        raise fault("scale: a scale needs at least 2 levels", hint=_FORMS)
    if levels > MAX_LEVELS:
        raise fault(
            f"scale: {levels} levels, and {MAX_LEVELS} are the most",
            hint=f"a level is answered with one digit from 1 to {MAX_LEVELS}; use 1..5 or 1..9",
        )


def _listed(raw: list[Any] | tuple[Any, ...]) -> list[Level]:
    _check_size(len(raw))
    levels = [_level(item, index) for index, item in enumerate(raw)]
    seen: dict[str, int] = {}
    for index, level in enumerate(levels):
        if level.name.casefold() in seen:
            raise fault(f"scale: the level {level.name!r} is here a second time", index)
        seen[level.name.casefold()] = index
    return levels


def _level(item: object, index: int) -> Level:
    name, meaning = item, ""
    at: tuple[str | int, ...] = (index,)
    if isinstance(item, Level):
        return item
    if isinstance(item, Mapping):
        if len(item) != 1:
            raise fault(
                "scale: a level is `name` or `name: meaning`",
                index,
                hint="start every level with a dash of its own",
            )
        ((name, meaning),) = item.items()
        at = (index, str(name))
    meaning = "" if meaning is None else meaning
    if isinstance(name, int | float) and not isinstance(name, bool):
        name = str(name)
    if not (isinstance(name, str) and isinstance(meaning, str)):
        raise fault("scale: a level's name and meaning are texts", *at, hint="put it in quotes")
    if not name.strip() or "\n" in name or len(name) > 60:
        raise fault("scale: a level's name is one short line", *at, at_key=True)
    return Level(name=name, meaning=" ".join(meaning.split()))
