"""A whole, cut into its parts: one bar, and a line a part below it."""

from __future__ import annotations

from collections.abc import Sequence

from judge.report.figures.svg import WIDTH, box, drawing, words

FILLS = ("fill-a", "fill-b", "fill-c", "fill-d", "fill-e")
"""A part's class by its place; texts tell the parts apart too."""


def stack(title: str, description: str, parts: Sequence[tuple[str, int]]) -> str:
    """Draw the parts of a whole; at least one count is above 0."""
    total = sum(count for _, count in parts)
    drawn, x = [], 2.0
    for at, (name, count) in enumerate(parts):
        wide = (WIDTH - 4.0) * count / total
        fill, y = FILLS[at % len(FILLS)], 46.0 + 19.0 * at
        if count:
            said = f"{name}: {count}"
            drawn.append(box(x, 4.0, max(wide - 1.0, 0.75), 22.0, fill, said))
        drawn.append(box(2.0, y - 10.0, 12.0, 12.0, fill))
        drawn.append(words(20.0, y, f"{name}: {count} ({100.0 * count / total:.1f} %)"))
        x += wide
    return drawing(title, description, 40.0 + 19.0 * len(parts), drawn)
