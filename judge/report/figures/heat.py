"""A square table of numbers as colours: two hues, stronger the further from the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from judge.report.figures.svg import WIDTH, box, drawing, label, words

DRAWN = 20
"""Names that are drawn at most."""
STRONGEST = 0.5
"""Opacity of the furthest numbers: text over it keeps a contrast of 4.5, on dark paper too."""
NUMBERED = 6
"""Most names with which the numbers are written into the cells."""
LEFT, TOP = 112.0, 20.0


def heat(
    title: str,
    description: str,
    names: Sequence[str],
    values: Mapping[tuple[str, str], float],
    *,
    middle: float,
    reach: float,
    told: Callable[[float], str],
) -> str:
    """Draw the first `DRAWN` names against each other; columns have the rows' numbers.

    Args:
        title: See `drawing`.
        description: See `drawing`.
        names: Of rows and columns.
        values: By row and column; what is not known stays empty.
        middle: The number without a colour.
        reach: The distance from it at which a colour is strongest.
        told: A number in words.
    """
    names = names[:DRAWN]
    side = min((WIDTH - LEFT - 4.0) / len(names), 44.0)
    parts: list[str] = []
    for i, row in enumerate(names):
        y = TOP + side * i
        parts.append(label(LEFT - 24.0, y + side / 2 + 4.0, row, LEFT - 26.0, anchor="end"))
        parts.append(words(LEFT - 5.0, y + side / 2 + 4.0, str(i + 1), "m", anchor="end"))
        parts.append(words(LEFT + side * (i + 0.5), TOP - 6.0, str(i + 1), "m", anchor="middle"))
        for j, column in enumerate(names):
            value = values.get((row, column))
            x, said = LEFT + side * j, f"{row}, {column}: "
            if value is None:
                parts.append(box(x, y, side - 1.0, side - 1.0, "none", said + "not known"))
                continue
            parts += _cell(x, y, side, (value - middle) / reach, said, told(value), len(names))
    return drawing(title, description, TOP + side * len(names) + 4.0, parts)


def _cell(
    x: float, y: float, side: float, far: float, said: str, number: str, n: int
) -> Iterator[str]:
    strength = min(abs(far), 1.0) * STRONGEST
    hue = "fill-a" if far >= 0.0 else "fill-b"
    yield box(x, y, side - 1.0, side - 1.0, "none")
    yield box(x, y, side - 1.0, side - 1.0, hue, said + number, fill_opacity=strength)
    if n <= NUMBERED:
        yield words(x + (side - 1.0) / 2, y + side / 2 + 4.0, number, "t", anchor="middle")
