"""What every rule gives, and the parts that rules share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from judge.benchmarks.items import TIED, Judged
from judge.benchmarks.schema import Metric
from judge.types import FloatArray, Record


class Credits(Record, frozen=True, eq=False):
    """The credit of each item, [n]; NaN where an item says nothing and is left out."""

    official: FloatArray
    """By the benchmark's own rule."""
    strict: FloatArray
    """1 only where every verdict is there and right, and none is a tie; in `bounds` too."""
    tied: FloatArray
    """Share of the item's verdicts that are ties."""
    clusters: tuple[str, ...]
    bounds: tuple[float, float] = (0.0, 1.0)
    extras: Mapping[str, FloatArray] = {}
    """Further credits; their means are told."""
    figures: Mapping[str, float] = {}
    """Figures that are no mean over items."""
    notes: tuple[str, ...] = ()


Rule = Callable[[Sequence[Judged], Metric], Credits]


def credits(
    judged: Sequence[Judged],
    official: Iterable[float],
    strict: Iterable[float],
    tied: Iterable[float],
    *,
    extras: Mapping[str, Iterable[float]] | None = None,
    figures: Mapping[str, float] | None = None,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Credits:
    """Credits with one entry an item."""
    clusters = tuple(one.cluster for one in judged)
    more = {name: array(values) for name, values in (extras or {}).items()}
    sides = (array(official), array(strict), array(tied))
    return Credits(*sides, clusters, bounds, more, figures or {})


def array(values: Iterable[float]) -> FloatArray:
    """Numbers as an array of floats."""
    return np.array(list(values), dtype=np.float64)


def credit(winner: int | None, right: int, *, tie: float = 0.0, failed: float = 0.0) -> float:
    """The credit of one verdict on two responses."""
    if winner is None:
        return failed
    if winner == right:
        return 1.0
    return tie if winner == TIED else 0.0


def share(winners: Sequence[int | None], meant: int) -> float:
    """The share of verdicts that name one side, or `TIED`."""
    return sum(winner == meant for winner in winners) / len(winners)


def mean(values: Sequence[float]) -> float:
    """The mean; NaN of none."""
    return math.fsum(values) / len(values) if values else math.nan


def scores(one: Judged) -> list[float]:
    """Values with NaN where a verdict failed."""
    return [math.nan if value is None else value for value in one.values]
