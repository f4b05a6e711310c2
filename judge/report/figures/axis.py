"""An axis: from numbers to places, and where its ticks are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


class Axis(NamedTuple):
    """Numbers from `low` to `high` at places from `start` to `stop`; `log`: by their logarithm."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def at(self, value: float) -> float:
        """The place of a number; numbers outside are put at the nearer end."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low) * (self.stop - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """At most about so many round numbers from low to high."""
        if self.log:
            return _powers(self.low, self.high, most)
        raw = (self.high - self.low) / most
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(size * s for s in STEPS if size * s >= raw * (1.0 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]


def spanning(values: Sequence[float], start: float, stop: float, *, log: bool = False) -> Axis:
    """An axis on which all of the numbers lie, with some room where they are all equal."""
    low, high = min(values), max(values)
    if log:
        return Axis(low / 1.1, high * 1.1, start, stop, True)
    if high - low <= 1e-9 * max(1.0, abs(high)):
        half = 0.5 * max(1.0, abs(high)) if high else 0.5
        return Axis(low - half, high + half, start, stop)
    return Axis(low, high, start, stop)


def _powers(low: float, high: float, most: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for parts in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        found = [part * 10.0**k for k in decades for part in parts]
        found = [value for value in found if low <= value <= high]
        if len(found) <= most + 1:
            break
    every = -(-len(found) // (most + 1)) or 1
    return found[::every]


def short(value: float) -> str:
    """A number in a few letters."""
    size = abs(value)
    if size >= 999.5e6:
        return f"{value:.2e}"
    if size >= 999_500.0:
        return f"{value / 1e6:.3g}M"
    if size >= 9_999.5:
        return f"{value / 1e3:.3g}k"
    if size >= 100.0:
        return f"{value:.0f}"
    return f"{value:.3g}" if size >= 0.001 or not size else f"{value:.0e}"


def percentage(value: float) -> str:
    """A share in percent, short."""
    return f"{100.0 * value:.0f} %"
