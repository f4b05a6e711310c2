"""`judge doctor` on a scalar reward model: does it tell better from worse, and repeat itself?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from judge.reward_model import RewardModel
from judge.types import Engine, Group, GroupResult


def examined_scalar(
    engine: Engine, groups: Sequence[Group], seed: int, start_s: float
) -> dict[str, Any]:
    """What a reward model says about built-in pairs, as JSON data.

    Args:
        engine: A started engine; it is not closed.
        groups: Each a pair, the better response being its reference.
        seed: Of the runs.
        start_s: How long the engine took to start.
    """
    recipe = "polar-reference" if engine.abilities.reference else "scalar"
    began = time.monotonic()
    with RewardModel.build(recipe=recipe, engine=engine, seed=seed) as model:
        results = model.score(groups)
    seconds = max(1e-9, time.monotonic() - began)
    with RewardModel.build(recipe=recipe, engine=engine, seed=seed, concurrency=1) as alone:
        again = alone.score(groups)
    pairs = list(zip(_margins(groups, results), _margins(groups, again), strict=True))
    margins = [margin for margin, _ in pairs if margin is not None]
    changes = [abs(one - other) for one, other in pairs if one is not None and other is not None]
    numbers = [v for result in results for v in result.values if v is not None]
    failures = [f for result in (*results, *again) for f in result.failures]
    return {
        "engine": engine.name,
        "context_tokens": engine.abilities.context_tokens,
        "reads_reference": engine.abilities.reference,
        "start_s": round(start_s, 2),
        "calls_per_s": sum(result.usage.calls for result in results) / seconds,
        "prompt_tokens_per_s": sum(r.usage.prompt_tokens for r in results) / seconds,
        "pairs": len(groups),
        "pairs_right": sum(margin > 0.0 for margin in margins),
        "mean_margin": statistics.fmean(margins) if margins else None,
        "lowest": min(numbers, default=None),
        "highest": max(numbers, default=None),
        "largest_change_when_repeated": max(changes, default=None),
        "failures": len(failures),
        "first_failure": failures[0].message if failures else None,
    }


def _margins(groups: Sequence[Group], results: Sequence[GroupResult]) -> list[float | None]:
    """How much higher the better response's reward is, in each pair."""
    margins: list[float | None] = []
    for group, result in zip(groups, results, strict=True):
        better = 0 if group.responses[0].text == group.reference else 1
        high, low = result.values[better], result.values[1 - better]
        margins.append(None if high is None or low is None else high - low)
    return margins


def scalar_lines(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The figures as a table's rows."""
    yield "engine", str(told["engine"])
    yield "context", str(told["context_tokens"])
    yield "reads a reference", "yes" if told["reads_reference"] else "no"
    yield "built-in pairs right", f"{told['pairs_right']} of {told['pairs']}"
    if told["mean_margin"] is not None:
        yield "mean margin of the better", f"{told['mean_margin']:.3g}"
    if told["lowest"] is not None:
        yield "rewards", f"{told['lowest']:.3g} to {told['highest']:.3g}, without bounds"
    if told["largest_change_when_repeated"] is not None:
        change = told["largest_change_when_repeated"]
        yield "margin when repeated", f"the same within {change:.2g} (each alone)"
    yield (
        "speed",
        f"{told['calls_per_s']:.1f} calls/s, {told['prompt_tokens_per_s']:.0f} prompt tokens/s;"
        f" ready after {told['start_s']:.0f} s",
    )
    if told["failures"]:
        yield "failures", f"{told['failures']}; the first: {told['first_failure']}"


def scalar_advice(told: Mapping[str, Any]) -> list[str]:
    """What the figures mean, in plain words."""
    said = []
    if told["pairs_right"] * 2 <= told["pairs"]:
        said.append(
            f"It prefers the better response in only {told['pairs_right']} of {told['pairs']} easy"
            " pairs: does its chat template give the input it was trained on?"
        )
    if told["failures"]:
        said.append("Some calls failed; nothing was made up for them.")
    return said
