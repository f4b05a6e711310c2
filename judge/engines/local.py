"""What engines in this process share: a name, a digest, and the tokenizer's part of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from judge.engines.chat import TextTokenizer
from judge.errors import ConfigError
from judge.types import Abilities, Message, Role

T = TypeVar("T", bound=TextTokenizer)


class LocalEngine(Generic[T]):
    """An engine whose tokenizer is loaded here; a subclass loads it, and answers.

    Args:
        name: What the engine calls itself.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.digest = ""
        self.abilities = Abilities()
        self._tokenizer: T | None = None

    @property
    def _ready(self) -> T:
        if self._tokenizer is None:
            raise ConfigError("the engine has not been started")
        return self._tokenizer

    @property
    def control_tokens(self) -> frozenset[str]:
        """The tokenizer's special tokens."""
        return self._ready.control_tokens

    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids of a text."""
        return self._ready.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, special ones left out."""
        return self._ready.decode(ids)

    async def chat_ids(
        self, messages: Sequence[Message], role: Role = "assistant"
    ) -> tuple[int, ...]:
        """See `judge.engines.chat.ChatEncoder`."""
        return await self._ready.chat_ids(messages, role)
