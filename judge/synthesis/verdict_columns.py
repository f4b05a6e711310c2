"""The verdicts of a run as columns, one a criterion, read from its result rows one at a time.

Memory is that of the columns: some ten numbers a verdict, no text.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from judge.aggregate.preferences import preferences
from judge.types import Comparison, FloatArray

Row = Mapping[str, Any]
IntArray = npt.NDArray[np.int64]


@dataclass(slots=True)
class Column:
    """What a run says on one criterion."""

    judged: int = 0
    """Verdicts with a value."""
    not_applicable: int = 0
    total: float = 0.0
    """Sum of the values."""
    ends: list[int] = field(default_factory=lambda: [0, 0, 0])
    """Verdicts at the lowest level, at the highest, and (of pairs) at the tie."""
    mass: float = 0.0
    massed: int = 0
    paired: bool = False
    """Whether it was judged on pairs."""
    orders: int = 0
    """Pairs judged in both display orders."""
    flips: int = 0
    labelled: int = 0
    """Groups whose labelled response was judged beside another one."""
    ranked: float = 0.0
    """Sum over these of the share of others below the labelled response; ties count half."""
    at: array[int] = field(default_factory=lambda: array("q"))
    """Responses with a worth, counted from 0 over the whole run."""
    worth: array[float] = field(default_factory=lambda: array("d"))
    """In [0, 1], higher is better also for a pitfall; of pairs, the mean over its comparisons."""
    seen_in: array[int] = field(default_factory=lambda: array("q"))
    """Group of each number in `level_of`."""
    level_of: array[float] = field(default_factory=lambda: array("d"))
    """What may drift: the worth; of pairs how far the verdict is from a tie, |2 value - 1|."""

    def add(self, part: Row, pair: bool) -> None:
        """Count one verdict."""
        self.paired = self.paired or pair
        if part.get("label_mass") is not None:
            self.mass += part["label_mass"]
            self.massed += 1
        value, level = part["value"], part["level"]
        if value is None:
            self.not_applicable += 1
            return
        self.judged += 1
        self.total += value
        top = 2 if pair else len(part["probabilities"]) - 1
        if level is not None and top > 0:
            self.ends[0] += level == 0
            self.ends[1] += level == top
            self.ends[2] += pair and level == 1
        else:
            self.ends[0] += value <= 0.0
            self.ends[1] += value >= 1.0


@dataclass(slots=True)
class Columns:
    """All criteria of a run, in order of appearance."""

    groups: int = 0
    labelled: int = 0
    reward: array[float] = field(default_factory=lambda: array("d"))
    """One a response; NaN where there is none."""
    group_of: array[int] = field(default_factory=lambda: array("q"))
    """One a response."""
    by_id: dict[str, Column] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Columns:
        """Read result rows (see `judge.records.result_row`)."""
        columns = cls()
        for row in rows:
            columns.add(row)
        return columns

    def add(self, row: Row) -> None:
        """Read one row."""
        pairs = [verdict for verdict in row["verdicts"] if verdict["kind"] == "pairwise"]
        if pairs:
            self._pairs(pairs)
        else:
            for score in row["scores"]:
                for part in score["parts"] if score is not None else ():
                    if "." not in part["criterion_id"]:  # a guard's verdict is no criterion's
                        self._column(part["criterion_id"]).add(part, False)
        worths = [reward["parts"] for reward in row["rewards"]]
        label = row.get("label")
        if label is not None and 0 <= label < len(worths) > 1:
            self.labelled += 1
            self._label(worths, label)
        for reward, parts in zip(row["rewards"], worths, strict=True):
            for name, worth in parts.items():
                column = self._column(name)
                column.at.append(len(self.reward))
                column.worth.append(worth)
                if not pairs:
                    column.seen_in.append(self.groups)
                    column.level_of.append(worth)
            self.reward.append(math.nan if reward["value"] is None else reward["value"])
            self.group_of.append(self.groups)
        self.groups += 1

    def _column(self, name: str) -> Column:
        return self.by_id.setdefault(name, Column())

    def _pairs(self, verdicts: Iterable[Row]) -> None:
        told: dict[str, list[Comparison]] = {}
        for verdict in verdicts:
            for part in verdict["parts"]:
                name = part["criterion_id"]
                column = self._column(name)
                column.add(part, True)
                if part["value"] is None:
                    continue
                column.seen_in.append(self.groups)
                column.level_of.append(abs(2.0 * part["value"] - 1.0))
                first, second = verdict["first"], verdict["second"]
                told.setdefault(name, []).append(_comparison(first, second, part))
        for name, comparisons in told.items():
            column = self._column(name)
            for pair in preferences(comparisons):
                if pair.flipped is not None:
                    column.orders += 1
                    column.flips += pair.flipped

    def _label(self, worths: list[dict[str, float]], label: int) -> None:
        for name, best in worths[label].items():
            others = [w[name] for at, w in enumerate(worths) if at != label and name in w]
            if others:
                below = math.fsum([(best > w) + 0.5 * (best == w) for w in others])
                column = self._column(name)
                column.labelled += 1
                column.ranked += below / len(others)


def _comparison(first: int, second: int, part: Row) -> Comparison:
    row = part["probabilities"] or [float(k == part["level"]) for k in range(3)]
    return Comparison(first, second, row[2], row[1], row[0])


def numbers(column: array[float]) -> FloatArray:
    """A column of numbers as an array."""
    return np.array(column, dtype=np.float64)


def indices(column: array[int]) -> IntArray:
    """A column of indices as an array."""
    return np.array(column, dtype=np.int64)
