"""Answers that are mathematically the same as the right one, by math-verify."""

from __future__ import annotations

import importlib.util
import re
from typing import Annotated, ClassVar

from pydantic import Field, StrictBool

from judge.checks.answer import Where, answer_in, given
from judge.checks.base import CheckParams, CheckResult, Inputs, missing_package
from judge.checks.workers import Workers

_WORKERS = Workers(
    "maths", {"gold": "$1$", "answer": "$1$", "digits": 6, "strict": True, "sets": False}
)
_LONG = 20_000
_MARKED = re.compile(r"\$|\\\(|\\\[|\\boxed|\\begin|[^\W\d_]{2,} [^\W\d_]{2,}")


class MathEquivalent(CheckParams):
    """The answer is mathematically the same as the right one, such as 1/2 and 0.5.

    Both are parsed and compared by math-verify (right answer first: the order matters), in a
    process with little memory, killed after `timeout_s`. What cannot be parsed or decided is
    unknown.
    """

    positional: ClassVar[str | None] = "answer"
    starts_process: ClassVar[bool] = True

    answer: str | None = None
    """The right answer, LaTeX or plain; the group's reference when absent."""
    where: Where = "whole"
    """Which part of the response is the answer; in the whole math-verify looks for it."""
    digits: Annotated[int, Field(ge=0, le=15, strict=True)] = 6
    """Digits after the point in which decimals agree; a whole number is exact."""
    strict: StrictBool = True
    """Whether variables have the same names, and sets are not tuples."""
    sets: StrictBool = False
    """Whether 1 < x < 2 and (1, 2) are the same."""
    timeout_s: Annotated[float, Field(gt=0.0, le=60.0, strict=True)] = 5.0
    """Seconds after which it is unknown."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Have the two compared."""
        right = given(self.answer, inputs)
        if right is None:
            return CheckResult(None, "there is no right answer to compare with")
        said = answer_in(text[-_LONG:], self.where)
        if said is None:
            return CheckResult(None, "no answer found")
        if importlib.util.find_spec("math_verify") is None:
            raise missing_package("math_equivalent", "math-verify")
        order = {
            "gold": _as_latex(right[-_LONG:]),
            "answer": said if self.where == "whole" else _as_latex(said),
            **{name: getattr(self, name) for name in ("digits", "strict", "sets")},
        }
        found = _WORKERS.ask(order, self.timeout_s)
        if found is None:
            return CheckResult(None, f"not decided, with {self.timeout_s:g} s to do it in")
        return CheckResult(None if found["value"] is None else float(found["value"]), found["said"])

    def sentence(self) -> str:
        """Say the answer."""
        return f"gives the answer {self.answer or 'of the reference'}"


def _as_latex(answer: str) -> str:
    """Math-verify reads LaTeX only between marks; a sentence is left as it is."""
    return answer if _MARKED.search(answer) else f"${answer}$"
