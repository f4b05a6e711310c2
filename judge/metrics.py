"""A group's metrics, with keys that never change; NaN where a metric is not defined."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from judge.aggregate.preferences import preferences
from judge.judges.base import Tally
from judge.types import Failure, Pairwise, Pointwise, Reward, Verdict


def metrics(
    rewards: Sequence[Reward],
    verdicts: Sequence[Verdict],
    failures: Sequence[Failure],
    tally: Tally,
) -> dict[str, float]:
    """What a trainer or a summary watches, for one group.

    Returns:
        `reward_mean`, `reward_std` (n - 1 in the denominator) and `coverage` over the responses;
        the counts `unjudged`, `gated`, `failures`, `calls`, `stored` and `cut`; `flip_rate`, the
        share of pairs asked in both orders whose sides disagree; `first_share`, the share of
        decided comparisons that prefer the side shown first; `label_mass` and `label_mass_min`,
        the probability the model itself gave to the allowed codes.
    """
    values = [reward.value for reward in rewards if reward.value is not None]
    pairs = [verdict for verdict in verdicts if isinstance(verdict, Pairwise)]
    decided = [verdict for verdict in pairs if verdict.p_first != verdict.p_second]
    joined = preferences([pair.comparison() for pair in pairs])
    both = [pair.flipped for pair in joined if pair.flipped is not None]
    masses = [mass for verdict in verdicts if (mass := _mass(verdict)) is not None]
    return {
        "reward_mean": _mean(values),
        "reward_std": statistics.stdev(values) if len(values) > 1 else math.nan,
        "coverage": _mean([reward.coverage for reward in rewards]),
        "unjudged": float(sum(reward.value is None for reward in rewards)),
        "gated": float(sum(reward.status == "gated" for reward in rewards)),
        "failures": float(len(failures)),
        "calls": float(tally.usage.calls),
        "stored": float(tally.stored),
        "cut": float(sum(_cut(verdict) > 0 for verdict in verdicts)),
        "flip_rate": _mean([float(flipped) for flipped in both]),
        "first_share": _mean([float(pair.p_first > pair.p_second) for pair in decided]),
        "label_mass": _mean(masses),
        "label_mass_min": min(masses, default=math.nan),
    }


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _cut(verdict: Verdict) -> int:
    return verdict.cut if isinstance(verdict, Pairwise | Pointwise) else 0


def _mass(verdict: Verdict) -> float | None:
    """The smallest allowed mass among a verdict's parts."""
    if not isinstance(verdict, Pairwise | Pointwise):
        return None
    return min((p.label_mass for p in verdict.parts if p.label_mass is not None), default=None)
