"""What was judged, and why the rest was not."""

from __future__ import annotations

from judge.report.collected import LOST, Collected
from judge.report.figure import Figure, Table
from judge.report.figures.marks import Mark, marks
from judge.report.figures.stack import stack

STATUSES = ("ok", "gated", "skipped", "failed")
"""Of a reward (see `judge.types.Reward`), as they are drawn."""


def coverage(found: Collected) -> Figure:
    """How many responses have a reward."""
    counts = found.summary.statuses
    parts = [(status, counts.get(status, 0)) for status in STATUSES]
    table = Table.of(("status", "responses"), parts)
    title = "Coverage"
    if not found.summary.responses:
        return Figure("coverage", title, missing="the run has no result yet")
    judged = found.summary.judged
    said = f"{judged} of {found.summary.responses} responses have a reward"
    caption = f"{said}. Failed and skipped ones have none; a gated one got its rubric's low end."
    return Figure("coverage", title, caption, stack(title, said, parts), table)


def failures(found: Collected) -> Figure:
    """What went wrong, by kind."""
    title = "Failures by kind"
    if not found.stages:
        return Figure("failures", title, missing="nothing failed")
    rows = [(*names, count) for names, count in found.stages.most_common()]
    lines = [
        Mark(f"{kind} ({'reward' if what == LOST else stage})", float(count))
        for what, stage, kind, count in rows
    ]
    said = f"the most frequent: {rows[0][2]}, {rows[0][3]} times"
    caption = (
        "How often each kind of failure left a response without a reward (reward), or a single"
        " judgement without a verdict (its stage). Failures are never counted as a low reward."
    )
    table = Table.of(("what", "stage", "kind", "count"), rows)
    most = max(float(row[3]) for row in rows)
    drawn = marks(title, said, lines, style="bars", ends=(0.0, most), told=_count)
    return Figure("failures", title, caption, drawn, table)


def _count(value: float) -> str:
    """A count; nothing for a tick between two."""
    return f"{value:.0f}" if value == round(value) else ""
