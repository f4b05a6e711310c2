r"""How a conversation becomes the input of a scalar reward model.

`chat`: the model's own chat template over all turns, the response last, nothing opened after it. A
model that was trained on another format than its template's (InternLM2-Reward wants a token after
it) must be given token ids: its numbers would mean nothing here, and nothing would say so.

`polar`: a policy discriminator that compares the response with a reference (POLAR, Dou et al. 2025,
arXiv 2507.05197). Its input is no chat but one text,

    PROMPT \n REFERENCE <|reward|> PROMPT \n RESPONSE [UNUSED_TOKEN_130]

each part being the contents of its turns joined by line ends, with the tokenizer's own special
tokens around it (InternLM2's start token); the score is read at the last token. Source: the client
that its authors publish, `RewardModelClient._encode` in XTuner (wrapper "sft"), which cuts what is
too long; here that is a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from judge.errors import RequestRefused
from judge.types import Message

Style = Literal["chat", "polar"]

REFERENCE = "reference"
"""The `name` of the turn that is the reference; it stands right before the response's turns."""
SEPARATOR = "<|reward|>"
END = "[UNUSED_TOKEN_130]"


def polar_text(messages: Sequence[Message]) -> str:
    """A conversation with a reference in POLAR's format.

    Args:
        messages: The prompt's turns, the reference's one, the response's.

    Raises:
        RequestRefused: There is no turn before or after the reference.
    """
    at = reference_at(messages)
    if at is None or not 0 < at < len(messages) - 1:
        raise RequestRefused("POLAR's input is a prompt, a reference and a response, in that order")
    prompt, response = _joined(messages[:at]), _joined(messages[at + 1 :])
    reference = messages[at].content
    return f"{prompt}\n{reference}{SEPARATOR}{prompt}\n{response}{END}"


def reference_at(messages: Sequence[Message]) -> int | None:
    """The index of the turn that is the reference, or None."""
    return next((at for at, turn in enumerate(messages) if turn.name == REFERENCE), None)


def _joined(turns: Sequence[Message]) -> str:
    return "\n".join(turn.content for turn in turns)
