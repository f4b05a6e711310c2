"""Answers compared with the right one: literally, as numbers, and by how near they come."""

from __future__ import annotations

import math
import unicodedata
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictBool

from judge.checks.answer import Where, answer_in, given, number
from judge.checks.base import CheckParams, CheckResult, Inputs
from judge.checks.terms import Terms
from judge.checks.text import folded

Tolerance = Annotated[float, Field(ge=0.0, strict=True)]
_NO_ANSWER = CheckResult(None, "there is no right answer to compare with")


class ExactMatch(CheckParams):
    """The answer is literally one of the right ones, or the reference where none are listed."""

    positional: ClassVar[str | None] = "answers"

    answers: Terms | None = None
    """The right answer and its aliases; the group's reference when absent."""
    where: Where = "auto"
    """Which part of the response is the answer."""
    case: StrictBool = False
    """Whether upper and lower case differ."""
    punctuation: StrictBool = False
    """Whether punctuation, articles and white space count (else as SQuAD compares, 1606.05250)."""
    mismatch: Literal["fail", "unknown"] = "fail"
    """unknown: another wording may be as right, so that a hybrid criterion asks the judge."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Compare with each."""
        right = self.answers or ((inputs.reference,) if inputs.reference is not None else ())
        if not right:
            return _NO_ANSWER
        said = answer_in(text, self.where)
        if said is None:
            return CheckResult.of(False, "no answer found")
        matches = self._bare(said) in {self._bare(answer.strip()) for answer in right}
        if not matches and self.mismatch == "unknown":
            return CheckResult(None, f"another answer: {said[:100]!r}")
        return CheckResult.of(matches, f"answer: {said[:100]!r}")

    def _bare(self, text: str) -> str:
        text = folded(text, case=self.case)
        if self.punctuation:
            return text
        kept = "".join(
            " " if unicodedata.category(char)[0] == "P" and not char.isnumeric() else char
            for char in text
        )
        words = kept.split()
        return " ".join(word for word in words if word not in ("a", "an", "the")) or text

    def sentence(self) -> str:
        """Say the answers."""
        if self.answers is None:
            return "gives the reference answer"
        return f"gives the answer {' or '.join(map(repr, self.answers))}"


class NumericMatch(CheckParams):
    """The answer is the right number, within a tolerance."""

    positional: ClassVar[str | None] = "answer"

    answer: Annotated[float, Field(strict=True)] | None = None
    """The right number; that of the group's reference when absent."""
    relative: Tolerance = 1e-6
    """The largest error that passes, as a share of the right number."""
    absolute: Tolerance = 1e-9
    """The largest error that passes whatever the right number is."""
    where: Where = "auto"
    """Which part of the response is the answer; its last number is compared."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Compare the numbers."""
        right, said = _numbers(self.answer, self.where, text, inputs)
        if right is None:
            return _NO_ANSWER
        if said is None:
            return CheckResult.of(False, "no number found")
        room = max(self.absolute, self.relative * abs(right))
        return CheckResult.of(abs(said - right) <= room, f"{said:g} for {right:g}")

    def sentence(self) -> str:
        """Say the number."""
        return f"gives {'the right number' if self.answer is None else f'{self.answer:g}'}"


class Closeness(CheckParams):
    """How near the answer comes to the right number, graded in [0, 1].

    bell: exp(-d^2 / (2 s^2)) for an error d and the scale s, flat near the right number and falling
    fast further off, as VQAThinker describes its bell-shaped regression reward (arXiv 2508.06051;
    the Gaussian is our reading, the scale the rubric's). fuzzy: (1.5 - r) / 1.5 for a relative
    error r < 0.5, else 0 (CrowdVLM-R1, arXiv 2504.03724, which does not divide by 1.5). linear:
    1 - d / s, at least 0.
    """

    positional: ClassVar[str | None] = "answer"

    answer: Annotated[float, Field(strict=True)] | None = None
    """The right number; that of the group's reference when absent."""
    shape: Literal["bell", "fuzzy", "linear"] = "bell"
    """How the value falls with the error."""
    scale: Annotated[float, Field(gt=0.0, strict=True)] = 1.0
    """s of bell and linear, in the answer's own unit."""
    where: Where = "auto"
    """Which part of the response is the answer; its last number is compared."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Measure the error."""
        right, said = _numbers(self.answer, self.where, text, inputs)
        if right is None:
            return _NO_ANSWER
        if said is None:
            return CheckResult.of(False, "no number found")
        return CheckResult(self._value(abs(said - right), right), f"{said:g} for {right:g}")

    def _value(self, error: float, right: float) -> float:
        if self.shape == "bell":
            # The square of a large float raises OverflowError.
            far = error / self.scale
            return math.exp(-0.5 * far * far) if far < 100.0 else 0.0
        if self.shape == "linear":
            return max(0.0, 1.0 - error / self.scale)
        if right == 0.0:
            return float(error == 0.0)
        relative = error / abs(right)
        return (1.5 - relative) / 1.5 if relative < 0.5 else 0.0

    def sentence(self) -> str:
        """Say what it comes near to."""
        return f"comes near {'the right number' if self.answer is None else f'{self.answer:g}'}"


def _numbers(
    answer: float | None, where: Where, text: str, inputs: Inputs
) -> tuple[float | None, float | None]:
    """The right number and the response's."""
    reference = given(None, inputs)
    if answer is None and reference is not None:
        answer = number(answer_in(reference, "auto") or "")
    return answer, number(answer_in(text, where) or "")
