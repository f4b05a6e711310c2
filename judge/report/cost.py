"""Several runs: how often each agrees with the labels, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from judge.report.collected import Collected
from judge.report.figure import Figure, Table
from judge.report.figures.axis import percentage, short, spanning
from judge.report.figures.plot import Point, across, plot, up
from judge.statistics import wilson

LOG_FROM = 30.0


class Spent(NamedTuple):
    """What a run comes to."""

    name: str
    groups: int
    labelled: int
    agreement: float | None
    """Share of labelled groups whose labelled response alone is on top."""
    low: float
    high: float
    calls: float
    """A group."""
    tokens: float
    """A group, read and written."""


def spent(name: str, found: Collected) -> Spent:
    """Sum up one run."""
    one = found.summary
    share = one.right / one.labelled if one.labelled else None
    tokens = one.prompt_tokens + one.completion_tokens
    n = max(one.groups, 1)
    ends = wilson(one.right, one.labelled)
    return Spent(name, one.groups, one.labelled, share, *ends, one.calls / n, tokens / n)


def agreement_by_cost(runs: Sequence[Spent]) -> Figure:
    """Agreement with labels against cost; runs without labels are left out of the drawing."""
    name, title = "agreement-by-cost", "Agreement against cost"
    known = [one for one in runs if one.agreement is not None]
    if not known:
        return Figure(name, title, missing="no run has labels")
    by_tokens = all(one.tokens for one in known)
    costs = [one.tokens if by_tokens else one.calls for one in known]
    log = min(costs) > 0.0 and max(costs) >= LOG_FROM * min(costs)
    x = spanning([*costs] if log else [0.0, *costs], 0.0, 1.0, log=log)
    points = [
        Point(cost, one.agreement or 0.0, one.low, one.high, name=one.name)
        for cost, one in zip(costs, known, strict=True)
    ]
    best = max(known, key=lambda one: one.agreement or 0.0)
    said = f"{best.name} agrees most often: {percentage(best.agreement or 0.0)}"
    unit = "tokens" if by_tokens else "judge calls"
    caption = (
        f"Share of labelled groups in which the labelled response alone gets the highest reward,"
        f" against {unit} a group; 95 % intervals (Wilson). {said}. Intervals that overlap do not"
        " tell two runs apart: judge compare tests two runs over the same data in pairs. What a"
        " run took from a store cost it nothing."
    )
    lows = [one.low for one in known]
    axes = (across(x.low, x.high, log=log), up(0.5 if min(lows) >= 0.5 else 0.0, 1.0))
    units, told = (f"{unit} a group", "agreement"), (short, percentage)
    svg = plot(title, said, points, axes, units, told=told)
    return Figure(name, title, caption, svg, Table.of(Spent._fields, runs))
