"""One question about one or two responses of a group, as a call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from judge.decoding import Answer
from judge.judges.base import Call
from judge.judges.case import Case, said
from judge.judges.plan import Question
from judge.recipes import Recipe
from judge.types import Generation, Message, Verdict

LIMITS = tuple(4000 >> step for step in range(8))
"""Characters kept of each response of a prompt that does not fit, at each further try."""

KEY_CHARS = 32
"""Hexadecimal digits of each digest in a key: 128 bits."""


def call_on(
    case: Case,
    question: Question,
    shown: Mapping[str, int],
    recipe: Recipe,
    seed: int,
    make: Callable[[Answer, Generation, Call], Verdict],
    cited: str | None = None,
) -> Call:
    """The call that asks a question.

    Args:
        case: The group.
        question: As `Case.ready` makes it for the group.
        shown: The responses by the names the template has for them.
        recipe: How to judge.
        seed: The run's seed.
        make: Makes the verdict.
        cited: What stands behind the response's citations, where the template shows it; of turns
            only what the assistant said is shown then.
    """
    key = question.key
    for index in shown.values():
        key += "." + case.digests[index][:KEY_CHARS]
    texts = {name: case.fenced(index) for name, index in shown.items()}
    if cited is not None:
        texts = _with_sources(case, shown, cited)
    sampling = question.sampling
    if sampling.temperature:
        key += f".{seed}"
        draw = hashlib.sha256(key.encode()).digest()
        sampling = replace(sampling, seed=int.from_bytes(draw[:4], "big"))
    messages = case.fence.illustrated(question.skeleton.render(texts))
    call = Call(key, messages, question.spec, make, sampling, question.constraint)
    call.if_cut = recipe.judge.if_cut
    if recipe.judge.overflow == "cut_middle":
        call.shorter = _shorter(case, question, shown, cited)
    call.criteria = question.criteria
    call.others = tuple(
        [call_on(case, other, shown, recipe, seed, make, cited) for other in question.others]
    )
    return call


def _with_sources(case: Case, shown: Mapping[str, int], cited: str) -> dict[str, str]:
    said_by = {name: said(case.responses[index].text) for name, index in shown.items()}
    return {name: case.fence(text) for name, text in {**said_by, "cited": cited}.items()}


def _shorter(
    case: Case, question: Question, shown: Mapping[str, int], cited: str | None
) -> Iterator[tuple[tuple[Message, ...], int]]:
    texts = {name: case.responses[index].text for name, index in shown.items()}
    if cited is not None:
        texts = {**{name: said(text) for name, text in texts.items()}, "cited": cited}
    for limit in LIMITS:
        cut = sum(case.fence.cut(text, limit) for text in texts.values())
        if cut:
            fenced = {name: case.fence(text, limit) for name, text in texts.items()}
            yield case.fence.illustrated(question.skeleton.render(fenced)), cut
