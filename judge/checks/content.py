"""Whether there is any content: degenerate and repetition.

Judges can be fooled by a response that says nothing: a full stop, a colon, a lone opener such as
"Thought process:" (Zhao et al., arXiv 2507.08794). These checks need no model and no language.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, ClassVar

from pydantic import Field, StrictBool

from judge.checks.base import CheckParams, CheckResult, Inputs, some
from judge.checks.text import folded, words

OPENERS = (
    "thought process",
    "let's solve this problem step by step",
    "solution",
    "解",
    "かいせつ",
    "respuesta",
)
"""The openers of the paper: an answer that holds nothing else has no content."""
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
"""Characters that Unicode calls letters or symbols and that show nothing."""


class Degenerate(CheckParams):
    """The response has content: it fails if empty, only white space, or only punctuation.

    Letters and digits of any script count, and symbols beyond ASCII such as an emoji or ∞.
    """

    positional: ClassVar[str | None] = "min_characters"

    min_characters: Annotated[int, Field(ge=1, strict=True)] = 1
    """How many characters with content are enough; 1 accepts the answer "7"."""
    openers: StrictBool = False
    """Also fail a response that is only a known opener, such as "Solution"."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Count until there is enough."""
        found = 0
        for char in text:
            found += _has_content(char)
            if found >= self.min_characters:
                break
        else:
            return CheckResult.of(False, f"{some(found, 'character')} with content")
        if self.openers and len(text) < 200 and _bare(text) in _BARE_OPENERS:
            return CheckResult.of(False, "an opener and nothing else")
        return CheckResult.of(True, "has content")

    def sentence(self) -> str:
        """Say what is required."""
        if self.min_characters == 1:
            return "is more than white space and punctuation"
        return f"has at least {self.min_characters} letters or digits"


class Repetition(CheckParams):
    """The response does not repeat itself: the share of distinct n-grams of words is high.

    Without `min_unique` the value is the share itself, a number in [0, 1].
    """

    positional: ClassVar[str | None] = "min_unique"

    min_unique: Annotated[float, Field(gt=0.0, le=1.0, strict=True)] | None = None
    """The smallest share of distinct n-grams that passes."""
    n: Annotated[int, Field(ge=1, le=10, strict=True)] = 3
    """Words in an n-gram."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Count distinct n-grams; a text too short to have two passes."""
        found = words(folded(text, case=False))
        total = len(found) - self.n + 1
        if total < 2:
            return CheckResult(1.0, "too short to repeat itself")
        distinct = len(set(zip(*(found[k:] for k in range(self.n)), strict=False)))
        share = distinct / total
        evidence = f"{distinct} of {total} {self.n}-grams are distinct"
        if self.min_unique is None:
            return CheckResult(share, evidence)
        return CheckResult.of(share >= self.min_unique, evidence)

    def sentence(self) -> str:
        """Say the share."""
        if self.min_unique is None:
            return "does not repeat itself"
        return f"repeats itself little (at least {self.min_unique:.0%} distinct {self.n}-grams)"


def _has_content(char: str) -> bool:
    if char.isascii():
        return char.isalnum()
    return unicodedata.category(char)[0] in "LNS" and char not in _BLANK_LETTERS


def _bare(text: str) -> str:
    """Letters, digits and apostrophes only, folded, words one space apart."""
    text = folded(text, case=False).replace("\u2019", "'")
    return " ".join("".join(c if c.isalnum() or c == "'" else " " for c in text).split())


_BARE_OPENERS = frozenset(_bare(opener) for opener in OPENERS)
