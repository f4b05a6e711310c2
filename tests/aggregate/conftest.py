"""Judges of known items: what a test asks, and what it should have been told."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from judge.types import Comparison, Failure


def mirrored(comparison):
    """The same answer to the same pair shown the other way round."""
    c = comparison
    return Comparison(
        c.second,
        c.first,
        c.p_second,
        c.p_tie,
        c.p_first,
        None if c.log_odds is None else -c.log_odds,
        None if c.scores is None else c.scores[::-1],
        c.weight,
        c.graded,
    )


@dataclass
class Judge:
    """Compares items of known strength; remembers every pair and every batch it was asked."""

    strength: Sequence[float]
    kind: str = "prob"
    """prob, log_odds, scores, or label (graded=False)."""
    bias: float = 0.0
    fails: Callable[[int, int], bool] = lambda i, j: False
    asked: list[tuple[int, int]] = field(default_factory=list)
    batches: int = 0

    async def __call__(self, pairs):
        self.asked += pairs
        self.batches += 1
        return [self.answer(i, j) for i, j in pairs]

    def answer(self, i, j):
        if self.fails(i, j):
            return Failure("engine", "timeout", "no answer")
        gap = self.strength[i] - self.strength[j] + self.bias
        if self.kind == "label":
            return Comparison(i, j, float(gap > 0), float(gap == 0), float(gap < 0), graded=False)
        p = 1.0 / (1.0 + math.exp(-gap))
        scores = (5.0 + self.strength[i], 5.0 + self.strength[j]) if self.kind == "scores" else None
        log_odds = gap if self.kind == "log_odds" else None
        return Comparison(i, j, p, 0.0, 1.0 - p, log_odds, scores)


@pytest.fixture(scope="session")
def judge():
    return Judge


@pytest.fixture(scope="session")
def mirror():
    return mirrored
