"""What the figures of a run need of its result rows, read in one pass; no texts are kept."""

from __future__ import annotations

import heapq
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from judge.aggregate.preferences import lean_of
from judge.report.source import Row
from judge.runs.summary import Summary
from judge.synthesis.verdict_columns import Columns
from judge.types import Comparison

WORST = 10
"""Disagreements that are kept."""
NEITHER, OTHER, BEST = -1, 0, 1
"""What a label says of a response: nothing, that another is the best, that it is."""
LOST = "response without a reward"
Place = tuple[str, int]
"""Of a group: file and row."""


@dataclass(frozen=True, slots=True, order=True)
class Disagreement:
    """A group in which the judge contradicts the label, or itself."""

    size: float
    """How far apart: the winner's reward less the labelled one's, or of two display orders the
    smaller lead."""
    place: Place
    group: str
    better: int
    """The labelled response, or the one preferred when it was shown first."""
    worse: int
    """The response that the judge puts above it."""


@dataclass(slots=True)
class Collected:
    """Running totals and columns over result rows."""

    summary: Summary = field(default_factory=Summary)
    columns: Columns = field(default_factory=Columns)
    """Verdicts by criterion."""
    stages: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(what was left out, stage, kind) -> how many."""
    values: array[float] = field(default_factory=lambda: array("d"))
    """Rewards; responses without one are left out."""
    labels: array[int] = field(default_factory=lambda: array("b"))
    """Of each value: `BEST`, `OTHER` or `NEITHER`."""
    told: int = 0
    """Groups with a label, those included of which a response has no reward."""
    named: bool = False
    """Whether responses have the names of their systems."""
    record: dict[str, set[str]] = field(default_factory=dict)
    """Digests and settings by name, all that occur."""
    against_label: list[Disagreement] = field(default_factory=list)
    """The `WORST` largest."""
    against_itself: list[Disagreement] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Collected:
        """Read result rows."""
        collected = cls()
        for row in rows:
            collected.add(row)
        for kept in (collected.against_label, collected.against_itself):
            kept.sort(reverse=True)
        return collected

    def add(self, row: Row) -> None:
        """Read one row."""
        self.summary.add(row)
        self.columns.add(row)
        self.named = self.named or any(row.get("systems") or ())
        for name, value in row["record"].items():
            if name != "written":
                known = self.record.setdefault(name, set())
                if len(known) < 3:
                    known.add(str(value))
        self._failures(row)
        label = row.get("label")
        self.told += label is not None
        for at, value in enumerate(row["values"]):
            if value is not None:
                self.values.append(value)
                self.labels.append(NEITHER if label is None else BEST if at == label else OTHER)
        if label is not None:
            _keep(self.against_label, _overruled(row, label))
        for found in _turned(row):
            _keep(self.against_itself, found)

    def _failures(self, row: Row) -> None:
        for reward in row["rewards"]:
            reason = reward["reason"]
            if reason is not None:
                self.stages[LOST, reason["stage"], reason["kind"]] += 1
        for failure in row["failures"]:
            self.stages["judgement", failure["stage"], failure["kind"]] += 1


def _keep(kept: list[Disagreement], found: Disagreement | None) -> None:
    if found is not None:
        heapq.heappush(kept, found)
        if len(kept) > WORST:
            heapq.heappop(kept)


def _place(row: Row) -> Place:
    return str(row.get("source", "")), int(row.get("row", 0))


def _overruled(row: Row, label: int) -> Disagreement | None:
    """The group, where some response has a higher reward than the labelled one."""
    values = row["values"]
    if values[label] is None:
        return None
    top = max(
        (at for at, value in enumerate(values) if value is not None),
        key=lambda at: (values[at], -at),
    )
    gap = values[top] - values[label]
    if not (gap > 0.0 and math.isfinite(gap)):
        return None
    return Disagreement(gap, _place(row), row["group_id"], label, top)


def _turned(row: Row) -> Iterator[Disagreement]:
    """Pairs of which each order prefers another side."""
    leads: dict[tuple[int, int], float] = {}
    for verdict in row["verdicts"]:
        if verdict["kind"] == "pairwise" and verdict["call"]:
            names = ("first", "second", "p_first", "p_tie", "p_second")
            told = Comparison(*(verdict[name] for name in names))
            leads[told.first, told.second] = lean_of(told)
    for (i, j), lead in leads.items():
        back = leads.get((j, i))
        if i < j and back is not None and lead * back > 0.0:
            size = min(abs(lead), abs(back))
            yield Disagreement(size, _place(row), row["group_id"], i, j)
