"""`judge rubric test`: try a rubric's own tests on an engine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from judge.reward_model import RewardModel
from judge.rubrics.cases import Case, Judged, pair_shortfalls, shortfalls
from judge.rubrics.schema import Rubric
from judge.types import Engine, Group, GroupResult

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Trial:
    """How one test went; `lacking` says why it failed or was skipped."""

    name: str
    outcome: Outcome
    lacking: tuple[str, ...]
    rewards: tuple[float | None, ...]


def try_cases(
    rubric: Rubric,
    *,
    engine: str | Engine,
    recipe: str | Path = "pointwise",
    prompts: Path | None = None,
    seed: int = 0,
) -> list[Trial]:
    """Judge the responses of all tests and compare them with what is expected.

    Raises:
        JudgeError: The recipe or the engine cannot be used.
    """
    groups = [
        Group.of(case.prompt, case.responses, reference=case.reference, context=case.context)
        for case in rubric.tests
    ]
    with RewardModel.build(
        rubric, recipe=recipe, engine=engine, prompts=prompts, seed=seed
    ) as model:
        results = model.score(groups)
    return [trial(case, rubric, result) for case, result in zip(rubric.tests, results, strict=True)]


def trial(case: Case, rubric: Rubric, result: GroupResult) -> Trial:
    """Compare one result with its test."""
    values = tuple(result.values)
    if any(reward.status == "skipped" for reward in result.rewards):
        return Trial(case.name, "skipped", ("the recipe gives a lone response no value",), values)
    if len(values) == 2:
        lacking = tuple(pair_shortfalls(*values))
    else:
        criteria = {criterion.id: criterion for criterion in rubric.enabled}
        lacking = tuple(shortfalls(case, criteria, _judged(result)))
    return Trial(case.name, "failed" if lacking else "passed", lacking, values)


def _judged(result: GroupResult) -> Judged:
    score = result.scores[0]
    parts = score.parts if score is not None else ()
    return Judged(
        {part.criterion_id: part.level for part in parts},
        {part.criterion_id: part.value for part in parts},
        result.rewards[0].value,
    )


def report(trials: Sequence[Trial], *, as_json: bool) -> str:
    """The outcomes, a line each and what is lacking below it; or as JSON."""
    if as_json:
        return json.dumps([asdict(one) for one in trials], indent=2, ensure_ascii=False)
    lines = []
    for one in trials:
        rewards = ", ".join("none" if value is None else f"{value:.3f}" for value in one.rewards)
        lines.append(f"{one.outcome:8}{one.name}  [{rewards}]")
        lines += [f"        {reason}" for reason in one.lacking]
    return "\n".join(lines)
