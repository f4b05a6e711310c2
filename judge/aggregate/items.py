"""What a rule is given of each judged criterion, and what it gives back."""

from __future__ import annotations

import msgspec


class Item(msgspec.Struct, frozen=True, gc=False):
    """One judged criterion of one response."""

    criterion_id: str
    weight: float
    value: float
    """In [0, 1]; a pitfall is already turned round."""
    variance: float | None
    """None: only the label is known."""
    met: float
    """P(the best level)."""
    tier: str | None = None
    layer: str | None = None
    is_pitfall: bool = False
    slots: tuple[str, ...] = ()
    """The entities of a statement of a chain."""


class Combined(msgspec.Struct, frozen=True, gc=False):
    """One value and its standard error; None: some verdict is a label only."""

    value: float
    standard_error: float | None
