"""Points over two axes: with intervals, a line through means, or a diagonal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from judge.report.figures.axis import Axis, short
from judge.report.figures.svg import WIDTH, drawing, label, line, tag, words

LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 10.0, 224.0
"""Where the axes end."""
NUMBERS = Callable[[float], str]


class Point(NamedTuple):
    """One point; `size` is its radius."""

    x: float
    y: float
    low: float | None = None
    """Ends of y's interval."""
    high: float | None = None
    size: float = 4.0
    name: str = ""


def plot(
    title: str,
    description: str,
    points: Sequence[Point],
    axes: tuple[Axis, Axis],
    units: tuple[str, str],
    *,
    diagonal: bool = False,
    means: Sequence[tuple[float, float]] = (),
    faint: bool = False,
    told: tuple[NUMBERS, NUMBERS] = (short, short),
) -> str:
    """Draw points.

    Args:
        title: See `drawing`.
        description: See `drawing`.
        points: At least one.
        axes: Of x (its places are `across()`) and of y (`up()`).
        units: What x and y are.
        diagonal: Whether the line on which x = y is drawn.
        means: A line through these.
        faint: Whether points may hide each other, and are therefore seen through.
        told: Numbers in words, on x and on y.
    """
    x, y = axes
    parts = [*_frame(axes, units, told)]
    if diagonal:
        low, high = max(x.low, y.low), min(x.high, y.high)
        parts.append(line(x.at(low), y.at(low), x.at(high), y.at(high), "even"))
    parts += [drawn for point in points for drawn in _point(point, axes, faint)]
    if means:
        track = " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in means)
        parts.append(tag("polyline", points=track, kind="means"))
    return drawing(title, description, BOTTOM + 38.0, parts)


def across(low: float, high: float, *, log: bool = False) -> Axis:
    """The axis of x."""
    return Axis(low, high, LEFT, WIDTH - RIGHT, log)


def up(low: float, high: float) -> Axis:
    """The axis of y."""
    return Axis(low, high, BOTTOM, TOP)


def _frame(
    axes: tuple[Axis, Axis], units: tuple[str, str], told: tuple[NUMBERS, NUMBERS]
) -> Iterator[str]:
    x, y = axes
    for tick in x.ticks(5):
        at = x.at(tick)
        yield line(at, TOP, at, BOTTOM, "grid")
        yield words(at, BOTTOM + 14.0, told[0](tick), "m", anchor="middle")
    for tick in y.ticks(5):
        at = y.at(tick)
        yield line(LEFT, at, WIDTH - RIGHT, at, "grid")
        yield words(LEFT - 5.0, at + 4.0, told[1](tick), "m", anchor="end")
    yield words((LEFT + WIDTH - RIGHT) / 2.0, BOTTOM + 31.0, units[0], "m", anchor="middle")
    middle = (TOP + BOTTOM) / 2.0
    turned = f"rotate(-90 10 {middle:.0f})"
    yield tag("g", words(10.0, middle, units[1], "m", anchor="middle"), transform=turned)


def _point(point: Point, axes: tuple[Axis, Axis], faint: bool) -> Iterator[str]:
    x, y = axes[0].at(point.x), axes[1].at(point.y)
    if point.low is not None and point.high is not None:
        yield line(x, axes[1].at(point.low), x, axes[1].at(point.high), "whisker")
    kind = "fill-a faint" if faint else "fill-a"
    yield tag("circle", cx=x, cy=y, r=point.size, kind=kind)
    if point.name:
        right = x < (LEFT + WIDTH - RIGHT) / 2.0
        room = (WIDTH - RIGHT - x if right else x - LEFT) - 8.0
        place = x + 8.0 if right else x - 8.0
        yield label(place, y - 6.0, point.name, room, anchor=None if right else "end")
