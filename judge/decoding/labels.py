"""A verdict's code with the probabilities that the engine gave where it stands."""

from __future__ import annotations

import math
from collections.abc import Mapping

from judge.decoding.answers import Reading, Slot
from judge.types import Generation


def read_code(slot: Slot, code: str, offset: int, generation: Generation) -> Reading:
    """The verdict of a code that stands at a character of the answer."""
    index = slot.codes.index(code) if code in slot.codes else None
    labels = _labels_at(generation, offset, code) if generation.label_logprobs else None
    if labels is None:
        return Reading(index)
    raw = [_known(labels.get(label)) for label in slot.allowed]
    logprobs = tuple(raw[: len(slot.codes)])
    top = max(logprobs)
    if top == -math.inf:
        return Reading(index)
    mass = None if generation.masked else min(1.0, sum(map(math.exp, raw)))
    if index is None or (slot.optional and raw[-1] > top):
        return Reading(None, label_mass=mass)
    weights = [math.exp(value - top) for value in logprobs]
    total = sum(weights)
    return Reading(index, tuple(weight / total for weight in weights), mass, logprobs)


def _known(logprob: float | None) -> float:
    """A log-probability; -inf where there is none, or where it is not a number."""
    return -math.inf if logprob is None or math.isnan(logprob) else min(0.0, logprob)


def _labels_at(generation: Generation, offset: int, code: str) -> Mapping[str, float] | None:
    """The label log-probabilities at the token that is the code at a character of the text.

    None where the code is merged with what stands before or behind
    it: the distribution over that token would not be one over the codes.
    """
    start = 0
    for text, labels in zip(generation.token_texts, generation.label_logprobs, strict=False):
        if start == offset and text:
            return (labels or None) if text == code else None
        if start > offset:
            return None
        start += len(text)
    return None
