"""What a scalar reward model is asked: a conversation that ends with the response.

A reference is one more assistant's turn, named `REFERENCE`, right before the response's turns. So
it needs no field of its own in a request, and the turn also says where the response begins. Only an
engine whose `Abilities.reference` is True knows that turn: it reads the reference, and fails
without one. All others refuse a conversation with such a turn: leave the reference out for them.
The engine breaks chat-control tokens in the texts, as the fence does for other judges.
"""

from __future__ import annotations

from collections.abc import Iterable

from judge.engines.reward_styles import REFERENCE
from judge.types import Message, Response, Role, Text


def reward_messages(
    prompt: Text, response: Response, reference: str | None = None
) -> tuple[Message, ...]:
    """The turns for `GenerationRequest.messages`; names of turns are dropped.

    Chat templates cannot show recorded tool calls: they follow their turn's text, a line each.

    Args:
        prompt: One user's turn, or a conversation.
        response: One assistant's turn, or a trajectory that ends with one.
        reference: What the response is compared with; None: nothing.
    """
    shown = () if reference is None else (Message("assistant", reference, REFERENCE),)
    return (*_turns(prompt, "user"), *shown, *_turns(response.text, "assistant"))


def _turns(text: Text, role: Role) -> Iterable[Message]:
    if isinstance(text, str):
        return (Message(role, text),)
    return (Message(turn.role, "\n".join(_lines(turn)), images=turn.images) for turn in text)


def _lines(turn: Message) -> tuple[str, ...]:
    return (*((turn.content,) if turn.content else ()), *turn.tool_calls)
