"""Statements that hang together by the entities they share: the walk of CaRR, and what it pays."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from judge.aggregate.items import Combined, Item
from judge.errors import RecipeError
from judge.recipes import CriteriaSection
from judge.rubrics import Criterion


def reachable(statements: Sequence[tuple[Collection[str], bool]], root: str) -> list[bool]:
    """Which statements count: those that hold and are joined to the root by others that hold.

    The walk of CaRR (arXiv 2601.06021): breadth first from the root entity, over statements that
    share an entity.

    Args:
        statements: Of each statement its entities, and whether it holds.
        root: The entity to start from, the answer.
    """
    reached, counted = {root}, [False] * len(statements)
    found = True
    while found:
        found = False
        for index, (entities, holds) in enumerate(statements):
            if holds and not counted[index] and not reached.isdisjoint(entities):
                reached.update(entities)
                counted[index] = found = True
    return counted


def connected_fraction(items: Sequence[Item], section: CriteriaSection) -> Combined | None:
    """The right answer, and how much of its chain is proven: o (1 - a + a f) (C-GRPO).

    f is the share, by weight, of the statements (criteria with slots) that hold, each by more than
    even odds, and are joined to `root`; a is `chain_share`; the outcome o is the mean of the other
    criteria. Without others the value is f. CaRR and C-GRPO (arXiv 2601.06021), with f as it is, as
    the released script has it; the paper first divides it by the group's largest [secondary].

    The error is of first order: what turning each statement round would change, by its chances.
    """
    chain = [item for item in items if item.slots and item.weight]
    others = [item for item in items if not item.slots and item.weight]
    if not chain:
        return None
    holds = [item.met > 0.5 for item in chain]
    part = _connected(chain, holds, section.root)
    outcome = _mean(others, [item.value for item in others])
    fixed, share = (1.0 - section.chain_share, section.chain_share) if others else (0.0, 1.0)
    value = outcome * (fixed + share * part)
    if any(item.variance is None for item in (*chain, *others)):
        return Combined(value, None)
    squares = 0.0
    for index, item in enumerate(chain):
        turned = [held is not (k == index) for k, held in enumerate(holds)]
        change = outcome * share * (_connected(chain, turned, section.root) - part)
        squares += item.met * (1.0 - item.met) * change * change
    total = math.fsum(item.weight for item in others)
    for item in others:
        change = item.weight / total * (fixed + share * part)
        squares += (item.variance or 0.0) * change * change
    return Combined(value, math.sqrt(squares))


def check_chain(criteria: Sequence[Criterion], section: CriteriaSection) -> None:
    """Raise RecipeError unless the criteria of weight are statements of a chain, or its outcome."""
    for criterion in criteria:
        if bool(criterion.slots) is (criterion.scope == "answer"):
            raise RecipeError(
                f"criterion {criterion.id!r}: combine: connected_fraction takes statements with"
                " `slots`, and the right answer with `scope: answer`",
                hint="weight 0 leaves a criterion out",
            )
    if criteria and not any(section.root in criterion.slots for criterion in criteria):
        raise RecipeError(
            f"combine: connected_fraction finds no criterion with the slot {section.root!r}",
            hint="name the answer's slot in criteria.root",
        )


def _connected(chain: Sequence[Item], holds: Sequence[bool], root: str) -> float:
    counted = reachable(list(zip([item.slots for item in chain], holds, strict=True)), root)
    return _mean(chain, [float(counts) for counts in counted])


def _mean(items: Sequence[Item], values: Sequence[float]) -> float:
    """The weighted mean; 1 of nothing."""
    total = math.fsum(item.weight for item in items)
    earned = math.fsum(i.weight * value for i, value in zip(items, values, strict=True))
    return earned / total if total else 1.0
