"""From verdicts on criteria to one value for a response, or to one preference for a pair."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from judge.aggregate.combine import COMBINERS, COMPLETE, Item, log_and
from judge.errors import RecipeError
from judge.recipes import CriteriaSection
from judge.rubrics import Criterion
from judge.types import CriterionVerdict, Score

Parts = Mapping[str, CriterionVerdict]


class Gated(msgspec.Struct, frozen=True, gc=False):
    """A gate that a verdict set off."""

    criterion_id: str
    then: Literal["zero", "cap", "drop"]
    at: float | None


def criterion_weights(
    criteria: Iterable[Criterion], tiers: Mapping[str, float]
) -> dict[str, float]:
    """Each criterion's weight; one that names a tier takes the recipe's number for it.

    Raises:
        RecipeError: The recipe has no number for a tier.
    """
    return {c.id: c.weight if c.tier is None else _tier_weight(c, tiers) for c in criteria}


def _tier_weight(criterion: Criterion, tiers: Mapping[str, float]) -> float:
    weight = tiers.get(str(criterion.tier))
    if weight is None:
        raise RecipeError(
            f"criterion {criterion.id!r} has the tier {criterion.tier!r}, which has no weight",
            hint=f"the recipe's criteria.tiers knows {', '.join(tiers) or 'none'}",
        )
    return weight


def gates(criteria: Iterable[Criterion], parts: Parts) -> list[Gated]:
    """The gates that fired, in the order of the criteria."""
    fired = []
    for criterion in criteria:
        gate = criterion.gate
        if gate is None:
            continue
        part = parts.get(criterion.id)
        if part is not None and part.level is not None and gate.fires(criterion, part.level):
            fired.append(Gated(criterion.id, gate.then, gate.at))
    return fired


def settled(fired: Sequence[Gated]) -> Gated | None:
    """The gate that settles a response whatever else is judged: drop before zero; caps do not."""
    if not fired:
        return None
    by_kind = {gate.then: gate for gate in reversed(fired)}
    return by_kind.get("drop") or by_kind.get("zero")


def applicable(criteria: Sequence[Criterion], parts: Parts) -> list[Criterion]:
    """The criteria that count for this response.

    Left out: those judged not to apply, and those that depend on a criterion at its worst level or
    on one that is left out itself.
    """
    out: set[str] = set()
    failed: set[str] = set()
    dependent = False
    for criterion in criteria:
        dependent = dependent or bool(criterion.depends_on)
        part = parts.get(criterion.id)
        if part is None:
            continue
        if part.level is None:
            out.add(criterion.id)
        elif part.level == (len(criterion.levels) - 1 if criterion.is_pitfall else 0):
            failed.add(criterion.id)
    if not out and not dependent:
        return list(criteria)
    blocked = {c.id for c in criteria if not (out | failed).isdisjoint(c.depends_on)}
    while not blocked <= out:
        out |= blocked
        blocked = {c.id for c in criteria if not out.isdisjoint(c.depends_on)}
    return [criterion for criterion in criteria if criterion.id not in out]


def worth(criterion: Criterion, part: CriterionVerdict) -> float:
    """What a verdict is worth in [0, 1]: its value along the scale; 1 - value for a pitfall."""
    value = 0.0 if part.value is None else part.value
    return 1.0 - value if criterion.is_pitfall else value


def variance(part: CriterionVerdict) -> float | None:
    """Variance of a verdict's value under its own probabilities; None: only the label is known."""
    if part.by == "check":
        return 0.0
    top = len(part.probabilities) - 1
    if top < 1:
        return None
    mean = math.fsum([k * p for k, p in enumerate(part.probabilities)]) / top
    square = math.fsum([k * k * p for k, p in enumerate(part.probabilities)]) / (top * top)
    return max(0.0, square - mean * mean)


def score_of(
    criteria: Sequence[Criterion],
    parts: Parts,
    weights: Mapping[str, float],
    fired: Sequence[Gated],
    section: CriteriaSection,
) -> Score:
    """sum(w v) / sum(w) over the criteria really judged, or another rule; then the gates.

    Args:
        criteria: The rubric's enabled criteria.
        parts: The verdicts there are, by criterion; a missing one was not judged.
        weights: One weight a criterion, >= 0.
        fired: The gates that the verdicts set off; none that settles the response (`settled`).
        section: How to combine. A rule that ranks a whole group by its criteria (`GROUP_RULES`)
            takes this for the weighted mean.

    Returns:
        A value in the rule's range, [0, 1] but for log_and; None where nothing of weight was
        judged, or where a criterion with a gate, or any that the rule cannot do without
        (`COMPLETE`), was not. `coverage` is the judged share of the
        weight that applies. The standard error is that of drawing each level from its
        probabilities, independently; None where some verdict is a label only.

    Raises:
        RecipeError: The rule asks for a layer that a criterion lacks.
    """
    told = tuple([parts[c.id] for c in criteria if c.id in parts])
    total = judged = value = squares = 0.0
    open_gate = labels_only = False
    counted = applicable(criteria, parts)
    for criterion in counted:
        weight = weights[criterion.id]
        total += weight
        part = parts.get(criterion.id)
        if part is None:
            needed = weight and section.combine in COMPLETE
            open_gate = open_gate or criterion.gate is not None or bool(needed)
            continue
        judged += weight
        value += weight * worth(criterion, part)
        spread = variance(part)
        if spread is not None:
            squares += weight * weight * spread
        elif weight:
            labels_only = True
    coverage = judged / total if total else 0.0
    if not judged or open_gate:
        return Score(None, None, coverage, told)
    value /= judged
    error = None if labels_only else math.sqrt(squares) / judged
    combiner = COMBINERS.get(section.combine)
    if combiner is not None:
        items = [_item(c, parts[c.id], weights[c.id]) for c in counted if c.id in parts]
        whole = combiner(items, section)
        if whole is None:
            return Score(None, None, coverage, told)
        value, error = whole.value, whole.standard_error
    for gate in fired:
        value = value if gate.at is None else min(value, gate.at)
    return Score(value, error, coverage, told)


def floor_of(
    criteria: Sequence[Criterion], weights: Mapping[str, float], section: CriteriaSection
) -> float:
    """What a response is worth that a gate has set to zero: the low end of the rule's range."""
    if section.combine != "log_and":
        return 0.0
    worst = [Item(c.id, weights[c.id], 0.0, 0.0, 0.0) for c in criteria]
    whole = log_and(worst, section)
    return 0.0 if whole is None else whole.value


def _item(criterion: Criterion, part: CriterionVerdict, weight: float) -> Item:
    value, chances = part.value or 0.0, part.probabilities
    is_pitfall = criterion.is_pitfall
    if is_pitfall:
        value = 1.0 - value
    # Where errors are counted there are no levels: a criterion without one is met.
    best = 0 if is_pitfall else max(1, len(criterion.levels) - 1)
    met = chances[best] if chances else float(part.level == best)
    spread = variance(part)
    return Item(
        part.criterion_id, weight, value, spread, met, criterion.tier, criterion.layer, is_pitfall,
        criterion.slots,
    )  # fmt: skip
