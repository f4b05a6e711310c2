"""Prompt templates.

A template is a Jinja2 file with the blocks `system` and `user`, rendered in a sandbox with strict
undefined names. It never sees a group's texts: where one belongs it calls `fence("response")`,
which leaves a mark. The rendered `Skeleton` is cut at these marks once per rubric and output, and
the fenced texts are joined in by plain concatenation. So text with `{{ 7*7 }}` in it is only text,
and rendering costs nothing per call.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateSyntaxError
from jinja2 import TemplateError as JinjaError
from jinja2.meta import find_referenced_templates
from jinja2.sandbox import ImmutableSandboxedEnvironment

from judge.errors import TemplateError
from judge.types import Message, Role

FENCED = ("prompt", "context", "reference", "response", "first", "second", "cited")
"""The names `fence` accepts in a judge's template; response, first and second are responses, cited
is what stands behind the citations of `response`."""
BLOCKS: tuple[Role, ...] = ("system", "user")

_MARK = re.compile("\x00fence:([a-z0-9_]+)\x00")


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A rendered template: finished messages, and messages as literal text with named holes."""

    messages: tuple[Message | tuple[Role, tuple[str, ...]], ...]
    """A hole's message is (role, parts): even parts are literal text, odd parts name holes."""

    @property
    def holes(self) -> frozenset[str]:
        """The names of the texts that are still to be filled in."""
        parts = (message[1] for message in self.messages if not isinstance(message, Message))
        return frozenset(name for part in parts for name in part[1::2])

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
                message if type(message) is Message else _whole(message, texts)
                for message in self.messages
            ]
        )


def _whole(message: Any, texts: Mapping[str, str]) -> Message:
    role, parts = message
    pieces = list(parts)
    for hole in range(1, len(pieces), 2):
        pieces[hole] = texts[pieces[hole]]
    return Message(role, "".join(pieces))


def _fill(parts: tuple[str, ...], texts: Mapping[str, str]) -> tuple[str, ...]:
    filled = [parts[0]]
    for hole, literal in zip(parts[1::2], parts[2::2], strict=True):
        if hole in texts:
            filled[-1] += texts[hole] + literal
        else:
            filled += [hole, literal]
    return tuple(filled)


class PromptTemplate:
    """One template file; `digest` changes whenever the file or one it includes does.

    Args:
        name: The file's name in one of the directories, without its ending.
        directories: Where it is looked for, in order.
        texts: The names `fence` accepts; a number may follow each, as in `better1`.
    """

    def __init__(
        self, name: str, directories: Iterable[Path], texts: Collection[str] = FENCED
    ) -> None:
        self.name = name
        environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(list(directories)),
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            finalize=_finished,
        )
        environment.globals = {"fence": partial(_mark, texts)}
        with _as_template_error(name):
            self._template = environment.get_template(f"{name}.jinja")
            missing = [block for block in BLOCKS if block not in self._template.blocks]
            if missing:
                raise TemplateError(
                    f"template {name!r} has no block {' and '.join(missing)}",
                    file=self._template.filename,
                    hint="wrap the parts in {% block system %}...{% endblock %} and block user",
                )
            sources: dict[str, str] = {}
            _add_sources(environment, f"{name}.jinja", sources)
        digest = hashlib.sha256()
        for file, source in sorted(sources.items()):
            digest.update(f"{file}\0{source}\0".encode())
        self.digest = digest.hexdigest()

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
                if text:
                    messages.append((role, parts))
        return Skeleton(tuple(messages)).filled({})


MISUSES = (JinjaError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What a template that misuses a value raises."""


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
        if isinstance(error, MISUSES):
            raise TemplateError(f"template {self.name!r}: {error}") from error


def _add_sources(environment: Environment, name: str, sources: dict[str, str]) -> None:
    """Add the text of a template file and of all it includes, by file."""
    if name in sources or environment.loader is None:
        return
    sources[name] = environment.loader.get_source(environment, name)[0]
    for inside in find_referenced_templates(environment.parse(sources[name])):
        if inside is None:
            raise TemplateError(f"template {name!r} includes a file whose name is not a literal")
        _add_sources(environment, inside, sources)


class _Mark(str):
    """Where a fenced text belongs."""

    __slots__ = ()


def _finished(value: object) -> object:
    """What a template prints: no value of a rubric can make a mark, for it keeps no NUL."""
    if isinstance(value, _Mark) or not isinstance(value, str):
        return value
    return value.replace("\x00", "\ufffd")


def _mark(texts: Collection[str], name: str) -> str:
    if name.rstrip("0123456789") not in texts:
        raise TemplateError(
            f"fence({name!r}): no such text", hint=f"the texts are {', '.join(texts)}"
        )
    return _Mark(f"\x00fence:{name}\x00")


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
