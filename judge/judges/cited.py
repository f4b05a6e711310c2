"""Statements that a response must name the entities of and prove by what it cites (CaRR).

The judge says what a response names and whether a source bears a statement out, and quotes it. The
program holds it to that: a name must stand in the response, a quotation in a passage behind one of
its citations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from judge.checks.passages import cited_passages, pages_of, passages_of
from judge.errors import VerdictError
from judge.judges.case import Case, quoted_in, said
from judge.rubrics import Criterion
from judge.types import CriterionVerdict, Text

UNNAMED = ("none", "null", "unknown", "n/a", "-")
"""What a judge writes for an entity that the response does not name."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The passages behind a response's citations, and its whole history."""

    cited: tuple[str, ...]
    history: tuple[str, ...]

    @property
    def shown(self) -> str:
        """What the judge is shown of them."""
        return "\n\n".join(self.cited) or "(nothing that is cited was found)"


def sources_of(case: Case, index: int) -> Sources:
    """What a response cites, looked up in its own tool turns and in the context, unless hidden."""
    text = case.responses[index].text
    pages = pages_of(text, case.group.context if case.shows("context") else None)
    passages = passages_of(pages)
    cited = cited_passages(said(text), passages)
    whole = [page.text for page in pages] + [passage.text for passage in passages]
    return Sources(tuple(cited), tuple(dict.fromkeys(whole)))


def proven(
    part: CriterionVerdict,
    criterion: Criterion,
    names: Mapping[str, str],
    response: Text,
    sources: Sources,
) -> CriterionVerdict:
    """A verdict, or the lowest level where the response fails what the program can see.

    Args:
        part: What the judge said.
        criterion: A criterion with slots, or with `evidence: citation`, or neither.
        names: What the judge says the response calls each slot's entity.
        response: The response.
        sources: What it cites.

    Raises:
        VerdictError: `void_evidence`: the quotation stands in no source at all.
    """
    if part.level is None:
        return part
    for slot in criterion.slots:
        if not _is_named(names.get(slot, ""), response):
            return _lowest(part, f"{slot} is not named in the response")
    if criterion.evidence != "citation":
        return part
    if not sources.cited:
        return _lowest(part, "the response cites nothing that its history holds")
    if part.level == 0 or quoted_in(part.evidence, *sources.cited):
        return part
    if quoted_in(part.evidence, *sources.history):
        return _lowest(part, "the quotation is from a source that the response does not cite")
    raise VerdictError(f"{criterion.id}: the evidence is in no source", kind="void_evidence")


def _is_named(name: str, response: Text) -> bool:
    return name.strip().casefold() not in UNNAMED and quoted_in(name, said(response))


def _lowest(part: CriterionVerdict, why: str) -> CriterionVerdict:
    certain = tuple(float(not level) for level in range(len(part.probabilities)))
    return replace(part, level=0, value=0.0, probabilities=certain, reason=why)
