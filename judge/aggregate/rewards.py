"""From comparisons to rewards in [0, 1], each with a standard error and a coverage."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from judge.types import Preference


class Valued(msgspec.Struct, frozen=True):
    """One item's value; None where there is no valid comparison."""

    value: float | None
    standard_error: float | None
    coverage: float


def win_rate(n: int, pairs: Sequence[Preference], *, beaten: int = 0) -> list[Valued]:
    """Mean over an item's opponents of P(win) + P(tie) / 2 (Pref-GRPO, arXiv 2508.20751).

    Args:
        n: Number of items compared.
        pairs: The pairs that were judged; a missing pair is missing, never a tie.
        beaten: Opponents that every item beats for certain (responses a gate took out).

    Returns:
        Values in [0, 1]. `coverage` is the share of the n - 1 + `beaten` opponents with a verdict.
        The standard error is that of drawing each pair's outcome from its verdict, independently.
    """
    totals, squares, judged = [float(beaten)] * n, [0.0] * n, [beaten] * n
    for pair in pairs:
        mean = pair.p_i + pair.p_tie / 2.0
        spread = max(0.0, pair.p_i + pair.p_tie / 4.0 - mean * mean)
        for item, value in ((pair.i, mean), (pair.j, 1.0 - mean)):
            totals[item] += value
            squares[item] += spread
            judged[item] += 1
    opponents = n - 1 + beaten
    return [
        Valued(
            totals[item] / judged[item],
            math.sqrt(squares[item]) / judged[item],
            judged[item] / opponents,
        )
        if judged[item]
        else Valued(None, None, 0.0)
        for item in range(n)
    ]


def beats_reference(n: int, pairs: Sequence[Preference], anchor: int) -> list[Valued]:
    """P(beats the fixed item) + P(tie with it) / 2; the fixed item itself is worth 1/2.

    Args:
        n: Number of items, the fixed one included.
        pairs: The pairs that were judged; only those with `anchor` count.
        anchor: Index of the fixed item.
    """
    values = [Valued(None, None, 0.0)] * n
    values[anchor] = Valued(0.5, 0.0, 1.0)
    for pair in pairs:
        if anchor not in (pair.i, pair.j):
            continue
        other = pair.j if pair.i == anchor else pair.i
        mean = (pair.p_i if other == pair.i else pair.p_j) + pair.p_tie / 2.0
        win = pair.p_i if other == pair.i else pair.p_j
        spread = max(0.0, win + pair.p_tie / 4.0 - mean * mean)
        values[other] = Valued(mean, math.sqrt(spread), 1.0)
    return values


def ranked(values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Ranks of values: 1 = highest, equal values share their mean rank, None stays None."""
    known = sorted((value for value in values if value is not None), reverse=True)
    first = {value: at for at, value in reversed(list(enumerate(known, 1)))}
    return tuple(
        [None if v is None else first[v] + (known.count(v) - 1) / 2 for v in values]
    )
