"""Keeping length (or another nuisance) from being what is rewarded."""

from __future__ import annotations

from typing import Literal

import numpy as np

from judge.errors import ConfigError
from judge.transforms.judged import Values, check_range, judged
from judge.types import FloatArray

SLIGHT = 0.5
"""The size of a slight win where a clear win is 1 and a tie is 0 (WildBench)."""


def canon(
    values: Values, metric: Values, *, lam: float = 0.5, alpha: float = 1.0, beta: float = 0.0
) -> list[float | None]:
    """Conditional advantages: the group is halved by a metric and compared across and within.

    High half: lam * (alpha * r - mean(low) + beta) + (1 - lam) * (r - mean(high)).
    Low half:  lam * (r - alpha * mean(high))       + (1 - lam) * (r - mean(low)).
    With the length as metric, length gets no direction of its own (CANON, after the code of
    biuboomc/CANON, without its division by 8192). With alpha = 1, beta = 0 and equal halves,
    lam = .5 gives r - mean (Dr. GRPO). That alpha stands on the other half's mean in the low half
    is our reading; whether beta belongs there too was not checked.

    Args:
        values: N rewards.
        metric: N numbers; the lower floor(m / 2) of m known ones are the low half. Items tied
            across the border belong to both halves by equal shares, so their order does not count.
        lam: Share of the comparison across halves, in [0, 1].
        alpha: Weight of the high half's rewards across halves.
        beta: Added to the high half across halves.

    Returns:
        Advantages; 0 where only one response is known.

    Raises:
        ConfigError: `lam` is out of range, or the lengths differ.
    """
    if not 0.0 <= lam <= 1.0:
        raise ConfigError(f"lam: {lam} is not in [0, 1]")
    known = judged(values=values, metric=metric)
    r, m = known.columns
    if len(r) < 2:
        return known.back(np.zeros_like(r))
    share = _share_high(m)
    high, low = (share @ r) / share.sum(), ((1.0 - share) @ r) / (1.0 - share).sum()
    in_high = lam * (alpha * r - low + beta) + (1.0 - lam) * (r - high)
    in_low = lam * (r - alpha * high) + (1.0 - lam) * (r - low)
    return known.back(share * in_high + (1.0 - share) * in_low)


def _share_high(metric: FloatArray) -> FloatArray:
    """How much of each item is in the high half: 0 or 1, or between for ties at the border."""
    _, group, counts = np.unique(metric, return_inverse=True, return_counts=True)
    above = np.cumsum(counts) - len(metric) // 2
    share: FloatArray = (np.clip(above, 0, counts) / counts)[group]
    return share


def length_regression(
    values: Values,
    lengths: Values,
    *,
    sign: Literal["positive", "negative", "either"] = "positive",
) -> list[float | None]:
    """Rewards less their least-squares slope on log length within the group; the mean stays.

    Args:
        values: N rewards.
        lengths: N lengths >= 0 in any unit; below 1 counts as 1. A response without one has no
            value.
        sign: Which slope is removed: `positive` only where longer is rewarded more.

    Returns:
        The rewards unchanged with fewer than 3 distinct lengths, or a slope of the other sign.

    Raises:
        ConfigError: A length is negative, or the lists differ in length.
    """
    known = judged(values=values, lengths=lengths)
    r, length = known.columns
    check_range("lengths", length, 0.0)
    x = np.log(np.maximum(length, 1.0))
    if np.unique(x).size < 3:
        return known.back(r)
    x = x - x.mean()
    slope = float(x @ (r - r.mean()) / (x @ x))
    if (sign == "positive" and slope <= 0.0) or (sign == "negative" and slope >= 0.0):
        return known.back(r)
    return known.back(r - slope * x)


def slight_win_rule(
    extent: float | None, first_chars: int, second_chars: int, *, limit: int | None = 500
) -> float | None:
    """A slight win becomes a tie if the winner is longer by more than `limit` characters.

    Source: WildBench (allenai/WildBench, view_wb_eval; 500 is the leaderboard's choice).

    Args:
        extent: In [-1, 1]: 1 = the first is much better, .5 = slightly, 0 = tie, negative = the
            second is; None = not judged.
        first_chars: Characters of the first response.
        second_chars: Characters of the second response.
        limit: K; None or a negative number turns the rule off.

    Returns:
        `extent`, or 0.

    Raises:
        ConfigError: `extent` is out of range.
    """
    if extent is None:
        return None
    if not -1.0 <= extent <= 1.0:
        raise ConfigError(f"extent: {extent} is not in [-1, 1]")
    if limit is None or limit < 0 or abs(extent) > SLIGHT:
        return extent
    longer = first_chars - second_chars if extent > 0.0 else second_chars - first_chars
    return 0.0 if longer > limit else extent
