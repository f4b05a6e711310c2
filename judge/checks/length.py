"""Length: words, characters, sentences and paragraphs."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from judge.checks.base import CheckParams, CheckResult, Inputs, some
from judge.checks.text import blocks, sentences, words

Count = Annotated[int, Field(ge=0, strict=True)]


class _Length(CheckParams):
    positional: ClassVar[str | None] = "exactly"
    unit: ClassVar[str]

    exactly: Count | None = None
    """Neither more nor fewer."""
    min: Count | None = None
    """At least this many."""
    max: Count | None = None
    """At most this many."""

    @model_validator(mode="after")
    def _some_limit(self) -> _Length:
        if self.exactly is None and self.min is None and self.max is None:
            raise ValueError("give exactly, min or max")
        if self.exactly is not None and (self.min is not None or self.max is not None):
            raise ValueError("exactly stands alone, without min and max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self

    @abstractmethod
    def count(self, text: str) -> int:
        """How many units the text has."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Count and compare."""
        return self.verdict(self.count(text))

    def verdict(self, found: int) -> CheckResult:
        """Whether a count is within the limits."""
        low = self.exactly if self.exactly is not None else self.min
        high = self.exactly if self.exactly is not None else self.max
        passed = (low is None or found >= low) and (high is None or found <= high)
        return CheckResult.of(passed, some(found, self.unit))

    def sentence(self) -> str:
        """Say the limits."""
        if self.exactly is not None:
            return f"has exactly {some(self.exactly, self.unit)}"
        if self.min is None:
            return f"has at most {some(self.max, self.unit)}"
        if self.max is None:
            return f"has at least {some(self.min, self.unit)}"
        return f"has {self.min} to {some(self.max, self.unit)}"


class Words(_Length):
    """The number of words (see the word rule in `judge.checks.text`) is within limits."""

    unit: ClassVar[str] = "word"

    def count(self, text: str) -> int:
        """Number of words."""
        return len(words(text))


class Characters(_Length):
    """The number of characters (Unicode code points) is within limits."""

    unit: ClassVar[str] = "character"

    def count(self, text: str) -> int:
        """Number of code points."""
        return len(text)


class Sentences(_Length):
    """The number of sentences is within limits."""

    unit: ClassVar[str] = "sentence"

    def count(self, text: str) -> int:
        """Number of sentences."""
        return sentences(text)


class Paragraphs(_Length):
    """The number of paragraphs (runs of lines that are not blank) is within limits."""

    unit: ClassVar[str] = "paragraph"

    def count(self, text: str) -> int:
        """Number of paragraphs."""
        return len(blocks(text))


class MaxWords(CheckParams):
    """There are at most so many words."""

    positional: ClassVar[str | None] = "limit"

    limit: Annotated[int, Field(ge=1, strict=True)]
    """The largest number of words that passes."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Count and compare."""
        found = len(words(text))
        return CheckResult.of(found <= self.limit, some(found, "word"))

    def sentence(self) -> str:
        """Say the limit."""
        return f"has at most {some(self.limit, 'word')}"


class MinWords(MaxWords):
    """There are at least so many words."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Count and compare."""
        found = len(words(text))
        return CheckResult.of(found >= self.limit, some(found, "word"))

    def sentence(self) -> str:
        """Say the limit."""
        return f"has at least {some(self.limit, 'word')}"
