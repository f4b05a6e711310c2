"""One question about one or two responses of a group, as a call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from judge.decoding import Answer
from judge.judges.base import Call
from judge.judges.case import Case
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
) -> Call:
    """The call that asks a question.

    Args:
        case: The group.
        question: As `Case.ready` makes it for the group.
        shown: The responses by the names the template has for them.
        recipe: How to judge.
        seed: The run's seed.
        make: Makes the verdict.
    """
    key = question.key
    texts = {}
    for name, index in shown.items():
        key += "." + case.digests[index][:KEY_CHARS]
        texts[name] = case.fenced(index)
    sampling = question.sampling
    if sampling.temperature:
        key += f".{seed}"
        draw = hashlib.sha256(key.encode()).digest()
        sampling = replace(sampling, seed=int.from_bytes(draw[:4], "big"))
    call = Call(
        key, question.skeleton.render(texts), question.spec, make, sampling, question.constraint
    )
    if recipe.judge.overflow == "cut_middle":
        call.shorter = _shorter(case, question, shown)
    return call


def _shorter(
    case: Case, question: Question, shown: Mapping[str, int]
) -> Iterator[tuple[tuple[Message, ...], int]]:
    texts = {name: case.responses[index].text for name, index in shown.items()}
    for limit in LIMITS:
        cut = sum(case.fence.cut(text, limit) for text in texts.values())
        if cut:
            fenced = {name: case.fence(text, limit) for name, text in texts.items()}
            yield question.skeleton.render(fenced), cut
