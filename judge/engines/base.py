"""What engines share: failures as values, label tokens, pieces of text, the chat tokenizer."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from judge.errors import ConfigError, EngineError
from judge.types import Failure, GenerationRequest, Message

Encode = Callable[[str], tuple[int, ...]]


def failed(request: GenerationRequest, error: EngineError) -> Failure:
    """The failure a request's engine error becomes."""
    return Failure(
        "engine", error.kind, error.message, retryable=error.retryable, call=request.id
    )


def label_tokens(encode: Encode, marker: str, labels: Sequence[str]) -> dict[str, int]:
    """The token of each label right after a marker text.

    Raises:
        ConfigError: A label is not one token there.
    """
    before = encode(marker) if marker else ()
    tokens = {}
    for label in labels:
        after = encode(marker + label)
        if after[:-1] != before:
            raise ConfigError(f"label {label!r} after {marker!r} is not one token")
        tokens[label] = after[-1]
    return tokens


def token_texts(decode: Callable[[Sequence[int]], str], ids: Sequence[int]) -> tuple[str, ...]:
    """The text each token adds, so that the pieces joined are the decoded whole.

    A character spread over several tokens belongs to the last of them.
    """
    pieces = [decode((token,)) for token in ids]
    whole = decode(ids)
    if "".join(pieces) == whole:
        return tuple(pieces)
    pieces, done = [], ""
    for end in range(1, len(ids) + 1):
        text = decode(ids[:end])
        if text.endswith("\ufffd") and end < len(ids):
            pieces.append("")
            continue
        pieces.append(text[len(done) :])
        done = text
    return tuple(pieces)


class ChatTokenizer:
    """A Hugging Face tokenizer as the engines use it: chat template applied once, plain encoding.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.

    Raises:
        ConfigError: It has no chat template.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not tokenizer.chat_template:
            raise ConfigError(
                "the model's tokenizer has no chat template",
                hint="use an instruction-tuned model",
            )
        self._tokenizer = tokenizer
        self.control_tokens = frozenset(_control_tokens(tokenizer))
        self._cache: dict[str, tuple[int, ...]] = {}
        self._system = self._has_system_role()

    def _has_system_role(self) -> bool:
        try:
            text = self._render((Message("system", "\u2042"), Message("user", "x")))
        except TemplateError:  # raised by the model's own template
            return False
        return "\u2042" in text

    def _render(self, messages: Sequence[Message]) -> str:
        turns = [{"role": turn.role, "content": turn.content} for turn in messages]
        text = self._tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, tokenize=False
        )
        return str(text)

    def prompts(self, requests: Sequence[GenerationRequest]) -> list[tuple[int, ...]]:
        """Token ids of each request's prompt, its prefix included."""
        texts = {}
        for at, request in enumerate(requests):
            if request.messages is not None:
                texts[at] = self._render(self._merged(request.messages))
        if texts:
            batch = self._tokenizer(list(texts.values()), add_special_tokens=False)["input_ids"]
            encoded = dict(zip(texts, batch, strict=True))
        prompts = []
        for at, request in enumerate(requests):
            ids = tuple(encoded[at]) if at in texts else tuple(request.token_ids or ())
            prompts.append(ids + self.encode(request.prefix) if request.prefix else ids)
        return prompts

    def _merged(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        if self._system or messages[0].role != "system" or len(messages) == 1:
            return messages
        first = f"{messages[0].content}\n\n{messages[1].content}"
        return (Message("user", first), *messages[2:])

    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids, none added."""
        cached = self._cache.get(text)
        if cached is None:
            cached = tuple(self._tokenizer.encode(text, add_special_tokens=False))
            if len(text) < 200 and len(self._cache) < 4096:
                self._cache[text] = cached
        return cached

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, special ones left out, spaces as they are."""
        return str(
            self._tokenizer.decode(
                list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )


def _control_tokens(tokenizer: Any) -> set[str]:
    tokens = {str(token) for token in tokenizer.all_special_tokens}
    for token in tokenizer.added_tokens_decoder.values():
        text = str(token.content)
        if token.special or (text[:1] in "<[" and text[-1:] in ">]"):
            tokens.add(text)
    return {token for token in tokens if token.strip()}


def model_digest(model: str, **facts: object) -> str:
    """A digest of a model; of a local folder: of its files' names, sizes and small texts."""
    digest = hashlib.sha256(json.dumps([model, facts], sort_keys=True, default=str).encode())
    folder = Path(model)
    if folder.is_dir():
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
        for file in sorted(folder.iterdir()):
            digest.update(f"{file.name} {file.stat().st_size}".encode())
            if file.suffix in (".json", ".jinja"):
                digest.update(file.read_bytes())
    return digest.hexdigest()


class Stall:
    """Ends waiting on an in-process engine in which nothing has finished for `limit_s` seconds.

    A request in a long queue is not late; an engine that answers nothing at all is.
    """

    def __init__(self) -> None:
        self._last = 0.0

    def progress(self) -> None:
        """Note that something finished or was asked just now."""
        self._last = asyncio.get_running_loop().time()

    async def watch(self, limit_s: float) -> None:
        """Return once nothing has finished for the limit."""
        loop = asyncio.get_running_loop()
        while (left := self._last + limit_s - loop.time()) > 0:
            await asyncio.sleep(left)


def plain_messages(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Messages in the wire form of chat APIs."""
    return [{"role": turn.role, "content": turn.content} for turn in messages]


def numbers(options: Mapping[str, str]) -> dict[str, Any]:
    """Options of an engine's name (`vllm:MODEL?dtype=float32&tensor_parallel_size=2`), typed."""
    typed: dict[str, Any] = {}
    for key, text in options.items():
        try:
            typed[key] = json.loads(text)
        except ValueError:
            typed[key] = text
    return typed
