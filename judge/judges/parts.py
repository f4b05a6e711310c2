"""The parts of one response, cut and numbered by the program, each against a criterion's levels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from judge.aggregate.segments import (
    Span,
    block_spans,
    clause_spans,
    line_spans,
    sentence_spans,
)
from judge.decoding import Answer
from judge.judges.base import Asker, Call, Tally
from judge.judges.calls import KEY_CHARS
from judge.judges.case import Case, said
from judge.judges.plan import Form, Noun, Question
from judge.judges.pointwise import level_part
from judge.judges.samples import Merge, mean_parts, sampled
from judge.recipes import Recipe
from judge.rubrics import Criterion
from judge.types import Failure, Generation, Message, Spans, SpanVerdict, Text, Verdict


class Part(NamedTuple):
    """A step, sentence or clause: where it stands in what was said, and what is shown of it."""

    span: Span
    text: Text


class PartsAsked(NamedTuple):
    """A question about some parts of a response."""

    response: int
    form: Form
    parts: Sequence[Part]
    """All parts of the response."""
    question: Question


def noun_of(criterion: Criterion, recipe: Recipe) -> Noun | None:
    """Which parts of a response a criterion is about; None: the whole."""
    if criterion.is_error_scale:
        return "error"
    if criterion.scope == "sentence":
        return "sentence"
    if "step" in (criterion.scope, criterion.kind):
        return "step"
    if "span" in (criterion.scope, criterion.kind):
        return "passage" if recipe.judge.spans == "listed" else "clause"
    return None


def cut(text: Text, noun: Noun, recipe: Recipe) -> tuple[Part, ...]:
    """The parts of a response, at least one.

    The steps of a list of turns are the assistant's turns, each with what follows it.
    """
    if noun == "step" and not isinstance(text, str):
        return _turns(text)
    whole = said(text)
    if noun == "step":
        spans = block_spans(whole) if recipe.judge.step_ends == "blank_line" else line_spans(whole)
    else:
        spans = sentence_spans(whole) if noun == "sentence" else clause_spans(whole)
    return tuple(Part(span, whole[slice(*span)]) for span in spans)


def _turns(turns: Sequence[Message]) -> tuple[Part, ...]:
    starts = [k for k, turn in enumerate(turns) if turn.role == "assistant"] or [0]
    starts[0] = 0
    parts, at = [], 0
    for start, stop in zip(starts, [*starts[1:], len(turns)], strict=True):
        part = tuple(turns[start:stop])
        length = len(said(part))
        parts.append(Part((at, at + length), part))
        at += length + 1 if length else 0
    return tuple(parts)


@dataclass(frozen=True, slots=True)
class PartsJudge:
    """Asks about the numbered parts of single responses; each call shows all of them, whole.

    What does not fit the engine's context is a failure, for a step without its middle is another.
    """

    asker: Asker
    recipe: Recipe
    seed: int

    async def judge(
        self, case: Case, asked: Sequence[PartsAsked], tally: Tally
    ) -> list[Spans | Failure]:
        """Judge parts of responses.

        Returns:
            One item a question, in their order; its spans are by criterion, then by part. Samples
            are already combined.
        """
        calls = [self._call(case, one) for one in asked]
        told = await sampled(self.asker, calls, self.recipe.judge.samples, _combined, tally)
        return [_of(verdict, one.response) for verdict, one in zip(told, asked, strict=True)]

    def _call(self, case: Case, asked: PartsAsked) -> Call:
        question, sampling = asked.question, asked.question.sampling
        key = f"{question.key}.{case.digests[asked.response][:KEY_CHARS]}"
        if sampling.temperature:
            key += f".{self.seed}"
            draw = hashlib.sha256(key.encode()).digest()
            sampling = replace(sampling, seed=int.from_bytes(draw[:4], "big"))
        texts = {f"response{n}": case.fence(part.text) for n, part in enumerate(asked.parts, 1)}
        make = partial(self._verdict, case, asked)
        messages = case.fence.illustrated(question.skeleton.render(texts))
        call = Call(key, messages, question.spec, make, sampling, question.constraint)
        call.if_cut = self.recipe.judge.if_cut
        return call

    def _verdict(
        self, case: Case, asked: PartsAsked, answer: Answer, generation: Generation, call: Call
    ) -> Spans:
        parts = asked.parts[asked.form.start : asked.form.stop]
        slots = [(criterion, part) for criterion in asked.question.criteria for part in parts]
        spans = []
        for (criterion, part), reading in zip(slots, answer.readings, strict=True):
            verdict = level_part(criterion, reading, self.recipe, part.text)
            spans.append(SpanVerdict(*part.span, verdict))
        return Spans(
            asked.response,
            tuple(spans),
            answer.critique,
            call.key,
            generation.text,
            generation.thinking,
        )


def _of(told: Verdict | Failure, index: int) -> Spans | Failure:
    """A verdict as this group's: one from the store may speak of an equal response."""
    if isinstance(told, Failure):
        return told
    assert isinstance(told, Spans)
    return told if told.response == index else replace(told, response=index)


def _combined(verdicts: Sequence[Verdict], merge: Merge = mean_parts) -> Verdict:
    """The mean of several draws' probabilities."""
    draws = [verdict for verdict in verdicts if isinstance(verdict, Spans)]
    parts = merge([tuple(span.verdict for span in draw.spans) for draw in draws])
    spans = zip(draws[0].spans, parts, strict=True)
    return replace(
        draws[0],
        spans=tuple(replace(span, verdict=part) for span, part in spans),
        thinking_cut=any(draw.thinking_cut for draw in draws),
    )
