"""Change a file's content and nothing else: comments, order, quoting and line ends stay.

The new data is compared with what the file says, and only the spans that differ are rewritten; the
rest is kept byte for byte. The result is read back and must say what was meant, or nothing is done.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from judge.errors import FileError
from judge.files import emit
from judge.files.align import Step, aligned, same
from judge.files.node import Data, Entry, Node
from judge.files.read import read_text

BOM = "\ufeff"
Edit = tuple[int, int, str]
"""Replace the text between two offsets."""
Span = tuple[int, int]
_HEAD_NOTE = re.compile(r"[|>][-+0-9]*([ \t]+#[^\r\n]*)")
"""A comment on the line where a block text starts."""
_COMMA = re.compile(r"\s*,([ \t]+(?![ \t#\r\n]))?")


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
        done = same(read_text(changed).data(), data)
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
        if same(node.data(), new):
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
        note = _HEAD_NOTE.match(self.text, start) if node.form in ("|", ">") else None
        if note is not None:
            head, rest = f"{self._inline(node, new, indent)}\n".split("\n", 1)
            return start, end, f"{head}{note[1]}\n{rest}".removesuffix("\n")
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
        ends_line = self.text[node.end : node.end + 1] in ("", "\r", "\n")
        block_text = node.form in ("|", ">") or ("\n" in str(new) and ends_line)
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
        spans = [(entry.start, entry.node.end) for entry in old.values()]
        if len(gone) == len(old) or (flow and not self._are_apart(spans)):
            yield self._replaced(node, new, column)
            return
        for key, entry in old.items():
            if key in new:
                yield from self.edits(entry.node, new[key], None if flow else column)
            elif not flow:
                yield self._entry_removed(old, entry)
        if flow:
            stay = [index for index, key in enumerate(old) if key in new]
            yield from self._flow_removed(spans, stay)
            if added:
                at = spans[stay[-1]][1]
                yield at, at, ", " + emit.flow(added)[1:-1]
        elif added:
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
        steps = aligned([child.data() for child in old], new)
        spans = [(child.start, child.end) for child in old]
        if all(paired is None for paired, _ in steps) or (flow and not self._are_apart(spans)):
            yield self._replaced(node, new, self._column(node.start))
            return
        if flow:
            yield from self._flow_sequence(old, spans, steps)
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
                yield from self.edits(old[paired], value, dash)

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

    # --- inside [] and {} --------------------------------------------------------------------

    def _flow_sequence(
        self, old: list[Node], spans: list[Span], steps: list[Step]
    ) -> Iterator[Edit]:
        stay = [paired for paired, _ in steps if paired is not None]
        yield from self._flow_removed(spans, stay)
        last = -1
        for paired, value in steps:
            if paired is not None:
                last = paired
                yield from self.edits(old[paired], value, None)
            elif last < 0:
                at = spans[stay[0]][0]
                yield at, at, emit.flow(value) + ", "
            else:
                at = spans[last][1]
                yield at, at, ", " + emit.flow(value)

    def _flow_removed(self, spans: list[Span], stay: list[int]) -> Iterator[Edit]:
        """Each part goes with the comma after it, the last ones with the comma before them."""
        gone_to = 0
        for index, (start, end) in enumerate(spans):
            if index in stay:
                continue
            if index < stay[-1]:
                yield start, self._after_comma(end), ""
                continue
            before = spans[index - 1][1]
            comma = self.text.find(",", before)
            if comma >= gone_to:
                yield comma, comma + 1, ""
            line = self._line_start(start)
            if self.text[line:start].strip():
                line, gone_to = comma + 1, end
            else:
                alone = not self.text[end : self._line_end(end)].strip(" \t,")
                gone_to = self._next_line(end) if alone else end
            yield line, gone_to, ""

    def _after_comma(self, offset: int) -> int:
        comma = _COMMA.match(self.text, offset)
        return comma.end() if comma else offset

    def _are_apart(self, spans: list[Span]) -> bool:
        """Whether every part but the last is followed by its comma, before the next one starts."""
        return all(
            end < self._after_comma(end) <= start for (_, end), (start, _) in pairwise(spans)
        )

    # --- offsets -----------------------------------------------------------------------------

    def _content_end(self, node: Node) -> int:
        """Where a value's own text ends; a block's end as parsed includes what follows it."""
        if node.form == "block" and node.children:
            return self._content_end(node.children[-1])
        if node.form in ("|", ">"):
            lines = self.text[node.start : node.end].split("\n")
            if "+" in lines[0].split("#")[0]:
                return node.end - (not lines[-1]) - (lines[-2:-1] == ["\r"])
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
