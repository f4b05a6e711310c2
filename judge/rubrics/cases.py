"""A rubric's own tests, and whether a judged result meets their expectations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, model_serializer, model_validator

from judge.files import did_you_mean, fault
from judge.rubrics.criterion import TOTAL, Criterion, Line
from judge.rubrics.scale import Part

Unit = Annotated[float, Field(ge=0.0, le=1.0, strict=True)]


class Bounds(Part):
    """Limits of a value in [0, 1], both included."""

    at_least: Unit = 0.0
    at_most: Unit = 1.0

    @model_validator(mode="after")
    def _possible(self) -> Bounds:
        if not self.model_fields_set:
            raise fault("give at_least or at_most")
        if self.at_least > self.at_most:
            raise fault(f"at_least {self.at_least} is above at_most {self.at_most}")
        return self

    def __str__(self) -> str:
        words = {"at_least": f"at least {self.at_least}", "at_most": f"at most {self.at_most}"}
        return " and ".join(words[name] for name in sorted(self.model_fields_set))


class Expectation(Part):
    """What a test expects of one criterion, or of the total: one of some levels, or limits."""

    levels: tuple[str, ...] = ()
    bounds: Bounds | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: object) -> object:
        if isinstance(raw, Expectation):
            return raw
        if isinstance(raw, Mapping):
            return {"bounds": raw}
        given = list(raw) if isinstance(raw, list | tuple) else [raw]
        if not given or not all(type(name) in (str, int, float) for name in given):
            raise fault("expect a level, a list of levels, or {at_least: ..., at_most: ...}")
        return {"levels": [str(name) for name in given]}

    @model_serializer
    def _as_written(self) -> list[str] | dict[str, float]:
        if self.bounds is None:
            return list(self.levels)
        return self.bounds.model_dump(exclude_defaults=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        full = handler.resolve_ref_schema(handler(core))
        level = {"type": ["string", "number"]}
        return {
            "anyOf": [
                level,
                {"type": "array", "items": level, "minItems": 1},
                full["properties"]["bounds"]["anyOf"][0],
            ]
        }

    def __str__(self) -> str:
        return str(self.bounds) if self.bounds else " or ".join(self.levels)


class Case(Part):
    """One test: a response with expectations, or a better and a worse response."""

    name: Line
    """What the test shows, in a few words."""
    prompt: str
    response: str | None = None
    """Judged alone, against `expect`."""
    better: str | None = None
    """Must come out above `worse`."""
    worse: str | None = None
    reference: str | None = None
    context: str | None = None
    expect: dict[str, Expectation] = Field(default_factory=dict)
    """By criterion id, or `total`."""

    @model_validator(mode="after")
    def _one_form(self) -> Case:
        pair = (self.better is not None) + (self.worse is not None)
        if pair == 1:
            raise fault("a pair needs both better and worse")
        if (pair == 2) is (self.response is not None):
            raise fault("give either a response with expect, or better and worse")
        if bool(self.expect) is (pair == 2):
            raise fault(
                "a pair takes no expect: better must beat worse"
                if pair
                else "the key 'expect' is missing",
                hint="expect: {total: {at_least: 0.8}}",
            )
        return self

    @property
    def responses(self) -> tuple[str, ...]:
        """What is judged: one response, or the better and the worse one."""
        if self.response is not None:
            return (self.response,)
        return (self.better or "", self.worse or "")


def check_case(case: Case, criteria: Mapping[str, Criterion], at: tuple[str | int, ...]) -> None:
    """Raise a fault where a test, found at `at`, expects something that the rubric has not."""
    for name, expectation in case.expect.items():
        if name == TOTAL:
            if expectation.bounds is None:
                raise fault(
                    "the total is a number: give limits",
                    *at,
                    "expect",
                    name,
                    hint="total: {at_least: 0.8}",
                )
            continue
        if name not in criteria:
            raise fault(
                f"expect: no criterion {name!r}",
                *at,
                "expect",
                name,
                hint=did_you_mean(name, [*criteria, TOTAL]),
                at_key=True,
            )
        known = [level.name for level in criteria[name].levels]
        for level in expectation.levels:
            if level not in known:
                raise fault(
                    f"expect: {name} has no level {level!r}",
                    *at,
                    "expect",
                    name,
                    hint=did_you_mean(level, known),
                )


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging one response gave; None where there is no verdict."""

    levels: Mapping[str, int | None]
    """Index of the level, by criterion id."""
    values: Mapping[str, float | None]
    """In [0, 1] along the scale, by criterion id."""
    total: float | None


def shortfalls(case: Case, criteria: Mapping[str, Criterion], judged: Judged) -> Iterator[str]:
    """What a judged response lacks of a test's expectations, a sentence each."""
    for name, expected in case.expect.items():
        if expected.bounds is not None:
            value = judged.total if name == TOTAL else judged.values.get(name)
            if value is None:
                yield f"{name}: no verdict, expected {expected}"
            elif not expected.bounds.at_least <= value <= expected.bounds.at_most:
                yield f"{name}: {value:.3f}, expected {expected}"
            continue
        index = judged.levels.get(name)
        got = "no verdict" if index is None else criteria[name].levels[index].name
        if got not in expected.levels or index is None:
            yield f"{name}: {got}, expected {expected}"


def pair_shortfalls(better: float | None, worse: float | None) -> Iterator[str]:
    """Why a better response did not come out above a worse one, if so."""
    if better is None or worse is None:
        yield "no verdict on the pair"
    elif better <= worse:
        yield f"better got {better:.3f}, worse got {worse:.3f}"
