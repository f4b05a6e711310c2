"""Two runs over the same data: what is different, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from judge.errors import ConfigError
from judge.runs.folder import UNCOMPARED
from judge.runs.summary import Summary
from judge.statistics import PairedTest, cluster_bootstrap, paired_test, wilson
from judge.types import Record

Row = Mapping[str, Any]
Place = tuple[str, int, str]
"""File name, row and group: what makes two result rows the same item."""


class Difference(Record, frozen=True):
    """The second run minus the first, on the items both have, with a 95 % interval."""

    value: float
    low: float
    high: float
    n: int


class Changes(Record, frozen=True):
    """What is different between two runs; what is the same is left out."""

    settings: Mapping[str, tuple[Any, Any]]
    """Of the plans, by name: in the first run, in the second."""
    figures: Mapping[str, tuple[Any, Any]]
    """Of the summaries, over the groups that both runs have."""
    groups: int
    """That both have."""
    only_first: int
    only_second: int
    reward: Difference | None
    """Of the mean reward, paired by response; intervals are drawn over groups."""
    accuracy: PairedTest | None
    """Paired by labelled group, with p; a tie for the best counts half."""
    winners: Difference | None
    """Share of groups with another set of best responses; Wilson's interval."""
    changed: tuple[str, ...]
    """Ids of these groups, in the order of the first run."""
    gained: int
    """Responses with a reward in the second run alone."""
    lost: int


def changes(
    plans: tuple[Mapping[str, Any], Mapping[str, Any]],
    rows: tuple[Iterable[Row], Iterable[Row]],
    *,
    seed: int = 0,
) -> Changes:
    """Set two runs against each other.

    Args:
        plans: Their `plan.json`.
        rows: Their result rows.
        seed: Of the intervals.

    Raises:
        ConfigError: They have no group in common.
    """
    first, second = ({_place(row): row for row in side} for side in rows)
    both = [place for place in first if place in second]
    if not both:
        raise ConfigError(
            "the two runs have no group in common",
            hint="they must have judged files of one name, row by row the same",
        )
    pairs = [(first[place], second[place]) for place in both]
    other = [place[2] for place, (a, b) in zip(both, pairs, strict=True) if _best(a) != _best(b)]
    low, high = wilson(len(other), len(both))
    known = [(x is not None, y is not None) for a, b in pairs for x, y in _values(a, b)]
    return Changes(
        _different(_settings(plans[0]), _settings(plans[1])),
        _different(*(Summary.of(side).as_dict() for side in zip(*pairs, strict=True))),
        len(both),
        len(first) - len(both),
        len(second) - len(both),
        _reward(pairs, seed),
        _accuracy(pairs, seed),
        Difference(len(other) / len(both), low, high, len(both)) if other else None,
        tuple(other),
        sum(after and not before for before, after in known),
        sum(before and not after for before, after in known),
    )


def _place(row: Row) -> Place:
    return Path(row["source"]).name, row["row"], row["group_id"]


def _settings(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plan.items() if name not in UNCOMPARED}


def _different(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = [*before, *(name for name in after if name not in before)]
    told = {name: (before.get(name), after.get(name)) for name in names}
    return {name: (a, b) for name, (a, b) in told.items() if a != b}


def _values(a: Row, b: Row) -> list[tuple[float | None, float | None]]:
    return list(zip(a["values"], b["values"], strict=False))


def _best(row: Row) -> set[int]:
    known = [value for value in row["values"] if value is not None]
    return {at for at, value in enumerate(row["values"]) if known and value == max(known)}


def _reward(pairs: list[tuple[Row, Row]], seed: int) -> Difference | None:
    differences, groups = [], []
    for at, (a, b) in enumerate(pairs):
        for x, y in _values(a, b):
            if x is not None and y is not None:
                differences.append(y - x)
                groups.append(str(at))
    if not any(differences):
        return None
    found = np.array(differences)
    widest = max(1.0, float(abs(found).max()))
    ends = cluster_bootstrap(found, groups, bounds=(-widest, widest), seed=seed)
    return Difference(float(found.mean()), *ends, len(found))


def _accuracy(pairs: list[tuple[Row, Row]], seed: int) -> PairedTest | None:
    before, after = ([_right(row) for row in side] for side in zip(*pairs, strict=True))
    if before == after:
        return None
    return paired_test(after, before, seed=seed)


def _right(row: Row) -> float | None:
    """1, 1/2 at a tie for the best, or 0; None without a label or with a reward missing."""
    label = row.get("label")
    if label is None or len(row["values"]) < 2 or None in row["values"]:
        return None
    best = _best(row)
    return 0.0 if label not in best else 1.0 if len(best) == 1 else 0.5
