"""A panel: several judges are asked the same, and their verdicts on each criterion become one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from judge.judges.base import Asker, Call, Tally
from judge.judges.panel_rules import merge_of
from judge.judges.samples import Combine, Parts, sampled
from judge.recipes.panels import PanelSection
from judge.types import Failure, Listing, Pairwise, Pointwise, Verdict

Told = Pointwise | Pairwise | Listing
"""Verdicts that several judges can give together."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Asks every member every question; see `recipes.panels.PanelSection` for what comes of it."""

    section: PanelSection
    askers: Sequence[Asker]
    """One a member; members on the same engine share theirs."""
    two_way: bool = False
    """Pairs are judged without ties."""

    async def judged(
        self, calls: Sequence[Call], samples: int, combine: Combine, tally: Tally
    ) -> list[Verdict | Failure]:
        """One verdict a call, or why there are too few to make one."""
        spent = [Tally() for _ in self.askers]
        answers = await asyncio.gather(
            *(
                sampled(asker, [call_to(call, seat) for call in calls], samples, combine, own)
                for seat, (asker, own) in enumerate(zip(self.askers, spent, strict=True))
            )
        )
        for member, own in zip(self.section.members, spent, strict=True):
            tally.take(own, member.name)
        columns = zip(calls, *answers, strict=True)
        return [self._joined(call, told, combine, tally) for call, *told in columns]

    def _joined(
        self, call: Call, told: Sequence[Verdict | Failure], combine: Combine, tally: Tally
    ) -> Verdict | Failure:
        seats = [seat for seat, answer in enumerate(told) if not isinstance(answer, Failure)]
        section = self.section
        if len(seats) < section.least:
            return short(section, told)
        valid = [told[seat] for seat in seats]
        verdicts = [verdict for verdict in valid if isinstance(verdict, Told)]
        compared = isinstance(verdicts[0], Pairwise)
        members = [section.members[seat] for seat in seats]
        criteria = None if compared else {one.id: one for one in call.criteria}
        merge = merge_of(section, members, criteria, self.two_way and compared)

        def noted(draws: Sequence[Parts]) -> Parts:
            merged = zip(merge(draws), zip(*draws, strict=True), strict=True)
            parts = tuple(replace(part, votes=self._votes(seats, own)) for part, own in merged)
            tally.unanimous += [len(set(part.votes) - {None}) < 2 for part in parts]
            return parts

        whole = combine(verdicts, noted)
        assert isinstance(whole, Told)
        return replace(whole, decided_by=" + ".join(member.name for member in members))

    def _votes(self, seats: Sequence[int], own: Parts) -> tuple[int | None, ...]:
        votes: list[int | None] = [None] * len(self.askers)
        for seat, part in zip(seats, own, strict=True):
            votes[seat] = part.level
        return tuple(votes)


def short(section: PanelSection, told: Sequence[Verdict | Failure]) -> Failure:
    """Why there are too few answers: of the kind of the first failure, naming who failed."""
    names = [member.name for member in section.members]
    pairs = zip(names, told, strict=True)
    failures = [(name, answer) for name, answer in pairs if isinstance(answer, Failure)]
    why = "; ".join(f"{name}: {failure.message}" for name, failure in failures)
    answered = f"{len(names) - len(failures)} of {len(names)} judges answered"
    return replace(
        failures[0][1],
        message=f"{answered}, {section.least} must: {why}",
        retryable=any(failure.retryable for _, failure in failures),
    )


def call_to(call: Call, seat: int) -> Call:
    """A call as one of several judges is asked it."""
    return call.others[seat - 1] if seat else call
