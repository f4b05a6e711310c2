"""Change a file's content and nothing else: comments, order, quoting and line ends stay.

The new data is compared with what the file says, and only the spans that differ are rewritten; the
rest is kept byte for byte. The result is read back and must say what was meant, or nothing is done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from judge.errors import FileError
from judge.files import emit
from judge.files.node import Data, Entry, Node
from judge.files.read import read_text

BOM = "\ufeff"
Edit = tuple[int, int, str]
"""Replace the text between two offsets."""


def rewrite(text: str, data: Data) -> str:
    """The text of a file changed so that it says `data`.

    Raises:
        FileError: The file cannot be read, or the change goes through an anchor that other places
            share, which only a person can resolve.
    """
    if text.startswith(BOM):
        return BOM + rewrite(text.removeprefix(BOM), data)
    changed, line_end = text, "\r\n" if "\r\n" in text else "\n"
    edits = _Editor(text).edits(read_text(text), data, 0)
    # Of edits at one place the deeper one comes first, as it was made first: sorting is stable.
    for start, end, new in reversed(sorted(edits, key=lambda edit: edit[:2])):
        changed = changed[:start] + new.replace("\n", line_end) + changed[end:]
        if start == len(text) and not changed.endswith("\n"):
            changed += line_end
    try:
        done = _same(read_text(changed).data(), data)
    except FileError:
        done = False
    if not done:
        raise FileError(
            "this change cannot be made without disturbing the rest of the file",
            hint="it may go through an anchor (&) that other places share: edit it by hand",
        )
    return changed


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new content, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(text.encode("utf-8"))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Editor:
    text: str

    def edits(self, node: Node, new: Data, indent: int | None) -> Iterator[Edit]:
        """The edits that make a node say `new`.

        `indent` is the column of the key or dash the node belongs to, None inside {} or [].
        """
        old, flow = node.content, node.form == "flow"
        if _same(node.data(), new):
            return
        if node.form not in ("block", "flow") or not node.children or not new:
            yield self._replaced(node, new, indent)
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from self._mapping(node, old, new, flow)
        elif isinstance(old, list) and isinstance(new, list):
            yield from self._sequence(node, old, new, flow)
        else:
            yield self._replaced(node, new, indent)

    def _replaced(self, node: Node, new: Data, indent: int | None) -> Edit:
        """The whole value anew; a comment after it stays."""
        start, end = node.start, self._content_end(node)
        if isinstance(new, dict | list) and new and indent is not None and node.form != "flow":
            if node.form == "block":
                return start, end, self._block_again(node, new, indent)
            return len(self.text[:start].rstrip(" ")), end, self._below(new, indent)
        if node.form == "block" and not self.text[self._line_start(start) : start].strip():
            indentation = " " * ((indent or 0) + emit.STEP)
            return self._line_start(start), end, indentation + emit.flow(new)
        gap = " " if self.text[start - 1 : start] in (":", "-") else ""
        return start, end, gap + self._inline(node, new, indent)

    def _below(self, new: dict[str, Data] | list[Data], indent: int) -> str:
        return "\n" + emit.block(new, indent + emit.STEP)

    def _block_again(self, node: Node, new: dict[str, Data] | list[Data], indent: int) -> str:
        """Another block in a block's place; a list may be less indented than a mapping may."""
        column = self._column(node.start)
        if isinstance(node.content, list) and isinstance(new, dict) and column <= indent:
            return " " * emit.STEP + emit.block(new, column + emit.STEP).lstrip(" ")
        return emit.block(new, column).lstrip(" ")

    def _inline(self, node: Node, new: Data, indent: int | None) -> str:
        """A value that starts on the line of its key, in the form it had where possible."""
        block_text = node.form in ("|", ">") or ("\n" in str(new) and not node.noted)
        if isinstance(new, str) and block_text and indent is not None:
            return emit.entry("k", new, indent, "|").split(": ", 1)[1]
        if isinstance(new, dict | list):
            return emit.flow(new)
        return emit.scalar(new, node.form, flow=indent is None)

    # --- mappings ----------------------------------------------------------------------------

    def _mapping(
        self, node: Node, old: dict[str, Entry], new: dict[str, Data], flow: bool
    ) -> Iterator[Edit]:
        gone = [key for key in old if key not in new]
        added = {key: value for key, value in new.items() if key not in old}
        column = self._column(next(iter(old.values())).start)
        if (flow and (gone or added)) or len(gone) == len(old):
            yield self._replaced(node, new, column)
            return
        for key, entry in old.items():
            if key in new:
                yield from self.edits(entry.node, new[key], None if flow else column)
            else:
                yield self._entry_removed(old, entry)
        if added:
            at = self._line_end(self._content_end(node))
            yield at, at, "".join("\n" + emit.entry(k, v, column) for k, v in added.items())

    def _entry_removed(self, entries: dict[str, Entry], entry: Entry) -> Edit:
        line = self._line_start(entry.start)
        if not self.text[line : entry.start].strip():
            return line, self._line_below(entry.node), ""
        later = [other.start for other in entries.values() if other.start > entry.start]
        return entry.start, min(later, default=self._content_end(entry.node)), ""

    # --- lists -------------------------------------------------------------------------------

    def _sequence(self, node: Node, old: list[Node], new: list[Data], flow: bool) -> Iterator[Edit]:
        steps = _aligned([child.data() for child in old], new)
        if all(paired is None for paired, _ in steps) or (flow and len(old) != len(new)):
            yield self._replaced(node, new, self._column(node.start))
            return
        dash = self._column(self._dash(old[0]))
        stay = {paired for paired, _ in steps}
        for index, child in enumerate(old):
            if index not in stay:
                yield self._line_start(self._dash(child)), self._line_below(child), ""
        last = -1
        for paired, value in steps:
            if paired is None:
                yield self._inserted(old, last, emit.item(value, dash))
            else:
                last = paired
                yield from self.edits(old[paired], value, None if flow else dash)

    def _inserted(self, old: list[Node], after: int, text: str) -> Edit:
        if after < 0:
            at = self._line_start(self._dash(old[0]))
            return at, at, text + "\n"
        at = self._line_end(self._content_end(old[after]))
        return at, at, "\n" + text

    def _dash(self, item: Node) -> int:
        return self.text.rfind("-", 0, item.start)

    def _line_below(self, node: Node) -> int:
        return self._next_line(self._content_end(node))

    # --- offsets -----------------------------------------------------------------------------

    def _content_end(self, node: Node) -> int:
        """Where a value's own text ends; a block's end as parsed includes what follows it."""
        if node.form == "block" and node.children:
            return self._content_end(node.children[-1])
        if node.form in ("|", ">"):
            lines = self.text[node.start : node.end].split("\n")
            while not lines[-1].strip():
                lines.pop()
            return node.start + len("\n".join(lines).rstrip("\r"))
        return node.end

    def _line_start(self, offset: int) -> int:
        return self.text.rfind("\n", 0, offset) + 1

    def _line_end(self, offset: int) -> int:
        end = self.text.find("\n", offset)
        end = len(self.text) if end < 0 else end
        return end - 1 if self.text[end - 1 : end] == "\r" else end

    def _next_line(self, offset: int) -> int:
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end + 1

    def _column(self, offset: int) -> int:
        return offset - self._line_start(offset)


def _same(old: Data, new: Data) -> bool:
    """Equal as YAML: 1, 1.0 and true differ, the order of keys does not matter."""
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def _aligned(old: list[Data], new: list[Data]) -> list[tuple[int | None, Data]]:
    """For every new item the index of the old one it continues, None for an addition."""
    names = [_name(value) for value in old], [_name(value) for value in new]
    pairs: dict[int, int] = {}
    for _, i, j, k, m in SequenceMatcher(None, *names, autojunk=False).get_opcodes():
        for a, b in zip(range(i, j), range(k, m), strict=False):
            if names[0][a] == names[1][b] or not (_has_id(old[a]) and _has_id(new[b])):
                pairs[b] = a
    return [(pairs.get(index), value) for index, value in enumerate(new)]


def _has_id(value: Data) -> bool:
    return isinstance(value, dict) and "id" in value


def _name(value: Data) -> str:
    """What tells an item of a list from its siblings: an id, a name, a single key, its content."""
    if isinstance(value, dict):
        name = value.get("id", value.get("name", next(iter(value)) if len(value) == 1 else None))
        if isinstance(name, str):
            return name
    return json.dumps(value, sort_keys=True)
