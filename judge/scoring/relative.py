"""Responses against each other, or against one of them, or against the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from judge.aggregate.criteria import Gated, gates
from judge.aggregate.rewards import REWARDS, Valued, lowest, skew
from judge.errors import ConfigError
from judge.judges.base import Tally
from judge.judges.case import Case
from judge.scoring.absolute import absolute
from judge.scoring.contest import PairContest, draw
from judge.scoring.outcome import (
    ALONE,
    Outcome,
    nothing,
    ranged,
    reward_of,
    settled_score,
    skipped,
)
from judge.scoring.seeds import seeds_of
from judge.scoring.setting import Checked, Setting
from judge.types import Failure, Pairwise, Reward, Score, Verdict


async def relative(setting: Setting, case: Case, checked: Checked, tally: Tally) -> Outcome:
    """Judge pairs by the recipe's schedule and turn them into rewards.

    Args:
        setting: What to judge with.
        case: The group.
        checked: The checks' verdicts by response and criterion.
        tally: Where usage and failures go.
    """
    group, recipe = case.group, setting.recipe
    n = len(group.responses)
    with_reference = recipe.group.schedule == "reference" and group.reference is not None
    if n == 1 and not with_reference:
        return Outcome([skipped(ALONE)], [None])
    if recipe.group.schedule == "reference" and not with_reference and group.anchor is None:
        text = "no reference and no anchor to compare with"
        return nothing(group, Failure("rubric", "missing_input", text))
    reference = case.with_reference() if with_reference else None
    criteria = case.criteria
    fired = [gates(criteria, checked[index]) for index in range(n)]
    scores = [settled_score(fired[index], checked[index]) for index in range(n)]
    playing = [index for index in range(n) if scores[index] is None]
    anchor = _fixed(setting, case, playing)
    if reference is not None:
        anchor = reference
        ((checked[anchor], broken),) = await case.checks([anchor], recipe)
        tally.failures += broken
        playing.append(anchor)
    rule = REWARDS[recipe.group.reward]
    seeds = await seeds_of(setting, case, playing, tally) if len(playing) > 1 else None
    if isinstance(seeds, Failure):
        return nothing(group, seeds)
    contest = PairContest(setting, case, checked, tally, playing, rule, seeds)
    if recipe.group.agree is not None:
        contest.alone = await _alone(setting, case, checked, tally)
    try:
        ranking, values = await contest.held(anchor, scores)
    except ConfigError as error:
        if not error.message.startswith("budget:"):
            raise
        return nothing(group, Failure("aggregate", "budget", error.message))
    if values is not None and recipe.group.max_skew is not None:
        found = skew(values)
        if found > recipe.group.max_skew:
            why = f"|sum of rewards| / N is {found:.2f}, above max_skew"
            return Outcome([skipped(why, "dropped")] * n, scores, ranking, contest.verdicts)
    rewards = _rewards(contest, scores, fired, values)
    return Outcome(rewards, scores, ranking, contest.verdicts)


async def _alone(
    setting: Setting, case: Case, checked: Checked, tally: Tally
) -> dict[int, float | None]:
    """The score of each response that meets others, judged by itself."""
    own = {index: dict(parts) for index, parts in checked.items()}
    outcome = await absolute(setting, case.under(case.rubric), own, tally)
    scores = zip(own, outcome.scores, strict=True)
    return {index: None if score is None else score.value for index, score in scores}


def _rewards(
    contest: PairContest,
    scores: Sequence[Score | None],
    fired: Sequence[Sequence[Gated]],
    values: Sequence[Valued] | None,
) -> list[Reward]:
    """The rewards of those who played, and of those a gate took out."""
    recipe, case, rule = contest.setting.recipe, contest.case, contest.rule
    criteria, playing = case.criteria, contest.playing
    seen = _seen(case, contest.verdicts)
    floor = lowest(rule, values or ())
    rewards = []
    for index, score in enumerate(scores):
        if score is not None:
            worst = score if score.value is None else replace(score, value=floor)
            rewards.append(
                reward_of(
                    recipe,
                    rule.range,
                    criteria,
                    worst,
                    fired[index],
                    contest.checked[index],
                    None,
                    "",
                )
            )
        elif values is None:
            rewards.append(skipped("nothing is left to compare it with"))
        else:
            valued = values[playing.index(index)]
            parts, critique = seen[case.digests[index]]
            rewards.append(
                ranged(recipe, rule.range, valued, contest.broken.get(index), parts, critique)
            )
    return rewards


def _fixed(setting: Setting, case: Case, playing: Sequence[int]) -> int | None:
    """The response that the others meet; None where the schedule has none."""
    if setting.recipe.group.schedule not in ("anchor", "reference"):
        return case.group.anchor if case.group.anchor in playing else None
    if case.group.anchor is not None:
        return case.group.anchor
    return _drawn(setting, case, playing)


def _drawn(setting: Setting, case: Case, playing: Sequence[int]) -> int | None:
    """The response all others are compared with, where the group names none."""
    if not playing:
        return None
    ordered = sorted(playing, key=lambda index: case.digests[index])
    return ordered[int.from_bytes(draw(setting, case)[8:16], "big") % len(ordered)]


def _seen(case: Case, verdicts: Sequence[Verdict]) -> dict[str, tuple[dict[str, float], str]]:
    """By a response's digest: its mean value on each criterion, and its first critique.

    Equal responses share their comparisons, so that they have equal rewards.
    """
    totals: dict[str, dict[str, list[float]]] = {}
    critiques: dict[str, str] = {}
    known = {criterion.id for criterion in case.criteria}
    for verdict in verdicts:
        if not isinstance(verdict, Pairwise):
            continue
        first, second = case.digests[verdict.first], case.digests[verdict.second]
        for digest in (first, second):
            if verdict.critique:
                critiques.setdefault(digest, verdict.critique)
        for part in verdict.parts:
            # A criterion written for one pair says nothing of the group.
            if part.value is not None and (not verdict.rubric or part.criterion_id in known):
                for digest, value in ((first, part.value), (second, 1.0 - part.value)):
                    own = totals.setdefault(digest, {})
                    own.setdefault(part.criterion_id, []).append(value)
    return {
        digest: (
            {name: math.fsum(seen) / len(seen) for name, seen in totals.get(digest, {}).items()},
            critiques.get(digest, ""),
        )
        for digest in case.digests
    }
