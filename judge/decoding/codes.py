"""The codes of verdicts on a pair, and what each is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PairCode:
    """One verdict on a pair: its code, what the judge is told it means, and what it is worth."""

    code: str
    meaning: str
    lean: float
    """In [-1, 1]: how much better the first shown response is."""


PAIR_CODES: Mapping[str, tuple[PairCode, ...]] = {
    "two_way": (
        PairCode("A", "response A is better", 1.0),
        PairCode("B", "response B is better", -1.0),
    ),
    "three_way": (
        PairCode("A", "response A is better", 1.0),
        PairCode("B", "response B is better", -1.0),
        PairCode("C", "both are equally good", 0.0),
    ),
    "five_way": (
        PairCode("1", "response A is much better", 1.0),
        PairCode("2", "response A is slightly better", 0.5),
        PairCode("3", "both are equally good", 0.0),
        PairCode("4", "response B is slightly better", -0.5),
        PairCode("5", "response B is much better", -1.0),
    ),
    "six_way": (
        PairCode("1", "response A is much better", 1.0),
        PairCode("2", "response A is better", 2 / 3),
        PairCode("3", "response A is slightly better", 1 / 3),
        PairCode("4", "response B is slightly better", -1 / 3),
        PairCode("5", "response B is better", -2 / 3),
        PairCode("6", "response B is much better", -1.0),
    ),
}
"""five_way: WildBench's steps (WB-Reward); six_way: Think-RM's -3..3 without 0 (2505.16265)."""
PAIR_SCORES = tuple("123456789")
"""Codes of `verdict: scores`, for each side of a pair, worst to best."""
OVERALL = "overall"
"""Key of a pair's single verdict over all criteria."""
SIDES = ("A", "B")
