"""The pieces of a drawing: tags, texts and the frame. All text is escaped here."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable

WIDTH = 360
"""Of a drawing, in its own units."""
LETTER = 6.7
"""Width that a letter of a label is given, wide fonts included; Chinese and emoji take two."""
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""What HTML and XML cannot hold, and what turns the direction of the text that follows."""


def clean(text: str) -> str:
    """The text with U+FFFD for characters that a page cannot hold, or that would reorder it."""
    return _CONTROL.sub("\ufffd", text)


def tag(name: str, *inside: str, **attributes: str | float | None) -> str:
    """An element. Attributes are escaped, `_` in their names is `-`; what is inside is not.

    Attributes that are None are left out; `kind` is the class.
    """
    told = []
    for key, value in attributes.items():
        if value is None:
            continue
        said = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        named = "class" if key == "kind" else key.replace("_", "-")
        told.append(f' {named}="{html.escape(clean(said))}"')
    return f"<{name}{''.join(told)}>{''.join(inside)}</{name}>"


def words(x: float, y: float, said: str, kind: str = "t", *, anchor: str | None = None) -> str:
    """A line of text with its baseline at y."""
    return tag("text", html.escape(clean(said)), x=x, y=y, kind=kind, text_anchor=anchor)


def label(x: float, y: float, said: str, room: float, *, anchor: str | None = None) -> str:
    """A line of text cut to fit `room` units; what was cut is told when it is pointed at."""
    short = shortened(said, room)
    hint = tag("title", html.escape(clean(said))) if short != said else ""
    inside = html.escape(clean(short))
    return tag("text", inside, hint, x=x, y=y, kind="t", text_anchor=anchor)


def shortened(said: str, room: float) -> str:
    """The text, or its start and its end, so that it takes at most `room` units."""
    said = " ".join(said.split())
    if _wide(said) <= room:
        return said
    letters = list(said)
    while letters and _wide("".join(letters)) > room - LETTER:
        del letters[2 * len(letters) // 3]
    cut = 2 * len(letters) // 3
    return "".join([*letters[:cut], "\u2026", *letters[cut:]])


def _wide(said: str) -> float:
    return sum(LETTER * (2 if unicodedata.east_asian_width(c) in "WF" else 1) for c in said)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, kind=kind)


def box(
    x: float, y: float, width: float, height: float, kind: str, said: str = "", **more: float
) -> str:
    """A rectangle; `said` is told when it is pointed at."""
    hint = (tag("title", html.escape(clean(said))),) if said else ()
    return tag("rect", *hint, x=x, y=y, width=width, height=height, kind=kind, **more)


def drawing(title: str, description: str, height: float, parts: Iterable[str]) -> str:
    """A whole drawing.

    Args:
        title: What it shows.
        description: What is to be seen, for those who cannot.
        height: In units; the width is `WIDTH`.
        parts: Elements.
    """
    return tag(
        "svg",
        tag("title", html.escape(clean(title))),
        tag("desc", html.escape(clean(description))),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        role="img",
        aria_label=f"{title}. {description}",
    )
