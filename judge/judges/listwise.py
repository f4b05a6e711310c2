"""Several responses in one call, under masked names, each against the levels of every criterion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from judge.decoding import Answer
from judge.judges.base import Asker, Call, Tally
from judge.judges.calls import call_on
from judge.judges.case import Case
from judge.judges.plan import Question
from judge.judges.pointwise import level_part
from judge.judges.samples import Bench, Merge, mean_parts, sampled
from judge.recipes import Recipe
from judge.types import Failure, Generation, Listing, Verdict

Window = tuple[int, ...]
"""Indices of responses, in the order they are shown."""


@dataclass(frozen=True, slots=True)
class ListwiseJudge:
    """Asks the questions of a plan about lists of responses."""

    asker: Asker | Bench
    recipe: Recipe
    seed: int

    async def judge(
        self,
        case: Case,
        windows: Sequence[Window],
        questions: Mapping[int, Sequence[Question]],
        tally: Tally,
    ) -> list[Listing | Failure]:
        """Judge lists of responses.

        Args:
            case: The group.
            windows: The lists; the responses of one differ from each other.
            questions: What is asked of a list, by its length.
            tally: Where usage and failures go.

        Returns:
            One item a window and question, in this order; samples are already combined.
        """
        asked = [(window, q) for window in windows for q in questions[len(window)]]
        calls = [self._call(case, window, question) for window, question in asked]
        told = await sampled(self.asker, calls, self.recipe.judge.samples, _combined, tally)
        return [_of(one, window) for one, (window, _) in zip(told, asked, strict=True)]

    def _call(self, case: Case, window: Window, question: Question) -> Call:
        shown = {f"response{place}": index for place, index in enumerate(window, 1)}
        make = partial(self._verdict, question, case, window)
        return call_on(case, question, shown, self.recipe, self.seed, make)

    def _verdict(
        self,
        question: Question,
        case: Case,
        window: Window,
        answer: Answer,
        generation: Generation,
        call: Call,
    ) -> Listing:
        width = len(window)
        parts = []
        for place, index in enumerate(window):
            readings = answer.readings[place::width]
            pairs = zip(question.criteria, readings, strict=True)
            text = case.responses[index].text
            parts.append(tuple(level_part(c, r, self.recipe, text) for c, r in pairs))
        return Listing(
            window,
            tuple(parts),
            answer.critique,
            call.key,
            generation.text,
            generation.thinking,
            call.cut,
        )


def _of(told: Verdict | Failure, window: Window) -> Listing | Failure:
    """A verdict as this group's: one from the store speaks of the same texts by other indices."""
    if isinstance(told, Failure):
        return told
    assert isinstance(told, Listing)
    return told if told.responses == window else replace(told, responses=window)


def _combined(verdicts: Sequence[Verdict], merge: Merge = mean_parts) -> Verdict:
    """The mean of several draws' probabilities."""
    draws = [verdict for verdict in verdicts if isinstance(verdict, Listing)]
    every = zip(*(draw.parts for draw in draws), strict=True)
    return replace(
        draws[0],
        parts=tuple(merge(list(parts)) for parts in every),
        thinking_cut=any(draw.thinking_cut for draw in draws),
    )
