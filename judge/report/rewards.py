"""How rewards are spread, and how they go with the length of what is rewarded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from judge.report.collected import BEST, OTHER, Collected
from judge.report.figure import Figure, Table
from judge.report.figures.axis import spanning
from judge.report.figures.histogram import histogram, spread
from judge.report.figures.plot import Point, across, plot, up
from judge.types import FloatArray

DRAWN = 400
"""Points that are drawn one by one; more are counted in the cells of a grid."""
GRID = (32, 20)
MEANS = 8
"""Parts of equally many responses of which the mean is drawn."""
LOG_FROM = 30.0
"""Longest over shortest above which lengths are drawn by their logarithm."""
NONE = "no response has a reward"


def rewards(found: Collected) -> Figure:
    """A histogram; where there are labels, of the labelled best and of the others."""
    title = "Rewards"
    values, labels = np.array(found.values), np.array(found.labels)
    if not len(values):
        return Figure("rewards", title, missing=NONE)
    series = [("all", values)]
    if (labels == BEST).any() and (labels == OTHER).any():
        series += [
            ("labelled the best", values[labels == BEST]),
            ("others", values[labels == OTHER]),
        ]
    counted = spread(series)
    said = f"mean {values.mean():.3g}, median {np.median(values):.3g}, n = {len(values)}"
    distinct = len(np.unique(values))
    caption = f"{said[0].upper()}{said[1:]}; {distinct} different values."
    if distinct == 1 and len(values) > 1:
        caption += " All are equal: a trainer learns nothing from them."
    columns = ("from", "to", *(bars.name for bars in counted.series))
    counts = zip(*(bars.counts for bars in counted.series), strict=True)
    rows = [
        (low, high, *each)
        for low, high, each in zip(counted.edges, counted.edges[1:], counts, strict=False)
    ]
    svg = histogram(title, said, counted, "reward")
    return Figure("rewards", title, caption, svg, Table.of(columns, rows))


def by_length(sizes: Sequence[int], paid: Sequence[float], missing: str = "") -> Figure:
    """Reward against length.

    Args:
        sizes: Characters of the responses that have a reward.
        paid: Their rewards.
        missing: Why lengths are not known.
    """
    name, title = "reward-by-length", "Reward against length"
    if missing or not len(paid):
        return Figure(name, title, missing=missing or NONE)
    lengths, values = np.array(sizes, dtype=np.float64), np.array(paid, dtype=np.float64)
    log = bool(lengths.max() >= LOG_FROM * max(lengths.min(), 1.0))
    lengths = np.maximum(lengths, 1.0) if log else lengths
    x, y = (spanning(side.tolist(), 0.0, 1.0) for side in (lengths, values))
    if log:
        x = spanning(lengths.tolist(), 0.0, 1.0, log=True)
    r = _correlation(lengths, values)
    said = "one of the two does not vary" if r is None else f"Pearson's r is {r:.2f}"
    points, means = _points(lengths, values, log), _means(lengths, values)
    svg = plot(
        title,
        said,
        points,
        (across(x.low, x.high, log=log), up(y.low, y.high)),
        ("characters" + (", by their logarithm" if log else ""), "reward"),
        means=means,
        faint=True,
    )
    table = _table(lengths, values, points)
    return Figure(name, title, _told(len(values), said, bool(means)), svg, table)


def _told(n: int, said: str, joined: bool) -> str:
    each = "a response" if n <= DRAWN else "the responses of one cell, larger where they are more"
    line = " The line joins the means of equally many." if joined else ""
    return (
        f"Each point is {each}; {said} over all {n}.{line} Length may follow quality: only a rise"
        " without a reason is a bias."
    )


def _correlation(x: FloatArray, y: FloatArray) -> float | None:
    if len(x) < 2 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def _points(lengths: FloatArray, values: FloatArray, log: bool) -> list[Point]:
    if len(values) <= DRAWN:
        return [Point(x, y, size=3.0) for x, y in zip(lengths, values, strict=True)]
    x = np.log(lengths) if log else lengths
    counts, across_edges, up_edges = np.histogram2d(x, values, GRID)
    places = [(edges[1:] + edges[:-1]) / 2.0 for edges in (across_edges, up_edges)]
    most = counts.max()
    return [
        Point(
            float(np.exp(places[0][i]) if log else places[0][i]),
            float(places[1][j]),
            size=float(1.0 + 4.5 * np.sqrt(counts[i, j] / most)),
            low=None,
        )
        for i, j in zip(*np.nonzero(counts), strict=True)
    ]


def _means(lengths: FloatArray, values: FloatArray) -> list[tuple[float, float]]:
    """(mean length, mean reward) of parts; none where there are too few for two parts."""
    parts = min(MEANS, len(values) // 10)
    order = np.argsort(lengths, kind="stable")
    if parts < 2:
        return []
    return [
        (float(lengths[part].mean()), float(values[part].mean()))
        for part in np.array_split(order, parts)
    ]


def _table(lengths: FloatArray, values: FloatArray, points: Sequence[Point]) -> Table:
    """The responses one by one, or the means that are drawn."""
    if len(values) <= DRAWN:
        return Table.of(("characters", "reward"), [(int(p.x), p.y) for p in points])
    return Table.of(("mean characters", "mean reward"), _means(lengths, values))
