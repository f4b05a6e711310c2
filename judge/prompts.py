r"""Prompt templates, and the fence that keeps candidate text data.

A template is a Jinja2 file with the blocks `system` and `user`, rendered in a sandbox with strict
undefined names. It never sees a group's texts: where one belongs it calls `fence("response")`,
which leaves a mark. The rendered `Skeleton` is cut at these marks once per rubric and output, and
the fenced texts are joined in by plain concatenation. So text with `{{ 7*7 }}` in it is only text,
and rendering costs nothing per call.

A fence is a line of backticks, longer than any run of backticks inside, and a nonce:

    ```5f2a91c3
    text
    ```5f2a91c3

The nonce comes from the run's seed, the group's id and its attempt, so it cannot be known to
whoever wrote the text. Chat-control tokens of the judge's tokenizer are broken by a space after
their first character; NUL and lone surrogates become U+FFFD.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateSyntaxError
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from judge.errors import TemplateError
from judge.types import Message, Role, Text

FENCED = ("prompt", "context", "reference", "response", "first", "second")
"""The names `fence` accepts in a template; the last three are responses."""
BLOCKS: tuple[Role, ...] = ("system", "user")

_MARK = re.compile("\x00fence:([a-z]+)\x00")
_BACKTICKS = re.compile("`+")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A rendered template: finished messages, and messages as literal text with named holes."""

    messages: tuple[Message | tuple[Role, tuple[str, ...]], ...]
    """A hole's message is (role, parts): even parts are literal text, odd parts name holes."""

    def filled(self, texts: Mapping[str, str]) -> Skeleton:
        """The skeleton with some holes filled; holes without a text stay."""
        done: list[Message | tuple[Role, tuple[str, ...]]] = []
        for message in self.messages:
            if isinstance(message, Message):
                done.append(message)
                continue
            role, parts = message
            parts = _fill(parts, texts)
            done.append((role, parts) if len(parts) > 1 else Message(role, parts[0]))
        return Skeleton(tuple(done))

    def render(self, texts: Mapping[str, str]) -> tuple[Message, ...]:
        """The messages with every hole filled.

        Raises:
            KeyError: A hole has no text.
        """
        return tuple(
            [
                message
                if isinstance(message, Message)
                else Message(
                    message[0],
                    "".join([texts[p] if at % 2 else p for at, p in enumerate(message[1])]),
                )
                for message in self.messages
            ]
        )


def _fill(parts: tuple[str, ...], texts: Mapping[str, str]) -> tuple[str, ...]:
    filled = [parts[0]]
    for hole, literal in zip(parts[1::2], parts[2::2], strict=True):
        if hole in texts:
            filled[-1] += texts[hole] + literal
        else:
            filled += [hole, literal]
    return tuple(filled)


class PromptTemplate:
    """One template file; `digest` changes whenever the file or one it includes does."""

    def __init__(self, name: str, directories: Iterable[Path]) -> None:
        self.name = name
        self._directories = [Path(directory) for directory in directories]
        environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(self._directories),
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.globals = {"fence": _mark}
        with _as_template_error(name):
            self._template = environment.get_template(f"{name}.jinja")
        missing = [block for block in BLOCKS if block not in self._template.blocks]
        if missing:
            raise TemplateError(
                f"template {name!r} has no block {' and '.join(missing)}",
                file=self._template.filename,
                hint="wrap the parts in {% block system %}...{% endblock %} and block user",
            )
        self.digest = self._digest()

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for directory in self._directories:
            for file in sorted(directory.glob("*.jinja")):
                if file.stem == self.name or file.stem.startswith("_"):
                    digest.update(file.name.encode() + b"\0" + file.read_bytes())
        return digest.hexdigest()

    def skeleton(self, values: Mapping[str, Any]) -> Skeleton:
        """Render both blocks.

        Args:
            values: What the template may use besides `fence`; see the templates in prompts/.

        Raises:
            TemplateError: A name is undefined, or the template misuses a value.
        """
        messages: list[tuple[Role, tuple[str, ...]]] = []
        with _as_template_error(self.name):
            context = self._template.new_context(dict(values))
            for role in BLOCKS:
                text = "".join(self._template.blocks[role](context)).strip("\n")
                parts = tuple(_MARK.split(text))
                if not set(parts[1::2]) <= set(FENCED):
                    raise TemplateError(f"template {self.name!r}: a value holds a fence mark")
                if text:
                    messages.append((role, parts))
        return Skeleton(tuple(messages)).filled({})


class _as_template_error:
    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, TemplateSyntaxError):
            raise TemplateError(
                str(error.message), file=error.filename or self.name, line=error.lineno
            ) from error
        if isinstance(error, JinjaError):
            raise TemplateError(f"template {self.name!r}: {error}") from error


def _mark(name: str) -> str:
    if name not in FENCED:
        raise TemplateError(
            f"fence({name!r}): no such text", hint=f"the texts are {', '.join(FENCED)}"
        )
    return f"\x00fence:{name}\x00"


class Fence:
    """Fences the texts of one group.

    Args:
        seed: The run's seed.
        group_id: The group's id.
        attempt: The group's attempt.
        control_tokens: Texts the judge's tokenizer would read as chat control.
    """

    def __init__(
        self, seed: int, group_id: str, attempt: int, control_tokens: re.Pattern[str] | None
    ) -> None:
        secret = f"{seed}\0{group_id}\0{attempt}".encode("utf-8", "surrogatepass")
        self.nonce = hashlib.sha256(b"fence\0" + secret).hexdigest()[:8]
        self._control = control_tokens

    def __call__(self, text: Text, limit: int | None = None) -> str:
        """The fenced text; a list of turns is fenced turn by turn.

        Args:
            text: What to fence.
            limit: Longest text in characters; the middle of a longer one is cut, with a mark.
        """
        if isinstance(text, str):
            return self._one(text, limit)
        share = None if limit is None else max(1, limit // max(1, len(text)))
        return "\n".join(self._turn(turn, share) for turn in text)

    def _turn(self, turn: Message, limit: int | None) -> str:
        who = turn.role if turn.name is None else f"{turn.role} ({self.clean(turn.name)})"
        parts = [f"[{who}]", self._one(turn.content, limit)] if turn.content else [f"[{who}]"]
        for call in turn.tool_calls:
            parts += [f"[{who} calls a tool]", self._one(call, limit)]
        return "\n".join(parts)

    def _one(self, text: str, limit: int | None) -> str:
        text = self.clean(text)
        if limit is not None and len(text) > limit:
            text = cut_middle(text, limit)
        ticks = 3
        if "`" in text:
            ticks = max(ticks, 1 + max(len(run) for run in _BACKTICKS.findall(text)))
        line = "`" * ticks + self.nonce
        return f"{line}\n{text}\n{line}"

    def clean(self, text: str) -> str:
        """The text without NUL, lone surrogates and chat-control tokens."""
        if "\x00" in text:
            text = text.replace("\x00", "\ufffd")
        if not text.isascii():
            text = _SURROGATES.sub("\ufffd", text)
        if self._control is not None:
            text = self._control.sub(_broken, text)
        return text


def control_pattern(tokens: Collection[str]) -> re.Pattern[str] | None:
    """A pattern of chat-control tokens, the longest first; None if there are none."""
    known = sorted((token for token in tokens if token.strip()), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, known))) if known else None


def _broken(match: re.Match[str]) -> str:
    token = match[0]
    return f"{token[0]} {token[1:]}"


def cut_middle(text: str, limit: int) -> str:
    """The text with its middle replaced by a mark, so that `limit` characters of it are left."""
    head = (limit + 1) // 2
    tail = limit - head
    cut = len(text) - limit
    return f"{text[:head]}\n[... {cut} characters cut ...]\n{text[len(text) - tail :]}"


def template_directories(explicit: Path | None) -> list[Path]:
    """Where templates are looked for, in order.

    An explicit directory or `JUDGE_PROMPTS`, then ./prompts, then the bundled ones.

    Raises:
        TemplateError: The explicit directory does not exist.
    """
    setting = os.environ.get("JUDGE_PROMPTS")
    given = explicit or (Path(setting) if setting else None)
    if given is not None and not given.is_dir():
        raise TemplateError(f"there is no directory {given}", hint="see --prompts, JUDGE_PROMPTS")
    package = Path(__file__).parent
    places = [given, Path("prompts"), package / "bundled" / "prompts", package.parent / "prompts"]
    return [place for place in places if place is not None and place.is_dir()]
