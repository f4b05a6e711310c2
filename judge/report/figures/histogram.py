"""How numbers are spread: bars of counts, one panel a series, over one axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from judge.report.figures.axis import Axis, short, spanning
from judge.report.figures.svg import WIDTH, box, drawing, line, words
from judge.types import FloatArray

BINS = 24
PANEL, LEFT, RIGHT = 92.0, 34.0, 12.0


class Bars(NamedTuple):
    """A series in bins."""

    name: str
    counts: tuple[int, ...]


class Spread(NamedTuple):
    """Several series in the same bins."""

    edges: tuple[float, ...]
    series: tuple[Bars, ...]


def spread(series: Sequence[tuple[str, FloatArray]], bins: int = BINS) -> Spread:
    """Count numbers in bins of equal width over all that there are; at least one number."""
    axis = spanning(np.concatenate([values for _, values in series]).tolist(), 0.0, 1.0)
    edges = np.linspace(axis.low, axis.high, bins + 1)
    made = (Bars(name, tuple(np.histogram(v, edges)[0].tolist())) for name, v in series)
    return Spread(tuple(edges.tolist()), tuple(made))


def histogram(title: str, description: str, found: Spread, unit: str) -> str:
    """Draw the series below each other, each with its own height."""
    axis = Axis(found.edges[0], found.edges[-1], LEFT, WIDTH - RIGHT)
    parts: list[str] = []
    for at, bars in enumerate(found.series):
        parts += _panel(bars, found.edges, axis, PANEL * at)
    bottom = PANEL * len(found.series)
    for tick in axis.ticks(5):
        parts.append(words(axis.at(tick), bottom + 12.0, short(tick), "m", anchor="middle"))
    parts.append(words((LEFT + WIDTH - RIGHT) / 2.0, bottom + 28.0, unit, "m", anchor="middle"))
    return drawing(title, description, bottom + 34.0, parts)


def _panel(bars: Bars, edges: Sequence[float], axis: Axis, top: float) -> Iterator[str]:
    most = max(bars.counts) or 1
    floor, room = top + PANEL - 2.0, PANEL - 24.0
    yield words(LEFT, top + 13.0, f"{bars.name} (n = {sum(bars.counts)})")
    yield words(LEFT - 5.0, floor - room + 8.0, short(most), "m", anchor="end")
    yield words(LEFT - 5.0, floor, "0", "m", anchor="end")
    for low, high, count in zip(edges, edges[1:], bars.counts, strict=False):
        if count:
            x, tall = axis.at(low), max(room * count / most, 1.0)
            said = f"{short(low)} to {short(high)}: {count}"
            yield box(x, floor - tall, axis.at(high) - x - 0.8, tall, "fill-a", said)
    yield line(LEFT, floor, WIDTH - RIGHT, floor, "axis")
