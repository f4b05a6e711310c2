"""A whole rubric: what good is. The contract of a rubric file, `schema: rubric/v1`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from judge.files import did_you_mean, fault
from judge.rubrics.cases import Case, check_case
from judge.rubrics.criterion import TOTAL, Criterion, Name
from judge.rubrics.scale import Part

RubricId = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*$")
]
_THREE_NUMBERS = r"^\d{1,6}\.\d{1,6}\.\d{1,6}$"


def _version(raw: object) -> object:
    if not isinstance(raw, str) or not re.fullmatch(_THREE_NUMBERS, raw):
        raise fault(f"version: {raw!r} is not three numbers", hint="such as 1.0.0")
    return raw


Version = Annotated[
    str, BeforeValidator(_version), WithJsonSchema({"type": "string", "pattern": _THREE_NUMBERS})
]
Parent = Annotated[str, StringConstraints(min_length=1)]
Words = tuple[str, ...]

GIVEN_INPUTS = ("prompt", "response", "reference", "context")
NOT_JUDGED = {
    "id",
    "version",
    "title",
    "status",
    "applies_to",
    "locked",
    "extends",
    "tests",
    "provenance",
    "quality",
    "schema_",
}
"""Fields that cannot change a verdict, and so are not part of the digest."""


class AppliesTo(Part):
    """What the rubric is meant for; an empty list is no restriction."""

    tasks: Words = ()
    domains: Words = ()
    dimensions: Words = ()
    scenarios: Words = ()
    disciplines: Words = ()
    languages: Words = ()
    users: Words = ()


class RubricInputs(Part):
    """Inputs beside the prompt and the response: `reference`, `context`, or a row's own."""

    required: tuple[Name, ...] = ()
    """A group without one of these is not judged."""
    optional: tuple[Name, ...] = ()
    hidden: tuple[Name, ...] = ()
    """Never shown to a model. With the prompt hidden, an answer is judged by the reference alone,
    which openers without content fool less (Zhao et al., arXiv 2507.08794)."""

    @model_validator(mode="after")
    def _response_is_seen(self) -> RubricInputs:
        if "response" in self.hidden:
            raise fault("the response cannot be hidden: it is judged", "hidden")
        return self


class Provenance(Part):
    """Where the rubric comes from."""

    method: str | None = None
    parents: Words = ()
    generator: str | None = None
    reviewer: str | None = None
    seed: int | None = None
    created: str | None = None


class Rubric(Part):
    """A rubric with its parents merged in."""

    schema_: Literal["rubric/v1"] = Field(alias="schema")
    id: RubricId
    """Where it is found, such as general/helpfulness."""
    version: Version = "0.1.0"
    """patch: wording; minor: criteria or weights; major: scores are not comparable."""
    title: str = ""
    description: str = ""
    """What the rubric rewards, in a sentence or two."""
    extends: Parent | None = None
    """One parent, such as general/helpfulness@^1."""
    status: Literal["draft", "active", "retired"] = "active"
    applies_to: AppliesTo = AppliesTo()
    inputs: RubricInputs = RubricInputs()
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    locked: Words = ()
    """Paths that a child may not weaken, such as criteria.no_harm or criteria.no_harm.weight."""
    tests: tuple[Case, ...] = ()
    """Tried by `judge rubric test`."""
    provenance: Provenance = Provenance()
    quality: dict[str, Any] = Field(default_factory=dict)
    """Filled by tools."""

    @model_validator(mode="after")
    def _consistent(self) -> Rubric:
        self._distinct_ids()
        if not any(criterion.weight > 0.0 for criterion in self.enabled):
            raise fault("no enabled criterion has a weight above 0", "criteria")
        by_id = {criterion.id: criterion for criterion in self.enabled}
        for index, criterion in enumerate(self.criteria):
            if criterion.enabled:
                self._known_inputs(criterion, ("criteria", index))
                _known_dependencies(criterion, by_id, ("criteria", index))
        self._no_circle()
        for index, case in enumerate(self.tests):
            check_case(case, by_id, ("tests", index))
        return self

    def _distinct_ids(self) -> None:
        seen = {TOTAL}
        for index, criterion in enumerate(self.criteria):
            if criterion.id in seen:
                reserved = f"the id {TOTAL!r} is reserved"
                again = f"the criterion id {criterion.id!r} is here a second time"
                message = reserved if criterion.id == TOTAL else again
                raise fault(message, "criteria", index, "id")
            seen.add(criterion.id)

    def _known_inputs(self, criterion: Criterion, at: tuple[str | int, ...]) -> None:
        inputs = self.inputs
        known = {*GIVEN_INPUTS, *inputs.required, *inputs.optional, *inputs.hidden}
        for index, name in enumerate(criterion.needs):
            if name not in known:
                raise fault(
                    f"needs: {name!r} is not an input of this rubric",
                    *at,
                    "needs",
                    index,
                    hint=did_you_mean(name, known) + " or declare it under inputs",
                )
            if name in inputs.hidden and (criterion.check is None or criterion.hybrid):
                raise fault(
                    f"needs: {name!r} is hidden, so the judge can never see it", *at, "needs", index
                )

    def _no_circle(self) -> None:
        needed = {c.id: c.depends_on for c in self.enabled}
        try:
            tuple(TopologicalSorter(needed).static_order())
        except CycleError as cause:
            waiting = set(cause.args[1])
        else:
            return
        for index, criterion in enumerate(self.criteria):
            if criterion.id in waiting:
                circle = ", ".join(sorted(waiting))
                raise fault(
                    f"depends_on goes in a circle: {circle}", "criteria", index, "depends_on"
                )

    @cached_property
    def enabled(self) -> tuple[Criterion, ...]:
        """The criteria that are part of the rubric, in file order."""
        return tuple(criterion for criterion in self.criteria if criterion.enabled)

    @cached_property
    def judged(self) -> tuple[Criterion, ...]:
        """Criteria the model can be asked about: no check, or a hybrid one."""
        return tuple(c for c in self.enabled if c.check is None or c.hybrid)

    @cached_property
    def checked(self) -> tuple[Criterion, ...]:
        """Criteria with a check, hybrid ones included."""
        return tuple(c for c in self.enabled if c.check is not None)

    @property
    def content(self) -> dict[str, Any]:
        """What its file would say with its parents merged in; `parse_rubric` reads it back."""
        return self.model_dump(
            mode="json",
            by_alias=True,
            exclude_defaults=True,
            exclude={"extends", "tests", "quality"},
        ) | {"schema": self.schema_}

    @cached_property
    def digest(self) -> str:
        """Sha256, in hex, of the canonical JSON of all that can change a verdict or its weight.

        Defaults are left out, so a field that a later version adds does not change old digests.
        """
        content = self.model_dump(mode="json", exclude=NOT_JUDGED, exclude_defaults=True)
        content["criteria"] = [
            criterion.model_dump(mode="json", exclude={"enabled"}, exclude_defaults=True)
            for criterion in self.enabled
        ]
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _known_dependencies(
    criterion: Criterion, known: Mapping[str, Criterion], at: tuple[str | int, ...]
) -> None:
    for index, name in enumerate(criterion.depends_on):
        if name not in known or name == criterion.id:
            raise fault(
                f"depends_on: no other criterion {name!r}",
                *at,
                "depends_on",
                index,
                hint=did_you_mean(name, known.keys() - {criterion.id}),
            )
