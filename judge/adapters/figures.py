"""What one training step says about its judge, as plain floats under keys that never change."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, stdev
from typing import get_args

from judge.checks import CHECKS, Inputs
from judge.errors import AdapterError, FailureKind
from judge.judges.case import said
from judge.types import Group, GroupResult, Response, Usage

KEYS = (
    "reward_mean",
    "reward_std",
    "group_spread",
    "zero_spread_share",
    "coverage",
    "unjudged_share",
    "failures",
    *(f"failures_{kind}" for kind in get_args(FailureKind)),
    "flip_rate",
    "label_mass",
    "label_mass_min",
    "thinking_cut",
    "length_mean",
    "length_correlation",
    "degenerate_share",
    "judge_calls",
    "judge_tokens",
    "judge_seconds",
)
"""The keys of `step_figures`, in its order."""

REPEATED = 0.3
"""A smaller share of distinct word trigrams than this is a text that repeats itself."""
_EMPTY = CHECKS["degenerate"].params.model_validate({"openers": True})
_LOOPING = CHECKS["repetition"].params.model_validate({"min_unique": REPEATED})
SMALLEST = 1e-12
"""Rewards of a group that differ by less do not differ."""


def is_degenerate(response: Response) -> bool:
    """Whether a response is of the kind that fools judges: no content, a bare opener, or a loop."""
    text = said(response.text)
    return any(check.run(text, Inputs("")).value == 0.0 for check in (_EMPTY, _LOOPING))


def step_figures(
    groups: Sequence[Group],
    results: Sequence[GroupResult],
    *,
    degenerate: Callable[[Response], bool] = is_degenerate,
) -> dict[str, float]:
    """The figures of one step; NaN where one is not defined.

    Args:
        groups: The step's groups.
        results: Their results, same order.
        degenerate: What counts as a degenerate response.

    Returns:
        Under `KEYS`: over all rewards their mean and standard deviation (n - 1) and the mean
        coverage; `group_spread`, the mean over groups of the deviation within, and
        `zero_spread_share`, the share of groups (of those with two rewards or more) whose rewards
        do not differ, which teach nothing; `unjudged_share` of the responses; failed calls, all and
        by kind; `flip_rate`, `label_mass` and `thinking_cut`, means over groups; `length_mean` in
        tokens if every response of the step has token ids, in characters otherwise;
        `length_correlation` of reward and length within groups (both less their group's means);
        the share of degenerate responses; and what judging cost.

    Raises:
        AdapterError: The results are not those of the groups.
    """
    sizes = [len(group.responses) for group in groups]
    if sizes != [len(result.rewards) for result in results]:
        raise AdapterError("the results are not those of the groups: numbers of responses differ")
    rewards = [[r.value for r in result.rewards if r.value is not None] for result in results]
    values = [value for group in rewards for value in group]
    spreads = [_deviation(group) for group in rewards if len(group) > 1]
    lengths = response_lengths(groups)
    failures = [failure for result in results for failure in result.failures]
    responses = [response for group in groups for response in group.responses]
    usage = sum([result.usage for result in results], Usage())
    kinds = [failure.kind for failure in failures]
    told = [
        _mean(values),
        _deviation(values),
        _mean(spreads),
        _mean([float(spread <= SMALLEST) for spread in spreads]),
        _mean([reward.coverage for result in results for reward in result.rewards]),
        1.0 - len(values) / sum(sizes) if responses else math.nan,
        float(len(failures)),
        *(float(kinds.count(kind)) for kind in get_args(FailureKind)),
        _mean(_known(results, "flip_rate")),
        _mean(_known(results, "label_mass")),
        min(_known(results, "label_mass_min"), default=math.nan),
        _mean(_known(results, "thinking_cut")),
        _mean([length for group in lengths for length in group]),
        within_correlation([result.values for result in results], lengths),
        _mean([float(degenerate(response)) for response in responses]),
        float(usage.calls),
        float(usage.prompt_tokens + usage.completion_tokens),
        usage.seconds,
    ]
    return dict(zip(KEYS, told, strict=True))


def response_lengths(groups: Iterable[Group]) -> list[list[float]]:
    """Lengths by group: tokens where every response has token ids, else characters."""
    made = [list(group.responses) for group in groups]
    if all(response.token_ids is not None for group in made for response in group):
        return [[float(len(response.token_ids or ())) for response in group] for group in made]
    return [[float(len(said(response.text))) for response in group] for group in made]


def within_correlation(
    values: Sequence[Sequence[float | None]], others: Sequence[Sequence[float]]
) -> float:
    """Pearson's correlation of two columns, each less its group's mean over the judged.

    Args:
        values: Rewards by group; None = not judged, left out.
        others: As many numbers, by group.

    Returns:
        In [-1, 1]; NaN where either does not vary within any group.
    """
    xs: list[float] = []
    ys: list[float] = []
    for group, other in zip(values, others, strict=True):
        pairs = [(v, o) for v, o in zip(group, other, strict=True) if v is not None]
        mean, middle = _mean([v for v, _ in pairs]), _mean([o for _, o in pairs])
        xs += [v - mean for v, _ in pairs]
        ys += [o - middle for _, o in pairs]
    scale = math.sqrt(math.fsum([x * x for x in xs]) * math.fsum([y * y for y in ys]))
    if scale <= SMALLEST:
        return math.nan
    return max(-1.0, min(1.0, math.fsum([x * y for x, y in zip(xs, ys, strict=True)]) / scale))


def _known(results: Iterable[GroupResult], key: str) -> list[float]:
    found = [result.metrics.get(key, math.nan) for result in results]
    return [value for value in found if not math.isnan(value)]


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else math.nan


def _deviation(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else math.nan
