"""How a panel's verdicts on one criterion become one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from judge.judges.samples import Merge, Parts, applicable, least_mass, mean_parts, row_of
from judge.recipes.panels import Member, PanelRule, PanelSection
from judge.rubrics import Criterion
from judge.types import CriterionVerdict, FloatArray

PAIR_LEVELS = 3
"""Of a verdict on a pair: the second shown is better, a tie, the first shown is better."""


class Votes(NamedTuple):
    """What the members of a panel say on a criterion that applies."""

    section: PanelSection
    members: Sequence[Member]
    parts: Parts
    """One a member."""
    criterion: Criterion | None
    """None: two responses are compared."""
    two_way: bool
    """No tie can be said of them."""


def merge_of(
    section: PanelSection,
    members: Sequence[Member],
    criteria: Mapping[str, Criterion] | None,
    two_way: bool,
) -> Merge:
    """What makes one verdict's parts of those of the members that answered.

    A criterion that most of them (by weight) call not applicable stays so; else those that judge
    it decide.

    Args:
        section: The rule.
        members: Those that answered, in the order of their verdicts.
        criteria: What was asked about a response, by id; None: two were compared.
        two_way: No tie can be said of them.
    """
    weights = [member.weight for member in members]

    def merged(parts: Parts) -> CriterionVerdict:
        applies = applicable(parts, weights)
        if not applies:
            return mean_parts([(part,) for part in parts], weights)[0]
        criterion = None if criteria is None else criteria[parts[0].criterion_id]
        some, judged = [members[k] for k in applies], tuple(parts[k] for k in applies)
        return RULES[section.combine](Votes(section, some, judged, criterion, two_way))

    return lambda draws: tuple(merged(parts) for parts in zip(*draws, strict=True))


def mean(votes: Votes) -> CriterionVerdict:
    """The weighted mean of the distributions: a linear opinion pool."""
    weights = [member.weight for member in votes.members]
    return mean_parts([(part,) for part in votes.parts], weights)[0]


def median(votes: Votes) -> CriterionVerdict:
    """The verdict whose value is in the middle; of an even number, the mean of the two there."""
    ordered = sorted(votes.parts, key=_place)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    return mean_parts([(part,) for part in middle])[0]


def least(votes: Votes) -> CriterionVerdict:
    """The verdict that is worth least; of a pitfall, the one that finds most of it."""
    is_pitfall = votes.criterion is not None and votes.criterion.is_pitfall
    return sorted(votes.parts, key=_place)[-1 if is_pitfall else 0]


def posterior(votes: Votes) -> CriterionVerdict:
    """The posterior of the levels, from members of known confusions that err independently.

    log p(k) = log prior(k) + sum over members j, levels l of q_j(l) log confusion_j(k, l), up to a
    constant, q_j being the member's own distribution in place of the counts of its votes: the
    posterior of Dawid and Skene 1979 with fractional counts, so that a member in two minds says
    little. With one accuracy p a member, errors even over the other levels, this is the weighted
    majority of Nitzan and Paroush 1982: a sure vote adds log(p (K - 1) / (1 - p)), as in
    `judge.aggregate.panels.weighted_majority`. Members that err together (one family of models)
    count as if they did not: the posterior is then too sure.

    How much better a side is, and its own scores, are lost.
    """
    criterion = votes.criterion
    width = PAIR_LEVELS if criterion is None else len(criterion.levels)
    rows = np.array([row_of(part, width) for part in votes.parts])
    if votes.two_way:
        rows = rows[:, ::2]
    levels = rows.shape[1]
    prior = votes.section.prior or [1.0 / levels] * levels
    logs = np.log(np.array(prior))
    for member, row in zip(votes.members, rows, strict=True):
        logs = logs + _log_confusion(member, levels) @ row
    shares = np.exp(logs - logs.max())
    shares = shares / shares.sum()
    told = [float(share) for share in shares]
    if votes.two_way:
        told = [told[0], 0.0, told[1]]
    return replace(
        votes.parts[0],
        level=told.index(max(told)),
        value=sum(k * p for k, p in enumerate(told)) / (width - 1),
        probabilities=tuple(told),
        label_mass=least_mass(votes.parts),
        log_odds=None,
        scores=None,
    )


RULES: Mapping[PanelRule, Callable[[Votes], CriterionVerdict]] = {
    "mean": mean,
    "median": median,
    "min": least,
    "weighted_majority": posterior,
    "dawid_skene": posterior,
}
"""By the names of `recipes.panels.PanelRule`."""


def _log_confusion(member: Member, levels: int) -> FloatArray:
    """[right, said]; of one accuracy, with the errors even over the other levels."""
    table = np.array(member.confusion)
    if member.accuracy is not None:
        wrong = (1.0 - member.accuracy) / (levels - 1)
        table = np.where(np.eye(levels) > 0.0, member.accuracy, wrong)
    logs: FloatArray = np.log(table)
    return logs


def _place(part: CriterionVerdict) -> tuple[float, tuple[float, ...]]:
    """Where a verdict stands among others, whoever gave it."""
    return part.value or 0.0, part.probabilities
