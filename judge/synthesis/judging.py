"""Labelled pairs judged by a reward model: what contrast, refine and weigh learn from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from judge.errors import ConfigError
from judge.recipes import Recipe
from judge.synthesis.contrast import Content, Judge
from judge.synthesis.evidence import PairOutcome, outcome_of
from judge.types import Group, GroupResult

Score = Callable[[Sequence[Group]], Awaitable[list[GroupResult]]]
"""Such as `RewardModel.score_groups` of a pairwise recipe in both orders, without a rubric."""


class Meter:
    """Counts what judging costs and stops it at a budget.

    Args:
        budget: Most judge calls; None: no limit.
    """

    def __init__(self, budget: int | None = None) -> None:
        self.calls = 0
        self.tokens = 0
        self._budget = budget

    def add(self, results: Sequence[GroupResult]) -> None:
        """Count what these have cost."""
        for result in results:
            self.calls += result.usage.calls
            self.tokens += result.usage.prompt_tokens + result.usage.completion_tokens

    def check(self, more: int) -> None:
        """Raise unless the budget pays for so many calls more.

        Raises:
            ConfigError: It does not; what was judged before is in the store.
        """
        if self._budget is not None and self.calls + more > self._budget:
            raise ConfigError(
                f"budget: {self.calls} calls are made and up to {more} more are needed, of"
                f" {self._budget}",
                hint="raise --budget; with --store what was judged is not paid for again",
            )


def judge_with(score: Score, meter: Meter) -> Judge:
    """A judge of labelled pairs that asks a reward model; each pair carries the rubric.

    Args:
        score: Judges groups.
        meter: Counts and stops.
    """

    async def judge(content: Content, pairs: Sequence[Group]) -> list[PairOutcome]:
        meter.check(2 * len(pairs))
        results = await score([replace(pair, rubric=dict(content)) for pair in pairs])
        meter.add(results)
        return [
            outcome_of(pair, result) for pair, result in zip(pairs, results, strict=True)
        ]

    return judge


def check_recipe(recipe: Recipe) -> None:
    """Raise ConfigError unless a recipe judges each criterion of a pair, in both orders."""
    group = recipe.group
    if (
        recipe.judge.mode != "pairwise"
        or recipe.criteria.combine == "overall"
        or group.orders != "both"
        or group.schedule != "round_robin"
    ):
        raise ConfigError(
            f"recipe {recipe.id} does not judge each criterion of a pair in both orders",
            hint="use pairwise-win-rate or pairwise-verdicts",
        )


def labelled_pairs(groups: Sequence[tuple[Group, int | None]]) -> list[Group]:
    """Groups of responses with the place of the best one, as pairs (the better one first).

    A group of N gives N - 1 pairs: the best against each other one.

    Raises:
        ConfigError: A group has no label.
    """
    pairs = []
    for group, label in groups:
        if label is None:
            raise ConfigError(
                f"group {group.id!r} has no label", hint="rows need a `label`; see --map"
            )
        best = group.responses[label]
        others = [r for at, r in enumerate(group.responses) if at != label]
        for at, other in enumerate(others):
            name = group.id if len(others) == 1 else f"{group.id}/{at}"
            pairs.append(replace(group, id=name, responses=(best, other), anchor=None))
    return pairs
