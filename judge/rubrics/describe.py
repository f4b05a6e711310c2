"""A rubric in plain sentences."""

from __future__ import annotations

from judge.rubrics.criterion import Criterion
from judge.rubrics.schema import Rubric


def describe(criterion: Criterion) -> str:
    """One sentence: what is asked, on which scale, and what it does to the total."""
    head = f"{criterion.id} ({_importance(criterion)})"
    return f"{head}: {_asked(criterion)}{_scale(criterion)}{_gate(criterion)}."


def shares(rubric: Rubric) -> dict[str, float]:
    """Each enabled criterion's share of the weight, by id; tiers are the recipe's to weigh."""
    if any(criterion.tier for criterion in rubric.enabled):
        return {}
    total = sum(criterion.weight for criterion in rubric.enabled)
    return {criterion.id: criterion.weight / total for criterion in rubric.enabled}


def _importance(criterion: Criterion) -> str:
    return criterion.tier or f"weight {criterion.weight:g}"


def _asked(criterion: Criterion) -> str:
    parts = []
    if criterion.check:
        parts.append(f"a program checks that the response {criterion.check.params.sentence()}")
    if criterion.question and (criterion.check is None or criterion.hybrid):
        parts.append(f'the judge is asked "{criterion.question}"')
    return ", and if it cannot tell ".join(parts)


def _scale(criterion: Criterion) -> str:
    if criterion.errors:
        return ", and lists errors of " + ", ".join(criterion.errors.aspects)
    if criterion.check and not criterion.hybrid:
        return ", a mistake if so" if criterion.is_pitfall else ""
    names = [level.name for level in criterion.levels]
    if names == ["no", "yes"]:
        return ', where "yes" is a mistake' if criterion.is_pitfall else ""
    span = f", {len(names)} levels from {names[0]} to {names[-1]}"
    return span + (", where the first is best" if criterion.is_pitfall else "")


def _gate(criterion: Criterion) -> str:
    gate = criterion.gate
    if gate is None:
        return ""
    worse = [f'"{lv.name}"' for k, lv in enumerate(criterion.levels) if gate.fires(criterion, k)]
    what = {
        "zero": "makes the total 0",
        "cap": f"caps the total at {gate.at}",
        "drop": "takes the response out of its group",
    }[gate.then]
    subject = "failing" if criterion.check else " or ".join(worse) or "no level"
    return f"; {subject} {what}"
