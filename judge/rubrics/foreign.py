"""Rubrics of other tools, read strictly: what each format's file holds, and what it asks.

Nothing of another tool is imported. What was assumed of each format stands at its class; a field
that is not listed there is an error, so nothing is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from judge.files import fault
from judge.rubrics.scale import MAX_LEVELS

Form = Literal["verifiers", "healthbench", "prometheus", "autorubric"]
Said = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Number = Annotated[float, Field(strict=True)]
Share = Annotated[float, Field(strict=True, ge=0.0)]


@dataclass(frozen=True, slots=True)
class Draft:
    """One criterion on its way into a rubric file."""

    name: str
    """What its id is made of."""
    text: str
    weight: float
    """Negative for a mistake to avoid."""
    levels: tuple[tuple[str, str], ...] = ()
    """Name and meaning, worst first (for a mistake absent first); none: yes or no."""
    allow_na: bool = False
    note: str = ""
    """A comment for the person who edits the file."""


class _Foreign(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# --- verifiers -------------------------------------------------------------------------------


class VerifiersCriterion(_Foreign):
    """`choices` are labels from worst to best, evenly spaced; without them it is yes or no."""

    name: Said
    description: Said
    weight: Share = 1.0
    choices: tuple[Said, ...] | None = Field(default=None, min_length=2, max_length=MAX_LEVELS)

    def draft(self) -> Draft:
        """The criterion, made ready."""
        levels = tuple((choice, "") for choice in self.choices or ())
        return Draft(self.name, self.description, self.weight, levels)


class Verifiers(_Foreign):
    """A judge's criteria file of verifiers (TOML or JSON): a list, or `criteria` with a list.

    Assumed: a criterion has a name, a description, and a weight of at least 0 that is 1 where it
    is absent.
    """

    criteria: tuple[VerifiersCriterion, ...] = Field(min_length=1)

    def drafts(self) -> Iterator[Draft]:
        """Its criteria, in order."""
        yield from (criterion.draft() for criterion in self.criteria)


# --- HealthBench -----------------------------------------------------------------------------


class HealthBenchItem(_Foreign):
    """Points are given if the criterion is met; negative ones are taken."""

    criterion: Said
    points: Number
    tags: tuple[str, ...] = ()

    def draft(self) -> Draft:
        """The criterion, made ready."""
        note = f"tags: {', '.join(self.tags)}" if self.tags else ""
        return Draft(self.criterion, self.criterion, self.points, note=note)


class HealthBench(_Foreign):
    """The rubric items of one HealthBench row (JSON): a list, or `rubrics` with a list.

    Assumed: an item is met or not. HealthBench divides the points by the sum of the positive ones;
    here a mistake that is absent earns its weight, so totals are another scale with the same order.
    """

    rubrics: tuple[HealthBenchItem, ...] = Field(min_length=1)

    def drafts(self) -> Iterator[Draft]:
        """Its criteria, in order."""
        yield from (item.draft() for item in self.rubrics)


# --- Prometheus ------------------------------------------------------------------------------


class Prometheus(_Foreign):
    """A score rubric of Prometheus (JSON or YAML): one criterion, scores from 1 to 5."""

    criteria: Said
    score1_description: Said
    score2_description: Said
    score3_description: Said
    score4_description: Said
    score5_description: Said

    def drafts(self) -> Iterator[Draft]:
        """Its criteria, in order."""
        meanings = (getattr(self, f"score{score}_description") for score in range(1, 6))
        levels = tuple((str(score), meaning) for score, meaning in enumerate(meanings, 1))
        yield Draft(self.criteria, self.criteria, 1.0, levels)


# --- autorubric ------------------------------------------------------------------------------


class AutorubricOption(_Foreign):
    """An option with `na: true` says that the criterion does not apply; it has no value."""

    label: Said
    value: Number | None = None
    na: bool = False

    @model_validator(mode="after")
    def _valued(self) -> AutorubricOption:
        if (self.value is None) is not self.na:
            raise fault("an option has a value, or `na: true`")
        return self


class AutorubricCriterion(_Foreign):
    """`weight` may be negative, for a mistake; options are sorted by their values."""

    name: Said | None = None
    requirement: Said
    weight: Number = 10.0
    options: tuple[AutorubricOption, ...] = ()

    def draft(self) -> Draft:
        """The criterion, made ready."""
        valued = sorted((o for o in self.options if not o.na), key=lambda option: option.value or 0)
        levels = tuple((option.label, "") for option in valued)
        return Draft(
            self.name or self.requirement,
            self.requirement,
            self.weight,
            levels,
            allow_na=len(valued) < len(self.options),
            note=_uneven([option.value or 0.0 for option in valued]),
        )

    @model_validator(mode="after")
    def _few_levels(self) -> AutorubricCriterion:
        count = sum(not option.na for option in self.options)
        if self.options and not 2 <= count <= MAX_LEVELS:
            raise fault(f"{count} options with a value; from 2 to {MAX_LEVELS} can be", "options")
        return self


class Autorubric(_Foreign):
    """A rubric of autorubric (YAML or JSON): a list, or `criteria` with a list.

    Assumed: a criterion without a weight has 10; without options it is met or not.
    """

    criteria: tuple[AutorubricCriterion, ...] = Field(min_length=1)

    def drafts(self) -> Iterator[Draft]:
        """Its criteria, in order."""
        yield from (criterion.draft() for criterion in self.criteria)


def _uneven(values: list[float]) -> str:
    """A note where levels, which are evenly spaced here, were not so there."""
    if len(values) < 2:
        return ""
    low, high = values[0], values[-1]
    even = [low + (high - low) * k / (len(values) - 1) for k in range(len(values))]
    if high > low and all(abs(a - b) < 1e-6 for a, b in zip(values, even, strict=True)):
        return ""
    return f"the values were {', '.join(f'{value:g}' for value in values)}; here they are even"


Foreign = Verifiers | HealthBench | Prometheus | Autorubric
FORMS: dict[Form, type[Foreign]] = {
    "verifiers": Verifiers,
    "healthbench": HealthBench,
    "prometheus": Prometheus,
    "autorubric": Autorubric,
}
