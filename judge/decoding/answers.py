"""What an answer holds: the verdicts that are asked for, and what was read of them."""

from __future__ import annotations

from dataclasses import dataclass

from judge.types import Record

NOT_APPLICABLE = "0"


@dataclass(frozen=True, slots=True)
class Slot:
    """One verdict: its key in the answer and the codes it may take, in the order they are read."""

    key: str
    codes: tuple[str, ...]
    optional: bool = False
    """Whether 0, does not apply, is allowed too."""
    reason_chars: int = 0
    """Longest reason before the verdict; 0: none is asked."""
    evidence: bool = False
    """Whether a quotation from the response comes first."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """Every code the grammar lets through."""
        return (*self.codes, NOT_APPLICABLE) if self.optional else self.codes

    @property
    def quoted(self) -> bool:
        """Whether the codes are JSON strings (letters) and not numbers."""
        return not self.codes[0].isdigit()


class Reading(Record, frozen=True):
    """One verdict as read: `index` into `Slot.codes`, None = does not apply."""

    index: int | None
    probabilities: tuple[float, ...] = ()
    """Over `Slot.codes`, sum 1; empty where the engine gave no log-probabilities there."""
    label_mass: float | None = None
    """Probability of all allowed codes before any mask, in [0, 1]; None: not known."""
    logprobs: tuple[float, ...] = ()
    """Natural logs before any mask, over `Slot.codes`; -inf where the engine named no value."""
    reason: str = ""
    evidence: str = ""


class Answer(Record, frozen=True):
    """A whole answer as read; `readings` are in the order of `OutputSpec.slots`."""

    readings: tuple[Reading, ...]
    critique: str = ""
    items: tuple[tuple[str, ...], ...] = ()
    """Of a `ListSpec`: the fields of each item, in the order of its columns."""
    names: tuple[str, ...] = ()
    """What the response calls each entity, in the order of `OutputSpec.names`."""
