"""Choose one response of several: by value, by weighted majority of answers, or by likelihood."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal

from judge.errors import ConfigError


def best_of_n(
    values: Sequence[float | None],
    *,
    answers: Sequence[Hashable | None] | None = None,
    weights: Sequence[float] | None = None,
    keys: Sequence[str] | None = None,
) -> int | None:
    """Index of the response to keep: the one of highest value, or the best with the top answer.

    With `answers`, responses with equal answers pool their weights, the answer with the largest
    sum wins, and the response of highest value among those that give it is returned (weighted
    majority: by value, value-guided search; by `soft_self_consistency`, a soft vote; by 1 each,
    plain self-consistency). Where no response left has an answer, the highest value decides.

    Args:
        values: [N]; a response with None is left out, its answer too.
        answers: [N] final answers, already normalised; None = gives no answer.
        weights: [N], >= 0, of the answers; the values by default.
        keys: [N] content hashes. Equal values, and equal answers' sums, are decided by value and
            then by the lowest key, so that the order of the responses decides nothing. Without
            keys the first of equals is taken.

    Returns:
        None where no response has a value (N = 0 too).

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    n = len(values)
    for name, given in (("answers", answers), ("weights", weights), ("keys", keys)):
        if given is not None and len(given) != n:
            raise ConfigError(f"{name}: there are {len(given)}, for {n} values")
    left = [(i, value) for i, value in enumerate(values) if value is not None]
    if any(not math.isfinite(value) for _, value in left):
        raise ConfigError("values: not finite", hint="give None for what is not known")
    if answers is not None:
        left = _majority(left, answers, weights)
    if not left:
        return None
    return min(left, key=lambda pair: (-pair[1], "" if keys is None else keys[pair[0]], pair[0]))[0]


def _majority(
    left: list[tuple[int, float]],
    answers: Sequence[Hashable | None],
    weights: Sequence[float] | None,
) -> list[tuple[int, float]]:
    """The responses that give an answer of the largest weight; all of them if none gives one."""
    votes: dict[Hashable, list[float]] = {}
    for i, value in left:
        weight = value if weights is None else weights[i]
        if answers[i] is None:
            continue
        if not 0.0 <= weight < math.inf:
            raise ConfigError(
                f"{'values' if weights is None else 'weights'}: {weight} cannot weigh an answer",
                hint="give weights that are finite and >= 0",
            )
        votes.setdefault(answers[i], []).append(weight)
    if not votes:
        return left
    # fsum rounds once: the sum does not depend on the order of the responses
    sums = {answer: math.fsum(given) for answer, given in votes.items()}
    top = max(sums.values())
    winners = {answer for answer, total in sums.items() if total == top}
    return [(i, v) for i, v in left if answers[i] is not None and answers[i] in winners]


def soft_self_consistency(
    token_logprobs: Sequence[Sequence[float] | None],
    how: Literal["mean", "min", "product"] = "mean",
) -> list[float | None]:
    """Score each candidate by the likelihood of its own tokens (Soft-SC, arXiv 2402.13212).

    The highest score is chosen, instead of the most frequent answer. Which of the three is best
    is found on development data.

    Args:
        token_logprobs: Natural logs of the candidate's token probabilities, <= 0; None = unknown.
        how: The arithmetic mean of the probabilities, their minimum, or their product to the
            power 1 / length: the authors' code normalises the product by length.

    Returns:
        In [0, 1]; None for a candidate without tokens or with None.

    Raises:
        ConfigError: A log-probability is NaN or above 0, or `how` is unknown.
    """
    if how not in ("mean", "min", "product"):
        raise ConfigError(f"how: {how!r}", hint="use mean, min or product")
    return [_likelihood(logs, how) if logs else None for logs in token_logprobs]


def _likelihood(logs: Sequence[float], how: str) -> float:
    if not all(log <= 0.0 for log in logs):
        raise ConfigError("token_logprobs: a log-probability is above 0 or NaN")
    if how == "min":
        return math.exp(min(logs))
    if how == "product":
        return math.exp(math.fsum(logs) / len(logs))
    return math.fsum(math.exp(log) for log in logs) / len(logs)
