"""Several draws of one call, combined by their probabilities, never by votes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from judge.judges.base import Asker, Call, Tally
from judge.types import CriterionVerdict, Failure, Verdict

Parts = tuple[CriterionVerdict, ...]


class Merge(Protocol):
    """Several verdicts' parts, criterion by criterion, as one verdict's."""

    def __call__(self, draws: Sequence[Parts], /) -> Parts:
        """One part a criterion."""


class Combine(Protocol):
    """One or more verdicts on the same thing -> one verdict; every kind of judge has its own."""

    def __call__(self, verdicts: Sequence[Verdict], merge: Merge = ..., /) -> Verdict:
        """The verdict whose parts are what `merge` makes of theirs (`mean_parts` by default)."""


class Bench(Protocol):
    """More than one judge: a panel, or a cascade."""

    async def judged(
        self, calls: Sequence[Call], samples: int, combine: Combine, tally: Tally
    ) -> list[Verdict | Failure]:
        """As `sampled`; each call has `others`, the same question to the other judges."""


async def sampled(
    asker: Asker | Bench, calls: Sequence[Call], samples: int, combine: Combine, tally: Tally
) -> list[Verdict | Failure]:
    """Ask every call `samples` times with seeds of its own and combine what could be read.

    Args:
        asker: Whom to ask.
        calls: The calls.
        samples: Draws a call, of each judge.
        combine: One or more verdicts on the same thing -> one verdict.
        tally: Where usage and failures go.

    Returns:
        One item a call: the combination of its valid draws, or the first failure if none is valid.
    """
    if not isinstance(asker, Asker):
        return await asker.judged(calls, samples, combine, tally)
    if samples == 1:
        return await asker.ask(calls, tally)
    draws = [_draw(call, k) for call in calls for k in range(samples)]
    results = await asker.ask(draws, tally)
    combined: list[Verdict | Failure] = []
    for start in range(0, len(results), samples):
        drawn = results[start : start + samples]
        valid = [item for item in drawn if not isinstance(item, Failure)]
        combined.append(combine(valid) if valid else drawn[0])
    return combined


def _draw(call: Call, k: int) -> Call:
    if k == 0:
        return call
    key = hashlib.sha256(f"{call.key}|{k}".encode()).hexdigest()
    seed = int(key[:8], 16)
    return replace(call, key=key, sampling=replace(call.sampling, seed=seed))


def mean_parts(draws: Sequence[Parts], weights: Sequence[float] = ()) -> Parts:
    """Each criterion's mean distribution over the draws in which it applies.

    A criterion that most draws call not applicable stays so. A draw that knows its label only
    counts as certain of it.

    Args:
        draws: The parts of each draw, criteria in the same order.
        weights: What each draw counts, above 0; none given: alike.
    """
    counted = weights or [1.0] * len(draws)
    return tuple(_mean_part(parts, counted) for parts in zip(*draws, strict=True))


def _mean_part(parts: Parts, weights: Sequence[float]) -> CriterionVerdict:
    applies = applicable(parts, weights)
    if not applies:
        return next(part for part in parts if part.level is None)
    judged = [parts[k] for k in applies]
    share = [weights[k] for k in applies]
    width = max(len(part.probabilities) for part in judged)
    value = _mean([part.value or 0.0 for part in judged], share)
    scores = _mean_scores(judged, share)
    if not width:
        counts: dict[int, float] = {}
        for part, weight in zip(judged, share, strict=True):
            counts[part.level or 0] = counts.get(part.level or 0, 0.0) + weight
        level = max(sorted(counts), key=counts.__getitem__)
        return replace(judged[0], level=level, value=value, scores=scores)
    rows = [row_of(part, width) for part in judged]
    mean = tuple(_mean(column, share) for column in zip(*rows, strict=True))
    return replace(
        judged[0],
        level=mean.index(max(mean)),
        value=value,
        probabilities=mean,
        label_mass=least_mass(judged),
        log_odds=None,
        scores=scores,
    )


def applicable(parts: Parts, weights: Sequence[float]) -> list[int]:
    """The draws in which a criterion applies; none where most of the weight says it does not."""
    found = [k for k, part in enumerate(parts) if part.level is not None and part.value is not None]
    return found if 2.0 * sum(weights[k] for k in found) >= sum(weights) else []


def row_of(part: CriterionVerdict, width: int) -> tuple[float, ...]:
    """A verdict's distribution over `width` levels; a label alone is certain."""
    level = part.level or 0
    return part.probabilities or tuple(float(k == level) for k in range(width))


def least_mass(parts: Sequence[CriterionVerdict]) -> float | None:
    """The smallest allowed mass of those that know theirs."""
    masses = [part.label_mass for part in parts if part.label_mass is not None]
    return min(masses) if masses else None


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


def _mean_scores(
    parts: Sequence[CriterionVerdict], weights: Sequence[float]
) -> tuple[float, float] | None:
    pairs = [part.scores for part in parts if part.scores is not None]
    if len(pairs) < len(parts):
        return None
    first, second = (_mean(side, weights) for side in zip(*pairs, strict=True))
    return first, second
