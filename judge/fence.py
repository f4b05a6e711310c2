r"""The fence that keeps a text to be judged data.

A fence is a line of backticks, longer than any run of backticks inside, and a nonce:

    ```5f2a91c3
    text
    ```5f2a91c3

The nonce comes from the run's seed, the group's id and its attempt, so it cannot be known to
whoever wrote the text. Chat-control tokens of the judge's tokenizer are broken by a space after
their first character; NUL and lone surrogates become U+FFFD.

An image stands behind its turn's text as a mark with the nonce, outside the fence. When a whole
conversation is put together the marks become [image 1], [image 2] and so on, and the images go with
the message in that order.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Collection

from msgspec.structs import replace

from judge.errors import ConfigError
from judge.types import Message, Text, check_image

MAX_NAME = 64
"""Longest name of a turn's author that is shown."""
_BACKTICKS = re.compile("`+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_UNNAMED = re.compile(r"[^A-Za-z0-9_.-]")


class Fence:
    """Fences the texts of one group.

    Args:
        seed: The run's seed.
        group_id: The group's id.
        attempt: The group's attempt.
        control_tokens: Texts the judge's tokenizer would read as chat control.
        shows_images: Whether `illustrated` will be called; else a text with images is refused.
    """

    def __init__(
        self,
        seed: int,
        group_id: str,
        attempt: int,
        control_tokens: ControlTokens | None,
        *,
        shows_images: bool = False,
    ) -> None:
        secret = f"{seed}\0{group_id}\0{attempt}".encode("utf-8", "surrogatepass")
        self.nonce = hashlib.sha256(b"fence\0" + secret).hexdigest()[:8]
        self._control = control_tokens
        self._images: dict[str, str] | None = {} if shows_images else None

    def __call__(self, text: Text, limit: int | None = None) -> str:
        """The fenced text; a list of turns is fenced turn by turn.

        Args:
            text: What to fence.
            limit: Longest text in characters; the middle of a longer one is cut, with a mark.
        """
        if isinstance(text, str):
            return self._one(text, limit)
        share = None if limit is None else _share(text, limit)
        return "\n".join(self._turn(turn, share) for turn in text)

    def illustrated(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Messages made of fenced texts, with the images that were fenced; numbered from 1."""
        if not self._images:
            return messages
        marks = re.compile(rf"\[image {self.nonce}-({'|'.join(self._images)})\]")
        numbers = itertools.count(1)
        made = []
        for message in messages:
            found = [self._images[key] for key in marks.findall(message.content)]
            said = marks.sub(lambda _: f"[image {next(numbers)}]", message.content)
            made.append(replace(message, content=said, images=tuple(found)))
        return tuple(made)

    def _marked(self, image: str) -> str:
        if self._images is None:
            raise ConfigError(
                "a text with images is shown to an engine that writes rubrics or the like, which"
                " sees none",
                hint="give the rubric, or leave the images out",
            )
        check_image(image)
        key = hashlib.sha256(image.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._images[key] = image
        return f"[image {self.nonce}-{key}]"

    def cut(self, text: Text, limit: int) -> int:
        """How many characters of a text the limit leaves out."""
        share = _share(text, limit)
        pieces = [text] if isinstance(text, str) else [p for turn in text for p in _pieces(turn)]
        return sum(max(0, len(self.clean(piece)) - share) for piece in pieces)

    def _turn(self, turn: Message, limit: int | None) -> str:
        who: str = turn.role
        if turn.name is not None:
            who += f" ({_UNNAMED.sub('_', turn.name[:MAX_NAME])})"
        parts = [f"[{who}]", self._one(turn.content, limit)] if turn.content else [f"[{who}]"]
        parts += [self._marked(image) for image in turn.images]
        for call in turn.tool_calls:
            parts += [f"[{who} calls a tool]", self._one(call, limit)]
        return "\n".join(parts)

    def _one(self, text: str, limit: int | None) -> str:
        text = self.clean(text)
        if limit is not None and len(text) > limit:
            text = cut_middle(text, limit)
        ticks = 3
        if text.count("`") > 2 and "```" in text:  # the count is ten times quicker
            ticks = 1 + max(map(len, _BACKTICKS.findall(text)))
        line = "`" * ticks + self.nonce
        return f"{line}\n{text}\n{line}"

    def clean(self, text: str) -> str:
        """The text without NUL, lone surrogates and chat-control tokens."""
        if "\x00" in text:
            text = text.replace("\x00", "\ufffd")
        if not text.isascii():
            text = _SURROGATES.sub("\ufffd", text)
        if self._control is not None:
            text = self._control.broken_in(text)
        return text


class ControlTokens:
    """Texts a tokenizer would read as chat control.

    Args:
        tokens: The texts; blank ones are left out.
    """

    def __init__(self, tokens: Collection[str]) -> None:
        known = sorted((token for token in tokens if token.strip()), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, known)) or r"(?!)")
        self._firsts = sorted({token[0] for token in known})

    def broken_in(self, text: str) -> str:
        """The text with every such token broken; a longer one counts before one inside it."""
        for first in self._firsts:
            if first in text:
                return self._pattern.sub(_broken, text)
        return text


def _broken(match: re.Match[str]) -> str:
    token = match[0]
    return f"{token[0]} {token[1:]}" if len(token) > 1 else "\ufffd"


def _pieces(turn: Message) -> tuple[str, ...]:
    return (turn.content, *turn.tool_calls)


def _share(text: Text, limit: int) -> int:
    """The longest that each piece of a text may be."""
    if isinstance(text, str):
        return limit
    return max(1, limit // max(1, sum(len(_pieces(turn)) for turn in text)))


def cut_middle(text: str, limit: int) -> str:
    """The text with its middle replaced by a mark, so that `limit` characters of it are left."""
    head = (limit + 1) // 2
    tail = limit - head
    cut = len(text) - limit
    return f"{text[:head]}\n[... {cut} characters cut ...]\n{text[len(text) - tail :]}"
