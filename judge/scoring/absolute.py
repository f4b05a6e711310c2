"""Each response alone: its own score is its reward."""

from __future__ import annotations

from judge.aggregate.criteria import criterion_weights, gates, weighted_mean
from judge.judges.base import Tally
from judge.judges.case import Case
from judge.judges.pointwise import PointwiseJudge
from judge.scoring.outcome import Outcome, reward_of, settled_score
from judge.scoring.setting import Setting
from judge.types import CriterionVerdict, Failure, Verdict


async def absolute(
    setting: Setting, case: Case, checked: dict[int, dict[str, CriterionVerdict]], tally: Tally
) -> Outcome:
    """Judge every response that no check settles against the criteria that apply.

    Args:
        setting: What to judge with.
        case: The group.
        checked: The checks' verdicts by response and criterion; the judge's are added.
        tally: Where usage and failures go.
    """
    recipe, criteria = setting.recipe, case.criteria
    judged = [c for c in criteria if c.check is None or c.hybrid]
    whole = setting.asked(case, judged, pairs=False)
    wanted = []
    for index, parts in checked.items():
        if not parts:
            wanted.append((index, whole))
        elif settled_score(gates(criteria, parts), parts) is None:
            asked = [c for c in judged if c.id not in parts]
            wanted.append((index, setting.asked(case, asked, pairs=False)))
    judge = PointwiseJudge(setting.asker, recipe, setting.seed)
    verdicts: list[Verdict] = []
    broken: dict[int, Failure] = {}
    critiques: dict[int, list[str]] = {}
    for index, answer in await judge.judge(case, wanted, tally):
        if isinstance(answer, Failure):
            broken.setdefault(index, answer)
            continue
        verdicts.append(answer)
        parts = checked[index]
        for part in answer.parts:
            parts[part.criterion_id] = part
        if answer.critique:
            critiques.setdefault(index, []).append(answer.critique)
    weights = criterion_weights(criteria, recipe.criteria.tiers)
    rewards, scores = [], []
    for index, parts in checked.items():
        fired = gates(criteria, parts)
        score = settled_score(fired, parts) or weighted_mean(criteria, parts, weights, fired)
        critique = "\n".join(critiques[index]) if index in critiques else ""
        scores.append(score)
        rewards.append(
            reward_of(recipe, criteria, score, fired, parts, broken.get(index), critique)
        )
    return Outcome(rewards, list(scores), None, verdicts)
