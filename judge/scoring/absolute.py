"""Each response alone: its own score is its reward, or what it is worth among the others'."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from msgspec.structs import replace

from judge.aggregate.criteria import criterion_weights, floor_of, gates, score_of, worth
from judge.aggregate.tables import group_values
from judge.judges.base import Tally
from judge.judges.case import Case
from judge.judges.parts import noun_of
from judge.judges.pointwise import PointwiseJudge
from judge.recipes.schema import DENSE
from judge.rubrics import Criterion
from judge.scoring.calibrated import level_of
from judge.scoring.dense import Dense, dense
from judge.scoring.listed import listed
from judge.scoring.outcome import Outcome, reward_of, settled_score
from judge.scoring.segments import segments_of
from judge.scoring.setting import Checked, Setting
from judge.scoring.shape import wants_reference
from judge.types import ErrorReport, Failure, Listing, Pointwise, Score, Spans

Told = Pointwise | Listing | Spans | ErrorReport


async def absolute(setting: Setting, case: Case, checked: Checked, tally: Tally) -> Outcome:
    """Judge every response that no check settles against the criteria that apply.

    Args:
        setting: What to judge with.
        case: The group.
        checked: The checks' verdicts by response and criterion; the judge's are added.
        tally: Where usage and failures go.
    """
    recipe = setting.recipe
    reference = None
    if wants_reference(recipe.transforms, case.group):
        reference = case.with_reference()
        ((checked[reference], failures),) = await case.checks([reference], recipe)
        tally.failures += failures
    criteria = case.criteria
    verdicts, by_parts = await _all_judged(setting, case, checked, tally)
    broken = by_parts.broken
    critiques = _critiques(verdicts)
    weights = criterion_weights(criteria, recipe.criteria.tiers)
    floor = floor_of(criteria, weights, recipe.criteria)
    fired = {index: gates(criteria, parts) for index, parts in checked.items()}
    scores: dict[int, Score] = {}
    settled: set[int] = set()
    for index, parts in checked.items():
        score = settled_score(fired[index], parts, floor)
        if score is None:
            score = score_of(criteria, parts, weights, fired[index], recipe.criteria)
        else:
            settled.add(index)
        scores[index] = score
    against = [] if reference is None else [scores.pop(reference).value]
    if recipe.is_group_rule and len(scores) > 1:
        scores = _against_each_other(setting, case, checked, scores, settled)
    own = None if floor else (0.0, 1.0)
    rewards = []
    for index, score in scores.items():
        gone, parts = broken.get(index), checked[index]
        said = "\n".join(critiques[index]) if index in critiques else ""
        reward = reward_of(recipe, own, criteria, score, fired[index], parts, gone, said)
        if reward.status == "ok" and index in by_parts.found:
            response, found = case.responses[index], by_parts.found[index]
            segments = segments_of(setting, response, criteria, weights, parts, found)
            reward = replace(reward, segments=segments)
        rewards.append(reward)
    outcome = Outcome(rewards, list(scores.values()), None, list(verdicts))
    outcome.references = [value for value in against if value is not None]
    return outcome


async def _all_judged(
    setting: Setting, case: Case, checked: Checked, tally: Tally
) -> tuple[Sequence[Told], Dense]:
    """Ask in the recipe's mode; the parts go to `checked`, failures to the second item."""
    recipe = setting.recipe
    if recipe.judge.mode == "listwise":
        listings, broken = await listed(setting, case, checked, tally)
        return listings, Dense(broken=broken)
    judged = [c for c in case.criteria if c.check is None or c.hybrid]
    is_dense = recipe.judge.mode in DENSE
    partly = [c for c in judged if is_dense and noun_of(c, recipe) is not None]
    whole = [c for c in judged if c not in partly]
    verdicts, broken = await _judged(setting, case, whole, checked, tally)
    by_parts = await dense(setting, case, partly, checked, tally) if partly else Dense()
    by_parts.broken |= broken
    return [*verdicts, *by_parts.verdicts], by_parts


def _critiques(verdicts: Sequence[Told]) -> dict[int, list[str]]:
    """What was said about each response."""
    critiques: dict[int, list[str]] = {}
    for verdict in verdicts:
        about = verdict.responses if isinstance(verdict, Listing) else (verdict.response,)
        for index in about if verdict.critique else ():
            critiques.setdefault(index, []).append(verdict.critique)
    return critiques


async def _judged(
    setting: Setting, case: Case, judged: Sequence[Criterion], checked: Checked, tally: Tally
) -> tuple[list[Pointwise], dict[int, Failure]]:
    """Ask about every response that no check settles; the parts go to `checked`.

    Returns:
        The verdicts, and the first failure of each response.
    """
    criteria = case.criteria
    whole = setting.asked(case, judged, pairs=False)
    wanted = []
    for index, parts in checked.items():
        if not parts:
            wanted.append((index, whole))
        elif settled_score(gates(criteria, parts), parts) is None:
            asked = [c for c in judged if c.id not in parts]
            wanted.append((index, setting.asked(case, asked, pairs=False)))
    judge = PointwiseJudge(setting.bench or setting.asker, setting.recipe, setting.seed)
    by_id = {criterion.id: criterion for criterion in judged}
    verdicts: list[Pointwise] = []
    broken: dict[int, Failure] = {}
    for index, answer in await judge.judge(case, wanted, tally):
        if isinstance(answer, Failure):
            broken.setdefault(index, answer)
            continue
        verdicts.append(answer)
        for part in answer.parts:
            criterion = by_id[part.criterion_id]
            checked[index][criterion.id] = level_of(setting.calibration, criterion, part)
    return verdicts, broken


def _against_each_other(
    setting: Setting, case: Case, checked: Checked, scores: dict[int, Score], settled: set[int]
) -> dict[int, Score]:
    """The scores with values by a rule over the whole group; those a gate settled keep theirs.

    A response of which too little was judged takes no part. Equal responses share their mean.
    """
    recipe, criteria = setting.recipe, case.criteria
    weights = criterion_weights(criteria, recipe.criteria.tiers)
    playing = [
        index
        for index, score in scores.items()
        if index not in settled
        and score.value is not None
        and score.coverage >= recipe.guards.min_coverage
    ]
    playing.sort(key=lambda index: case.digests[index])
    table = [
        [
            None
            if (part := checked[index].get(c.id)) is None or part.value is None
            else worth(c, part)
            for c in criteria
        ]
        for index in playing
    ]
    text = f"{setting.seed}\0{case.group.id}\0{case.group.attempt}"
    draw = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    values = group_values(
        table,
        [weights[c.id] for c in criteria],
        recipe.criteria,
        int.from_bytes(draw[:8], "big"),
    )
    pools: dict[str, list[float]] = {}
    for index, value in zip(playing, values, strict=True):
        if value is not None:
            pools.setdefault(case.digests[index], []).append(value)
    found = dict(scores)
    for index in scores.keys() - settled:
        pool = pools.get(case.digests[index]) if index in playing else None
        value = None if pool is None else sum(pool) / len(pool)
        found[index] = replace(scores[index], value=value, standard_error=None)
    return found
