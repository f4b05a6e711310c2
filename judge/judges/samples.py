"""Several draws of one call, combined by their probabilities, never by votes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from judge.judges.base import Asker, Call, Tally
from judge.types import CriterionVerdict, Failure, Verdict


async def sampled(
    asker: Asker,
    calls: Sequence[Call],
    samples: int,
    combine: Callable[[Sequence[Verdict]], Verdict],
    tally: Tally,
) -> list[Verdict | Failure]:
    """Ask every call `samples` times with seeds of its own and combine what could be read.

    Args:
        asker: Whom to ask.
        calls: The calls.
        samples: Draws a call.
        combine: One or more verdicts on the same thing -> one verdict.
        tally: Where usage and failures go.

    Returns:
        One item a call: the combination of its valid draws, or the first failure if none is valid.
    """
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


def mean_parts(
    draws: Sequence[tuple[CriterionVerdict, ...]],
) -> tuple[CriterionVerdict, ...]:
    """Each criterion's mean distribution over the draws in which it applies.

    A criterion that most draws call not applicable stays so. A draw that knows its label only
    counts as certain of it.
    """
    return tuple(_mean_part(parts) for parts in zip(*draws, strict=True))


def _mean_part(parts: tuple[CriterionVerdict, ...]) -> CriterionVerdict:
    judged = [part for part in parts if part.level is not None and part.value is not None]
    if 2 * len(judged) < len(parts) or not judged:
        return next(part for part in parts if part.level is None)
    width = max(len(part.probabilities) for part in judged)
    masses = [part.label_mass for part in judged if part.label_mass is not None]
    values = [part.value for part in judged if part.value is not None]
    if not width:
        levels = [part.level for part in judged if part.level is not None]
        level = max(sorted(set(levels)), key=levels.count)
        return replace(
            judged[0], level=level, value=sum(values) / len(values), scores=_mean_scores(judged)
        )
    rows = [part.probabilities or _certain(part.level or 0, width) for part in judged]
    mean = tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))
    return replace(
        judged[0],
        level=mean.index(max(mean)),
        value=sum(values) / len(values),
        probabilities=mean,
        label_mass=min(masses) if masses else None,
        log_odds=None,
        scores=_mean_scores(judged),
    )


def _mean_scores(parts: Sequence[CriterionVerdict]) -> tuple[float, float] | None:
    pairs = [part.scores for part in parts if part.scores is not None]
    if len(pairs) < len(parts):
        return None
    first, second = (sum(side) / len(pairs) for side in zip(*pairs, strict=True))
    return first, second


def _certain(level: int, width: int) -> tuple[float, ...]:
    return tuple(float(k == level) for k in range(width))
