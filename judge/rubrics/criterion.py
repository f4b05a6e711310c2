"""One criterion: a question with levels, or a check that a program decides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    model_serializer,
    model_validator,
)

from judge.checks import CHECKS, CheckParams
from judge.files import did_you_mean, fault, problems
from judge.rubrics.scale import ErrorScale, Level, Part, Scale

Kind = Literal["principle", "hard_rule", "pitfall", "statement", "metric", "step", "span"]
Tier = Literal["critical", "core", "important", "highlight"]
Scope = Literal["response", "sentence", "span", "step", "path", "answer", "pair"]
Evidence = Literal["none", "quote", "citation"]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=80)]
Line = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]

TOTAL = "total"


class Gate(Part):
    """What happens to the whole response when a criterion falls below a level."""

    below: str
    """The lowest level that is still good enough."""
    then: Literal["zero", "cap", "drop"] = "zero"
    """zero: the total is 0; cap: it is at most `at`; drop: the response leaves the group."""
    at: Annotated[float, Field(ge=0.0, le=1.0, strict=True)] | None = None
    """The cap, in [0, 1]."""

    @model_validator(mode="before")
    @classmethod
    def _text_level(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping) and type(raw.get("below")) in (int, float):
            return {**raw, "below": str(raw["below"])}
        return raw

    @model_validator(mode="after")
    def _cap_has_a_height(self) -> Gate:
        if (self.then == "cap") is (self.at is None):
            need, at = ("needs `at`", "then") if self.at is None else ("takes no `at`", "at")
            raise fault(f"gate: `then: {self.then}` {need}, a number from 0 to 1", at, at_key=True)
        return self

    def below_level(self, criterion: Criterion) -> int:
        """Index, in the order of the scale, of the level named by `below`."""
        return [level.name for level in criterion.levels].index(self.below)

    def fires(self, criterion: Criterion, level: int) -> bool:
        """Whether a verdict sets the gate off.

        A pitfall's levels run from absent to present, so there "below" means a higher index.
        """
        limit = self.below_level(criterion)
        return level > limit if criterion.is_pitfall else level < limit


class Check(Part):
    """A deterministic check and its parameters: `{name: argument}` or `{name: {key: value}}`."""

    name: str
    params: CheckParams

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: object) -> object:
        if isinstance(raw, Check):
            return raw
        raw = {raw: None} if isinstance(raw, str) else raw
        if not isinstance(raw, Mapping) or len(raw) != 1:
            raise fault(
                "check: give one check as `name: arguments`", hint="two checks are two criteria"
            )
        ((name, given),) = raw.items()
        if name not in CHECKS:
            raise fault(
                f"unknown check {name!r}", name, hint=did_you_mean(str(name), CHECKS), at_key=True
            )
        model = CHECKS[name].params
        try:
            return {"name": name, "params": model.model_validate(model.mapping(given))}
        except ValidationError as cause:
            first = min(problems(cause, model), key=lambda problem: problem.missing)
            raise fault(
                f"check {name}: {first.message}",
                name,
                *first.path,
                hint=first.hint,
                at_key=first.at_key,
            ) from None

    @model_serializer
    def _as_written(self) -> dict[str, dict[str, Any]]:
        return {self.name: self.params.model_dump(mode="json", exclude_defaults=True)}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        return {
            "description": "A deterministic check: the model is not asked.",
            "anyOf": [
                {"enum": sorted(name for name, spec in CHECKS.items() if _optional(spec.params))},
                *(
                    {
                        "type": "object",
                        "properties": {name: _params_schema(spec.params)},
                        "required": [name],
                        "additionalProperties": False,
                        "description": spec.about,
                    }
                    for name, spec in sorted(CHECKS.items())
                ),
            ],
        }


def _optional(params: type[CheckParams]) -> bool:
    return not any(field.is_required() for field in params.model_fields.values())


def _params_schema(params: type[CheckParams]) -> dict[str, Any]:
    full = params.model_json_schema(by_alias=True)
    forms: list[dict[str, Any]] = [full]
    if params.positional:
        forms.append(full["properties"][params.positional])
    if _optional(params):
        forms.append({"type": "null"})
    return {"anyOf": forms, "description": (params.__doc__ or "").strip().split("\n\n")[0]}


class Examples(Part):
    """Behaviours shown to the judge with the criterion."""

    good: tuple[Line, ...] = ()
    bad: tuple[Line, ...] = ()


class Criterion(Part):
    """One thing a response is judged on."""

    id: Name
    """Letters, digits and underscores, unique in the rubric."""
    question: Line | None = None
    """What the judge is asked; may be absent if a check decides."""
    kind: Kind = "principle"
    """pitfall: a mistake to avoid, so "yes" loses the points and "no" earns them."""
    weight: Annotated[float, Field(ge=0.0, strict=True)] = 1.0
    """Importance relative to the other criteria; 0 is judged but not counted."""
    tier: Tier | None = None
    """In place of a weight; the recipe gives it a number."""
    scale: Scale = Field(default_factory=lambda: Scale.model_validate("yes_no"))
    """Levels from worst to best; for a pitfall from absent to fully present."""
    gate: Gate | None = None
    """What a verdict below a level does to the total."""
    check: Check | None = None
    """Decided by a program."""
    hybrid: StrictBool = False
    """With a check: ask the model where the check cannot tell."""
    scope: Scope = "response"
    """Which part of the response is looked at."""
    layer: Name | None = None
    """A free name by which a recipe can group criteria."""
    needs: tuple[Name, ...] = ()
    """Inputs without which the criterion does not apply, such as reference or context."""
    allow_na: StrictBool = False
    """Whether the judge may answer that the criterion does not apply."""
    evidence: Evidence = "none"
    """quote: the verdict counts only with words that occur verbatim in the response; citation: a
    level above the lowest only with words of a passage that the response cites, from the context or
    its own tool turns (`template: citations`, see the recipe carr)."""
    depends_on: tuple[Name, ...] = ()
    """Criteria judged before this one."""
    slots: tuple[Name, ...] = ()
    """Entities that a chain of statements shares, written <E0> in the question; with `evidence:
    citation` one that the response does not name gives the lowest level."""
    examples: Examples = Examples()
    """Good and bad behaviours, shown to the judge."""
    enabled: StrictBool = True
    """false takes the criterion out of the rubric."""

    @model_validator(mode="before")
    @classmethod
    def _ternary_allows_na(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping) and raw.get("scale") == "ternary":
            if raw.get("allow_na") is False:
                raise fault("a ternary scale has not applicable as its middle", "allow_na")
            return {**raw, "allow_na": True}
        return raw

    @model_validator(mode="after")
    def _consistent(self) -> Criterion:
        if {"weight", "tier"} <= self.model_fields_set and self.tier is not None:
            raise fault("weight and tier together: keep one of them", "tier", at_key=True)
        if self.question is None and (self.check is None or self.hybrid):
            raise fault(
                "the key 'question' is missing",
                hint="ask the judge something, or give a check that decides",
            )
        if self.hybrid and self.check is None:
            raise fault("hybrid needs a check", "hybrid", at_key=True)
        if self.check is not None and len(self.levels) != 2:
            raise fault("a criterion with a check has the scale yes_no", "scale", at_key=True)
        self._gate_names_a_level()
        return self

    def _gate_names_a_level(self) -> None:
        names = [level.name for level in self.levels]
        if self.gate is not None and self.gate.below not in names:
            raise fault(
                f"gate: {self.gate.below!r} is not a level of this criterion",
                "gate",
                "below",
                hint=did_you_mean(self.gate.below, names),
            )

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """From worst to best (for a pitfall from absent to present); empty for an error scale."""
        return self.scale.levels

    @property
    def errors(self) -> ErrorScale | None:
        """What an error analysis looks for, None for a scale with levels."""
        return self.scale.errors

    @property
    def is_error_scale(self) -> bool:
        """Whether the judge lists errors instead of choosing a level."""
        return self.scale.errors is not None

    @cached_property
    def is_pitfall(self) -> bool:
        """Whether the criterion describes a mistake, so that it counts 1 - value."""
        return self.kind == "pitfall"
