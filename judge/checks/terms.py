"""Literal text: contains, excludes, starts_with, ends_with."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, StrictBool, StringConstraints, model_validator

from judge.checks.base import CheckParams, CheckResult, Inputs
from judge.checks.text import folded, occurs

Term = Annotated[str, StringConstraints(min_length=1, strict=True)]
Terms = Annotated[
    tuple[Term, ...],
    Field(min_length=1),
    BeforeValidator(
        lambda raw: [raw] if isinstance(raw, str) else raw, json_schema_input_type=str | list[str]
    ),
]


class _Terms(CheckParams):
    positional: ClassVar[str | None] = "terms"

    terms: Terms
    """One text or a list of them, compared after Unicode normalisation (NFC)."""
    case: StrictBool = False
    """Whether upper and lower case differ."""

    def _prepared(self, text: str) -> tuple[str, list[str]]:
        return folded(text, case=self.case), [folded(term, case=self.case) for term in self.terms]

    def _listed(self) -> str:
        return ", ".join(repr(term) for term in self.terms)


class Contains(_Terms):
    """The response contains the terms: all of them, or at least `min_terms`."""

    whole_word: StrictBool = False
    """Whether a letter or digit next to the term spoils the match."""
    min_terms: Annotated[int, Field(ge=1, strict=True)] | None = None
    """How many of the terms are enough; all when absent."""

    @model_validator(mode="after")
    def _reachable(self) -> Contains:
        if self.min_terms is not None and self.min_terms > len(self.terms):
            raise ValueError(f"min_terms {self.min_terms} is more than the {len(self.terms)} terms")
        return self

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Look for every term."""
        whole, terms = self._prepared(text)
        absent = [
            shown
            for shown, term in zip(self.terms, terms, strict=True)
            if not occurs(term, whole, whole_word=self.whole_word)
        ]
        found = len(terms) - len(absent)
        passed = found >= (self.min_terms or len(terms))
        return CheckResult.of(passed, f"missing: {', '.join(absent)}" if absent else "all found")

    def sentence(self) -> str:
        """Say the terms."""
        if self.min_terms is not None:
            return f"contains at least {self.min_terms} of {self._listed()}"
        return f"contains {self._listed()}"


class Excludes(_Terms):
    """The response contains none of the terms."""

    whole_word: StrictBool = False
    """Whether a letter or digit next to the term means that it is another word."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Look for every term."""
        whole, terms = self._prepared(text)
        found = [
            shown
            for shown, term in zip(self.terms, terms, strict=True)
            if occurs(term, whole, whole_word=self.whole_word)
        ]
        return CheckResult.of(not found, f"found: {', '.join(found)}" if found else "none found")

    def sentence(self) -> str:
        """Say the terms."""
        return f"does not contain {self._listed()}"


class StartsWith(_Terms):
    """The response starts with one of the terms, white space before it apart."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Compare the start."""
        whole, terms = self._prepared(text.lstrip())
        return CheckResult.of(whole.startswith(tuple(terms)), f"starts with {text.lstrip()[:40]!r}")

    def sentence(self) -> str:
        """Say the terms."""
        return f"starts with {self._listed()}"


class EndsWith(_Terms):
    """The response ends with one of the terms, white space after it apart."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Compare the end."""
        whole, terms = self._prepared(text.rstrip())
        return CheckResult.of(whole.endswith(tuple(terms)), f"ends with {text.rstrip()[-40:]!r}")

    def sentence(self) -> str:
        """Say the terms."""
        return f"ends with {self._listed()}"
