"""What is asked about one rubric: the criteria in chunks, each with its grammar and its prompt.

A plan is made once per rubric (and once per set of inputs that a group has) and shared by all
groups, so that judging a call costs no template and no grammar work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import msgspec

from judge.decoding import (
    EVIDENCE_CHARS,
    NOT_APPLICABLE,
    OVERALL,
    PAIR_CODES,
    PAIR_SCORES,
    SIDES,
    Column,
    ListSpec,
    OutputSpec,
    Slot,
)
from judge.errors import RecipeError
from judge.prompts import PromptTemplate, Skeleton
from judge.recipes import Recipe
from judge.recipes.schema import DENSE
from judge.rubrics import Criterion, Rubric
from judge.types import Abilities, Constraint, ConstraintKind, Engine, Sampling

LEVEL_CODES = tuple("123456789")
NAMES = tuple("ABCDEFGHIJKLMNOPQRST")
"""What responses are called that are shown together; a name says nothing of who wrote one."""
TWO_SIDED = ("scores", "levels")
"""Verdicts on a pair that give each side its own."""


Noun = Literal["step", "sentence", "clause", "passage", "error"]
"""What a part of a response is called."""


class Form(NamedTuple):
    """What a call about the parts of one response is about."""

    noun: Noun
    start: int = 0
    stop: int = 0
    """The parts asked about, numbered from 0; of passages and errors, which the judge lists, none.
    """
    total: int = 0
    """How many parts there are."""


class Question(msgspec.Struct, frozen=True, gc=False):
    """One call's criteria, the form of its answer and its prompt."""

    criteria: tuple[Criterion, ...]
    spec: OutputSpec
    skeleton: Skeleton
    sampling: Sampling
    constraint: Constraint | None
    key: str
    """Digest of all of it, the engine and the recipe included."""
    others: tuple[Question, ...] = ()
    """The same as the other judges of a panel or cascade are asked it, in the recipe's order."""

    @property
    def cites(self) -> bool:
        """Whether a verdict needs words of a source that the response cites."""
        return cites(self.criteria)

    @property
    def shows_sources(self) -> bool:
        """Whether the prompt shows what stands behind a response's citations."""
        return "cited" in self.skeleton.holes


def questions(
    rubric: Rubric,
    criteria: Sequence[Criterion],
    recipe: Recipe,
    template: PromptTemplate,
    engine: Engine,
    *,
    pairs: bool,
    has_reference: bool,
    has_context: bool,
    listed: int = 0,
    form: Form | None = None,
) -> tuple[Question, ...]:
    """The calls one response, or one ordered pair, takes.

    Args:
        rubric: The rubric, for its description and digest.
        criteria: The judged criteria that apply, in file order.
        recipe: How to judge.
        template: The prompt.
        engine: A started engine; the codes are checked against its tokenizer.
        pairs: Whether two responses are compared.
        has_reference: Whether the group has a reference that the prompt shows.
        has_context: Whether the group has a context.
        listed: How many responses are shown at once; 0: one, or the two of a pair.
        form: What is asked about the parts of one response; None: it is judged as a whole.

    Raises:
        RecipeError: A criterion cannot be served in this mode.
        ConfigError: A code is not one token of the engine's tokenizer.
        TemplateError: The template misuses a value.
    """
    check_served(criteria, recipe)
    alone = not (pairs or listed or form)
    made = []
    for chunk in _chunks(criteria, recipe):
        slots = _pair_slots(chunk, recipe) if pairs else _level_slots(chunk, recipe)
        if listed:
            slots = _listed_slots(slots, listed)
        judge = recipe.judge
        if form is not None:
            slots = _part_slots(slots, form)
        critique = judge.max_reason_chars if judge.reasoning == "critique" else 0
        if form is not None and not form.total:
            spec: OutputSpec = _list_spec(chunk[0], form, recipe, critique)
        else:
            names = slots_of(chunk) if alone and cites(rubric.enabled) else ()
            spec = OutputSpec(slots, critique, names=names).fitted(engine.encode)
        values = _values(rubric, chunk, recipe, spec, pairs=pairs)
        values["has"] = {"reference": has_reference, "context": has_context}
        values["names"] = list(NAMES[:listed])
        if form is not None:
            values |= _form_values(form, recipe)
        made.append(
            Question(
                tuple(chunk),
                spec,
                template.skeleton(values),
                Sampling(
                    judge.temperature,
                    max_tokens=judge.max_tokens,
                    think_tokens=judge.think_tokens,
                ),
                spec.constraint(_kinds(engine.abilities)),
                _key(rubric, chunk, recipe, template, engine, spec),
            )
        )
        _check_sources(made[-1], rubric, template, alone)
    return tuple(made)


def cites(criteria: Sequence[Criterion]) -> bool:
    """Whether a verdict on some criterion needs words of a source that the response cites."""
    return any(criterion.evidence == "citation" for criterion in criteria)


def slots_of(criteria: Sequence[Criterion]) -> tuple[str, ...]:
    """The entities that criteria share, each once, in file order."""
    return tuple(dict.fromkeys(slot for criterion in criteria for slot in criterion.slots))


def _check_sources(
    question: Question, rubric: Rubric, template: PromptTemplate, alone: bool
) -> None:
    """Raise RecipeError unless citations are judged where the sources are shown, and only there."""
    if question.cites and not alone:
        raise RecipeError(
            "evidence: citation is judged of one whole response at a time",
            hint="use a recipe of mode pointwise, such as carr",
        )
    shown = question.shows_sources
    if (question.cites and not shown) or (shown and not cites(rubric.enabled)):
        lacks = "shows" if shown else "does not show"
        raise RecipeError(
            f"template {template.name!r} {lacks} what a response cites",
            hint="`template: citations` and criteria with `evidence: citation` go together",
        )


def check_served(criteria: Sequence[Criterion], recipe: Recipe) -> None:
    """Raise RecipeError for a criterion that cannot be judged in the recipe's mode."""
    mode = recipe.judge.mode
    _check_classes(criteria, recipe)
    for criterion in criteria:
        dense = criterion.kind in ("step", "span") and mode not in DENSE
        if dense or (criterion.is_error_scale and mode != "errors"):
            raise RecipeError(
                f"criterion {criterion.id!r} (kind {criterion.kind}) cannot be judged in mode"
                f" {mode}",
                hint="use a criterion with levels, or disable it with `enabled: false`",
            )


def _check_classes(criteria: Sequence[Criterion], recipe: Recipe) -> None:
    """Raise RecipeError where a panel's numbers are of another scale than a criterion's."""
    classes = None if recipe.panel is None else recipe.panel.classes
    if classes is None or recipe.judge.mode == "pairwise":
        return
    for criterion in criteria:
        if len(criterion.levels) != classes:
            raise RecipeError(
                f"the panel's confusions and prior are of {classes} levels, criterion"
                f" {criterion.id!r} has {len(criterion.levels)}",
                hint="panels of known confusions judge criteria on one scale",
            )


def _chunks(criteria: Sequence[Criterion], recipe: Recipe) -> list[Sequence[Criterion]]:
    calls = recipe.judge.calls
    ordered = _by_dependency(criteria)
    if not ordered:
        return []
    size = {"one": len(ordered), "each": 1}.get(str(calls)) or int(calls)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def _by_dependency(criteria: Sequence[Criterion]) -> list[Criterion]:
    """File order, but a criterion comes after those it depends on."""
    ordered: list[Criterion] = []
    waiting = list(criteria)
    while waiting:
        here = {criterion.id for criterion in waiting}
        ready = next((c for c in waiting if not here & set(c.depends_on)), waiting[0])
        ordered.append(ready)
        waiting.remove(ready)
    return ordered


def _level_slots(criteria: Sequence[Criterion], recipe: Recipe) -> tuple[Slot, ...]:
    return tuple(
        Slot(
            criterion.id,
            LEVEL_CODES[: len(criterion.levels)],
            criterion.allow_na,
            recipe.judge.max_reason_chars if recipe.judge.reasoning == "brief" else 0,
            criterion.evidence != "none",
        )
        for criterion in criteria
    )


def _listed_slots(slots: Sequence[Slot], listed: int) -> tuple[Slot, ...]:
    """The slots of one response for each of several: one criterion after the other."""
    return tuple(
        replace(slot, key=f"{slot.key}.{name}") for slot in slots for name in NAMES[:listed]
    )


def _part_slots(slots: Sequence[Slot], form: Form) -> tuple[Slot, ...]:
    """The slots of the whole for each part: one criterion after the other."""
    numbers = range(form.start + 1, form.stop + 1)
    return tuple(replace(slot, key=f"{slot.key}.{n}") for slot in slots for n in numbers)


def _list_spec(criterion: Criterion, form: Form, recipe: Recipe, critique: int) -> ListSpec:
    """What lists passages or errors: a quotation, perhaps a reason, then labels."""
    judge = recipe.judge
    columns = [Column("location", EVIDENCE_CHARS)]
    if judge.reasoning == "brief":
        columns.append(Column("explanation", judge.max_reason_chars))
    scale = criterion.errors
    if scale is None:
        columns.append(Column("level", choices=LEVEL_CODES[: len(criterion.levels)]))
    else:
        columns.append(Column("aspect", choices=scale.aspects))
        columns.append(Column("severity", choices=tuple(scale.severities)))
    return ListSpec(
        (), critique, key=f"{form.noun}s", columns=tuple(columns), most=judge.max_listed
    )


def _form_values(form: Form, recipe: Recipe) -> dict[str, object]:
    return {
        "noun": form.noun,
        "count": form.total,
        "numbers": list(range(1, form.total + 1)),
        "first": form.start + 1,
        "last": form.stop,
        "most": recipe.judge.max_listed,
    }


def _pair_slots(criteria: Sequence[Criterion], recipe: Recipe) -> tuple[Slot, ...]:
    judge = recipe.judge
    reason = judge.max_reason_chars if judge.reasoning == "brief" else 0
    keys = [OVERALL] if recipe.criteria.combine == "overall" else [c.id for c in criteria]
    if judge.verdict in TWO_SIDED:
        scales = [LEVEL_CODES[: len(c.levels)] for c in criteria]
        if judge.verdict == "scores":
            scales = [PAIR_SCORES] * len(keys)
        return tuple(
            Slot(f"{key}.{side}", codes, False, reason if side == "A" else 0)
            for key, codes in zip(keys, scales, strict=True)
            for side in SIDES
        )
    codes = tuple(code.code for code in PAIR_CODES[judge.verdict])
    return tuple(Slot(key, codes, False, reason) for key in keys)


def _values(
    rubric: Rubric,
    criteria: Sequence[Criterion],
    recipe: Recipe,
    spec: OutputSpec,
    *,
    pairs: bool,
) -> dict[str, object]:
    """What a template may use; see prompts/."""
    return {
        "rubric": {"description": rubric.description},
        "criteria": [
            {
                "id": criterion.id,
                "question": criterion.question,
                "pitfall": criterion.is_pitfall,
                "slots": list(criterion.slots),
                "evidence": criterion.evidence,
                "optional": criterion.allow_na and not (pairs or isinstance(spec, ListSpec)),
                "good": list(criterion.examples.good),
                "bad": list(criterion.examples.bad),
                "levels": [
                    {"code": code, "name": level.name, "meaning": level.meaning}
                    for code, level in zip(LEVEL_CODES, criterion.levels, strict=False)
                ],
                "aspects": list(criterion.errors.aspects) if criterion.errors else [],
                "severities": list(criterion.errors.severities) if criterion.errors else [],
            }
            for criterion in criteria
        ],
        "show_codes": not pairs or recipe.judge.verdict == "levels",
        "overall": recipe.criteria.combine == "overall",
        "two_sided": recipe.judge.verdict if recipe.judge.verdict in TWO_SIDED else "",
        "choices": [
            {"code": choice.code, "meaning": choice.meaning}
            for choice in PAIR_CODES.get(recipe.judge.verdict, ())
        ],
        "output": {
            "shape": spec.shape(),
            "bare": spec.bare,
            "critique": recipe.judge.reasoning == "critique",
            "brief": recipe.judge.reasoning == "brief",
            "evidence": any(slot.evidence for slot in spec.slots),
            "names": list(spec.names),
            "not_applicable": NOT_APPLICABLE,
        },
    }


def _key(
    rubric: Rubric,
    criteria: Sequence[Criterion],
    recipe: Recipe,
    template: PromptTemplate,
    engine: Engine,
    spec: OutputSpec,
) -> str:
    facts = [
        engine.digest,
        template.digest,
        rubric.digest,
        [criterion.id for criterion in criteria],
        recipe.judge.model_dump(mode="json", exclude={"attempts"}, exclude_defaults=True),
        recipe.criteria.combine == "overall",
        recipe.guards.min_label_mass,
        spec.shape(),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _kinds(abilities: Abilities) -> frozenset[ConstraintKind]:
    """The constraints to choose from."""
    spaced = abilities.spaced_json and "regex" in abilities.constraints
    return abilities.constraints - {"json_schema"} if spaced else abilities.constraints
