"""Length: words, characters, sentences, paragraphs, and how much of a target is reached."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from judge.checks.base import CheckParams, CheckResult, Inputs, some
from judge.checks.text import blocks, sentences, words

Count = Annotated[int, Field(ge=0, strict=True)]


class Counted(CheckParams):
    """Something is counted, and the count is within limits."""

    positional: ClassVar[str | None] = "exactly"
    unit: ClassVar[str] = ""

    exactly: Count | None = None
    """Neither more nor fewer."""
    min: Count | None = None
    """At least this many."""
    max: Count | None = None
    """At most this many."""
    tolerance: Annotated[float, Field(ge=0.0, lt=1.0, strict=True)] = 0.0
    """A share by which the limits are widened: 0.1 lets exactly 100 pass from 90 to 110."""

    @model_validator(mode="after")
    def _some_limit(self) -> Counted:
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
        passed = (low is None or found >= low * (1.0 - self.tolerance)) and (
            high is None or found <= high * (1.0 + self.tolerance)
        )
        return CheckResult.of(passed, self.counted(found))

    def counted(self, number: int) -> str:
        """A count in words."""
        return some(number, self.unit)

    def sentence(self) -> str:
        """Say the limits."""
        if self.exactly is not None:
            return f"has exactly {self.counted(self.exactly)}"
        if self.min is None:
            assert self.max is not None
            return f"has at most {self.counted(self.max)}"
        if self.max is None:
            return f"has at least {self.counted(self.min)}"
        return f"has {self.min} to {self.counted(self.max)}"


class Words(Counted):
    """The number of words (see the word rule in `judge.checks.text`) is within limits."""

    unit: ClassVar[str] = "word"

    def count(self, text: str) -> int:
        """Number of words."""
        return len(words(text))


class Characters(Counted):
    """The number of characters (Unicode code points) is within limits."""

    unit: ClassVar[str] = "character"

    def count(self, text: str) -> int:
        """Number of code points."""
        return len(text)


class Sentences(Counted):
    """The number of sentences is within limits."""

    unit: ClassVar[str] = "sentence"

    def count(self, text: str) -> int:
        """Number of sentences."""
        return sentences(text)


class Paragraphs(Counted):
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


class LengthShare(CheckParams):
    """How much of a full answer's length is reached: length / target, at most 1, in [0, 1].

    The length incentive of R^3 (arXiv 2402.03469: words / 100, by a review of the paper), capped so
    that nothing is paid for more words than a full answer needs. It pays for words of any kind: use
    it in a product with `relevance` and `repetition`.
    """

    positional: ClassVar[str | None] = "target"

    target: Annotated[int, Field(ge=1, strict=True)]
    """The length from which on the value is 1, such as 100 words."""
    unit: Literal["words", "characters"] = "words"
    """What is counted."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Count and divide."""
        found = len(words(text) if self.unit == "words" else text)
        return CheckResult(min(1.0, found / self.target), some(found, self.unit[:-1]))

    def sentence(self) -> str:
        """Say the target."""
        return f"has {some(self.target, self.unit[:-1])} or nearly as many"
