"""A cascade: a cheap judge first, the strong one only where the cheap one is unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from msgspec.structs import replace

from judge.judges.base import Asker, Call, Tally
from judge.judges.panel import Told, call_to
from judge.judges.samples import Combine, sampled
from judge.recipes.panels import CascadeSection
from judge.types import CriterionVerdict, Failure, Listing, Pairwise, Verdict


@dataclass(frozen=True, slots=True)
class Cascade:
    """Asks the first judge everything and the second what the first is unsure of.

    See `recipes.panels.CascadeSection` for what unsure is.
    """

    section: CascadeSection
    first: Asker
    then: Asker

    async def judged(
        self, calls: Sequence[Call], samples: int, combine: Combine, tally: Tally
    ) -> list[Verdict | Failure]:
        """One verdict a call, of the judge that was asked last."""
        section, own = self.section, Tally()
        told = await sampled(self.first, calls, samples, combine, own)
        tally.take(own, section.first)
        is_unsure = [self._is_unsure(answer) for answer in told]
        unsure = [at for at, doubted in enumerate(is_unsure) if doubted]
        tally.escalated += is_unsure
        tally.saved += samples * (len(told) - len(unsure))
        own, again = Tally(), [call_to(calls[at], 1) for at in unsure]
        second = await sampled(self.then, again, samples, combine, own)
        tally.take(own, section.then)
        decided = [_by(answer, section.first) for answer in told]
        for at, answer in zip(unsure, second, strict=True):
            decided[at] = _by(answer, section.then)
        return decided

    def _is_unsure(self, answer: Verdict | Failure) -> bool:
        if isinstance(answer, Failure):
            return True
        assert isinstance(answer, Told)
        return self.section.margin >= 1.0 or margin_of(answer) < self.section.margin


def margin_of(verdict: Told) -> float:
    """How sure a verdict is, in [0, 1].

    Of a pair |P(first better) - P(second better)|, over its criteria; of levels the likeliest less
    the next on the criterion where that is smallest. 0 where a probability is not known.
    """
    if isinstance(verdict, Pairwise):
        return abs(verdict.p_first - verdict.p_second) if verdict.graded else 0.0
    parts = chain(*verdict.parts) if isinstance(verdict, Listing) else verdict.parts
    return min((_lead(part) for part in parts), default=0.0)


def _lead(part: CriterionVerdict) -> float:
    if len(part.probabilities) < 2:
        return 0.0
    second, first = sorted(part.probabilities)[-2:]
    return first - second


def _by(answer: Verdict | Failure, name: str) -> Verdict | Failure:
    return replace(answer, decided_by=name) if isinstance(answer, Told) else answer
