"""One line a name: a dot or a bar at its number, with an interval."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from judge.report.figures.axis import Axis, short, spanning
from judge.report.figures.svg import WIDTH, box, drawing, label, line, tag, words

ROW, TOP, NAMES, RIGHT = 20.0, 6.0, 146.0, 46.0
"""Height of a line; room above, left (for names) and right (for numbers)."""
DRAWN = 40
"""Lines that are drawn at most."""
Style = Literal["dots", "bars"]


class Mark(NamedTuple):
    """One line; None: not known, and only the name is drawn."""

    name: str
    value: float | None
    low: float | None = None
    """Ends of the interval."""
    high: float | None = None


def marks(
    title: str,
    description: str,
    lines: Sequence[Mark],
    *,
    style: Style = "dots",
    ends: tuple[float, float] | None = None,
    about: float | None = None,
    told: Callable[[float], str] = short,
) -> str:
    """Draw the first `DRAWN` lines.

    Args:
        title: See `drawing`.
        description: See `drawing`.
        lines: At least one with a number.
        style: Dots, or bars from the axis' low end.
        ends: Of the axis; None: what the numbers span.
        about: Where a dashed line stands, such as at an even chance.
        told: A number in words.
    """
    lines = lines[:DRAWN]
    start, stop = NAMES, WIDTH - RIGHT
    known = [x for one in lines for x in (one.value, one.low, one.high) if x is not None]
    axis = Axis(*ends, start, stop) if ends is not None else spanning(known, start, stop)
    bottom = TOP + ROW * len(lines)
    parts = [*_grid(axis, bottom, told)]
    if about is not None:
        parts.append(line(axis.at(about), TOP, axis.at(about), bottom, "even"))
    for at, one in enumerate(lines):
        parts += _row(one, TOP + ROW * (at + 0.5), axis, style, told)
    return drawing(title, description, bottom + 20.0, parts)


def _grid(axis: Axis, bottom: float, told: Callable[[float], str]) -> Iterator[str]:
    for tick in axis.ticks(4):
        x = axis.at(tick)
        yield line(x, TOP, x, bottom, "grid")
        yield words(x, bottom + 13.0, told(tick), "m", anchor="middle")


def _row(
    one: Mark, y: float, axis: Axis, style: Style, told: Callable[[float], str]
) -> Iterator[str]:
    yield label(NAMES - 8.0, y + 4.0, one.name, NAMES - 10.0, anchor="end")
    if one.value is None:
        yield words(WIDTH - RIGHT + 6.0, y + 4.0, "\u2013", "m")
        return
    x = axis.at(one.value)
    if style == "bars":
        yield box(axis.start, y - 6.0, max(x - axis.start, 0.5), 12.0, "fill-a")
    if one.low is not None and one.high is not None:
        yield line(axis.at(one.low), y, axis.at(one.high), y, "whisker")
    if style == "dots":
        yield tag("circle", cx=x, cy=y, r=4.0, kind="fill-a")
    yield words(WIDTH - RIGHT + 6.0, y + 4.0, told(one.value), "t")
