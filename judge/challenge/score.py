"""How often a judge sees what is wrong, phenomenon by phenomenon."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from judge.errors import ConfigError
from judge.runs.dataset import Row
from judge.statistics import cluster_bootstrap
from judge.types import Record


class Seen(NamedTuple):
    """One pair of a challenge set, judged."""

    phenomenon: str
    source: str
    """The good response; its pairs are not independent of each other."""
    credit: float | None
    """1 where the good response has the higher reward, 1/2 at a tie, 0; None: not judged."""


class Accuracy(Record, frozen=True):
    """Of the pairs of one phenomenon; shares are in [0, 1]."""

    accuracy: float | None
    """A tie counts half; None where nothing was judged."""
    low: float
    """Ends of the 95 % interval, by drawing good responses again."""
    high: float
    strict: float | None
    """A tie counts as wrong."""
    n: int
    """Pairs that were judged."""
    ties: int
    unjudged: int


def seen(rows: Iterable[tuple[Row, Mapping[str, Any]]]) -> list[Seen]:
    """What a run makes of a challenge set.

    Args:
        rows: Of the set, with their results (`judge.runs.joined`).

    Raises:
        ConfigError: A row is not of a challenge set.
    """
    found = []
    for row, result in rows:
        meta = row.group.meta
        if row.label is None or len(row.group.responses) != 2 or "phenomenon" not in meta:
            raise ConfigError(
                f"{row.source}: row {row.number} is not of a challenge set",
                hint="judge what `judge challenge` has written",
            )
        values = result["values"]
        credit = None
        if None not in values:
            lead = values[row.label] - values[1 - row.label]
            credit = 0.5 if lead == 0.0 else float(lead > 0.0)
        source = str(meta.get("source", row.group.id))
        found.append(Seen(str(meta["phenomenon"]), source, credit))
    return found


def accuracies(found: Iterable[Seen], *, seed: int = 0) -> dict[str, Accuracy]:
    """By phenomenon, in order of name.

    Args:
        found: Judged pairs.
        seed: Of the intervals.
    """
    sides: dict[str, list[Seen]] = {}
    for one in found:
        sides.setdefault(one.phenomenon, []).append(one)
    return {name: accuracy(sides[name], seed=seed) for name in sorted(sides)}


def accuracy(found: Iterable[Seen], *, seed: int = 0) -> Accuracy:
    """Of all these pairs together.

    Args:
        found: Judged pairs.
        seed: Of the interval.
    """
    pairs = list(found)
    known = [(one.credit, one.source) for one in pairs if one.credit is not None]
    credits = [credit for credit, _ in known]
    low, high = cluster_bootstrap(credits, [source for _, source in known], seed=seed)
    n = len(credits)
    return Accuracy(
        math.fsum(credits) / n if n else None,
        low,
        high,
        credits.count(1.0) / n if n else None,
        n,
        credits.count(0.5),
        len(pairs) - n,
    )
