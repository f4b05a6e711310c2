"""What scalar reward models share, wherever they run: their input, and which number is the reward.

Chat-control tokens in the texts are broken, as the fence does for other judges, so that no response
can end its turn and open another; the marks of thinking stay, which chat templates look for.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from judge.engines.chat import ChatTokenizer, TextTokenizer
from judge.engines.messages import sendable
from judge.engines.reward_styles import Style, polar_text, reference_at
from judge.engines.thinking import ALL_MARKS
from judge.errors import ConfigError, RequestRefused
from judge.fence import ControlTokens
from judge.types import GenerationRequest, Message

SAMPLE_BYTES = 65536
"""How much of the start of each tensor a digest of weights reads: of a reward head, all."""


class ChatInputs(ChatTokenizer):
    """Conversations under the model's chat template, no further turn opened."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(tokenizer)
        self._control = ControlTokens(self.control_tokens - ALL_MARKS)

    def _asked(self, request: GenerationRequest) -> str:
        turns = _checked(request.messages or (), self._control, compared=False)
        return self._render(self._merged(turns), opened=False)


class PolarInputs(TextTokenizer):
    """A prompt, a reference and a response in POLAR's format; needs no chat template."""

    marks = True

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(tokenizer)
        self._control = ControlTokens(self.control_tokens - ALL_MARKS)

    def _asked(self, request: GenerationRequest) -> str:
        return sendable(polar_text(_checked(request.messages or (), self._control, compared=True)))


INPUTS: Mapping[Style, type[ChatInputs] | type[PolarInputs]] = {
    "chat": ChatInputs,
    "polar": PolarInputs,
}


def _checked(
    messages: tuple[Message, ...], control: ControlTokens, *, compared: bool
) -> tuple[Message, ...]:
    """The turns with control tokens broken; raises `RequestRefused` for what has no reward."""
    if not messages or messages[-1].role != "assistant":
        raise RequestRefused("the last turn is not the assistant's: there is no response")
    if not messages[-1].content.strip():
        raise RequestRefused("the response is empty")
    if (reference_at(messages) is not None) is not compared:
        needed = "needs" if compared else "has no place for"
        raise RequestRefused(f"this reward model {needed} a reference")
    return tuple(replace(turn, content=control.broken_in(turn.content)) for turn in messages)


def check_style(style: str) -> None:
    """Raise `ConfigError` unless there is such a style."""
    if style not in INPUTS:
        raise ConfigError(f"unknown style {style!r}", hint=f"use one of {', '.join(INPUTS)}")


# --- the number ------------------------------------------------------------------------------


def label_index(label: int | str | None, names: Mapping[int, str], count: int) -> int:
    """Which of a model's outputs is the reward.

    Args:
        label: An index, one of the names, or None where there is but one output.
        names: The model's `id2label`.
        count: How many outputs it has.

    Raises:
        ConfigError: There is no such output, or it is not said which of several.
    """
    known = [names.get(at, str(at)) for at in range(count)]
    if label is None and count == 1:
        return 0
    if isinstance(label, int) and 0 <= label < count:
        return label
    if isinstance(label, str) and known.count(label) == 1:
        return known.index(label)
    said = "does not say which" if label is None else f"has no output {label!r}"
    raise ConfigError(
        f"a reward model of {count} outputs: its engine's name {said}",
        hint=f"label=INDEX or label=NAME, of {', '.join(known[:20])}",
    )


def read_scalar(values: Sequence[float], index: int, count: int) -> float:
    """The reward among a model's `count` outputs, a finite logit.

    Raises:
        RequestRefused: There are more or fewer (a number for each token, say), or it is not finite.
    """
    if len(values) != count:
        raise RequestRefused(f"the model gave {len(values)} outputs, and it has {count}")
    if not math.isfinite(values[index]):
        raise RequestRefused(f"the model gave {values[index]}")
    return float(values[index])


# --- the digest ------------------------------------------------------------------------------


def weights_digest(model: str) -> str:
    """A digest of the weights in a local folder: of the start of each tensor; "" elsewhere.

    A reward model that is trained on keeps its files' names and sizes, and is another judge all the
    same. Only `*.safetensors` files are read.
    """
    digest = hashlib.sha256()
    files = sorted(Path(model).glob("*.safetensors")) if Path(model).is_dir() else []
    for path in files:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            head = file.read(length)
            digest.update(head)
            for name, tensor in json.loads(head).items():
                if name != "__metadata__":
                    start, end = tensor["data_offsets"]
                    file.seek(8 + length + start)
                    digest.update(file.read(min(SAMPLE_BYTES, end - start)))
    return digest.hexdigest() if files else ""
