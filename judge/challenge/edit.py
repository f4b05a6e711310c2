"""One change to a good response."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from judge.challenge.prose import Good
from judge.types import Record


class Edit(Record, frozen=True):
    """One stretch of a text, and what stands there instead."""

    start: int
    """In characters."""
    before: str
    after: str

    @property
    def end(self) -> int:
        """Behind the stretch."""
        return self.start + len(self.before)

    def applied(self, text: str) -> str:
        """The text with the change."""
        return text[: self.start] + self.after + text[self.end :]


Rule = Callable[[Good, Random], list[Edit]]
"""All changes of its kind that surely make a response worse; one of them is drawn."""
