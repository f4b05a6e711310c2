"""Read YAML 1.2 as plain data with places: no tags, no merge keys, no duplicate keys, no bombs.

Scalars follow the core schema of YAML 1.2, so `yes`, `no`, `on`, `off` and dates are plain words.
Anchors and aliases work as long as the expanded file stays small. Keys are always text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from judge.errors import FileError
from judge.files.node import Entry, Node, Place, Plain

MAX_BYTES = 512 * 1024
MAX_NODES = 20_000
MAX_DEPTH = 40
MAX_DIGITS = 18
QUOTE_HINT = 'a text with ": " or " #" in it must be quoted: "like: this"'

_NULL = re.compile(r"|~|null|Null|NULL")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_HALF = re.compile("[\ud800-\udfff]")
_BEYOND = re.compile(r"\\U(?!00(0[0-9a-fA-F]|10))[0-9a-fA-F]{8}")
_INF = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def read_file(path: Path, error: type[FileError] = FileError) -> tuple[str, Node]:
    """Read a file: its text as it is on disk (line ends and BOM included) and its content.

    Raises:
        FileError: (of the class `error`) with the place of what is wrong.
    """
    try:
        raw = path.open("rb").read(MAX_BYTES + 1)
    except OSError as cause:
        raise error(f"cannot read the file: {cause.strerror}", file=path) from cause
    if len(raw) > MAX_BYTES:
        raise error(f"the file is larger than {MAX_BYTES // 1024} KiB", file=path)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as cause:
        line = raw.count(b"\n", 0, cause.start) + 1
        raise error("not UTF-8 text", file=path, line=line, hint="save it as UTF-8") from cause
    return text, read_text(text, file=str(path), error=error)


def read_text(text: str, *, file: str | None = None, error: type[FileError] = FileError) -> Node:
    """Read one YAML document.

    Raises:
        FileError: (of the class `error`) with the place of what is wrong.
    """
    return _Composer(text, file, error).document()


class _Composer:
    """Builds nodes from the parser's events; counts every node an alias expands to."""

    def __init__(self, text: str, file: str | None, error: type[FileError]) -> None:
        self.text, self.file, self.error = text, file, error
        self.skipped = 1 if text.startswith("\ufeff") else 0
        self.line_starts = [0] + [m.end() for m in re.finditer("\r\n?|\n", text)]
        self.line_starts[0] = self.skipped
        self.anchors: dict[str, tuple[Node, int, int]] = {}
        self.nodes = 0

    def document(self) -> Node:
        events = self._events()
        try:
            first = next((event for event in events if isinstance(event, NodeEvent)), None)
            if first is None:
                raise self.error("the file is empty", file=self.file, line=1, column=1)
            root, _ = self._node(first, events, 1)
            for event in events:
                if isinstance(event, DocumentStartEvent):
                    raise self._fault("a second document starts here", event.start_mark)
        except ReaderError as cause:
            raise self._unreadable(cause) from cause
        except MarkedYAMLError as cause:
            raise self._broken(cause) from cause
        except (YAMLError, RecursionError, ValueError, OverflowError, IndexError) as cause:
            raise self._impossible(cause) from cause
        return root

    def _events(self) -> Iterator[Event]:
        yaml = YAML(typ="safe", pure=True)
        return iter(yaml.parse(self.text[self.skipped :]))

    # --- nodes -------------------------------------------------------------------------------

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> tuple[Node, int]:
        """The node that starts with this event, and how many nodes it expands to."""
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        if getattr(event, "ctag", None) is not None:
            raise self._fault("tags (!...) are not allowed", event.start_mark, "remove the tag")
        if depth > MAX_DEPTH:
            raise self._fault(f"nested more than {MAX_DEPTH} deep", event.start_mark)
        before = self.nodes
        self._count(1, event)
        if isinstance(event, MappingStartEvent):
            node = self._mapping(event, events, depth)
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(event, events, depth)
        else:
            node = self._scalar(event)
        size = self.nodes - before
        anchor = getattr(event, "anchor", None)
        if anchor:
            self.anchors[anchor] = (node, size, _height(node))
        return node, size

    def _alias(self, event: AliasEvent, depth: int) -> tuple[Node, int]:
        if event.anchor not in self.anchors:
            raise self._fault(f"unknown alias *{event.anchor}", event.start_mark)
        node, size, height = self.anchors[event.anchor]
        self._count(size, event)
        if depth + height > MAX_DEPTH:
            raise self._fault(f"nested more than {MAX_DEPTH} deep", event.start_mark)
        place, (start, end) = self._place(event.start_mark), self._span(event)
        return Node(node.content, place, start, end, "alias"), size

    def _mapping(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        content: dict[str, Entry] = {}
        for key in events:
            if isinstance(key, CollectionEndEvent):
                return self._collection(content, event, key)
            if not isinstance(key, ScalarEvent) or getattr(key, "ctag", None) is not None:
                raise self._fault("a key must be a plain word or text", key.start_mark)
            if key.value == "<<" and not key.style:
                raise self._fault("merge keys (<<) are not allowed", key.start_mark)
            name = self._whole(key)
            if name in content:
                line = content[name].place.line
                raise self._fault(
                    f"the key {name!r} is here a second time (first on line {line})",
                    key.start_mark,
                )
            node, _ = self._node(next(events), events, depth + 1)
            place, (start, end) = self._place(key.start_mark), self._span(key)
            if node.start == node.end:
                node = self._moved(node, self.text.find(":", end) + 1)
            content[name] = Entry(place, node, start)
        raise ValueError("the file ends inside a mapping")

    def _sequence(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        content: list[Node] = []
        for item in events:
            if isinstance(item, CollectionEndEvent):
                return self._collection(content, event, item)
            node, _ = self._node(item, events, depth + 1)
            if node.start == node.end:
                node = self._moved(node, self.text.rfind("-", 0, node.start) + 1)
            content.append(node)
        raise ValueError("the file ends inside a list")

    def _collection(self, content: list[Node] | dict[str, Entry], first: Any, last: Event) -> Node:
        form = "flow" if first.flow_style else "block"
        start, end = self._span(first)[0], self._span(last)[1]
        return Node(content, self._place(first.start_mark), start, end, form)

    def _moved(self, empty: Node, offset: int) -> Node:
        """An empty value, right after its colon or dash; the parser has it at what follows."""
        return replace(empty, place=self._at(offset), start=offset, end=offset)

    def _scalar(self, event: Any) -> Node:
        start, end = self._span(event)
        place = self._place(event.start_mark)
        if event.style:
            value = self._whole(event)
            return Node(value, place, start, end, event.style)
        noted = re.compile(r"[ \t]+#").match(self.text, end) is not None
        return Node(self._resolve(event), place, start, end, "plain", noted)

    def _whole(self, event: Any) -> str:
        """A quoted text; the two halves of a character that JSON writes as two are joined."""
        text: str = event.value
        if event.style != '"' or _HALF.search(text) is None:
            return text
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as cause:
            raise self._fault(
                "half of a character (\\ud800 to \\udfff)", event.start_mark
            ) from cause

    def _resolve(self, event: Any) -> Plain:
        text: str = event.value
        if _NULL.fullmatch(text):
            return None
        if _BOOL.fullmatch(text):
            return text.lower() == "true"
        if _INT.fullmatch(text):
            if len(text) > MAX_DIGITS:
                raise self._fault(f"a number of {len(text)} digits", event.start_mark)
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        if _FLOAT.fullmatch(text):
            return float(text)
        if _INF.fullmatch(text):
            return float(text.lower().replace(".", ""))
        return text

    # --- places ------------------------------------------------------------------------------

    def _count(self, nodes: int, event: Event) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self._fault(f"more than {MAX_NODES} values once expanded", event.start_mark)

    def _span(self, event: Event) -> tuple[int, int]:
        return event.start_mark.index + self.skipped, event.end_mark.index + self.skipped

    def _at(self, offset: int) -> Place:
        line = bisect_right(self.line_starts, offset)
        return Place(self.file, line, offset - self.line_starts[line - 1] + 1)

    def _place(self, mark: Any) -> Place:
        return self._at(mark.index + self.skipped)

    def _fault(self, message: str, mark: Any, hint: str = "") -> FileError:
        place = self._place(mark)
        return self.error(message, file=place.file, line=place.line, column=place.column, hint=hint)

    def _broken(self, cause: MarkedYAMLError) -> FileError:
        problem, mark = cause.problem or str(cause), cause.problem_mark or cause.context_mark
        hint = ""
        if "mapping values" in problem or "could not find expected ':'" in problem:
            hint = QUOTE_HINT
        elif "\\t" in problem:
            hint = "indent with spaces, not tabs"
        if mark is None:
            return self.error(problem, file=self.file, hint=hint)
        return self._fault(f"not YAML: {problem}", mark, hint)

    def _impossible(self, cause: Exception) -> FileError:
        found = _BEYOND.search(self.text)
        if found is None:
            return self.error(f"not YAML: {cause}", file=self.file)
        place = self._at(found.start())
        return self.error(
            f"there is no character {found.group()}",
            file=place.file,
            line=place.line,
            column=place.column,
        )

    def _unreadable(self, cause: ReaderError) -> FileError:
        found = re.search(
            r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]",
            self.text[self.skipped :],
        )
        place = self._at((found.start() if found else 0) + self.skipped)
        name = f"U+{ord(found.group()):04X}" if found else "unknown"
        return self.error(
            f"the character {name} is not allowed in a file",
            file=place.file,
            line=place.line,
            column=place.column,
        )


def _height(node: Node) -> int:
    return max(len(path) for path, _ in node.walk())
