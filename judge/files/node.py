"""A file's content as a tree that remembers where each part was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

Plain = str | int | float | bool | None
Data = Plain | list["Data"] | dict[str, "Data"]
Trail = tuple[str | int, ...]
"""From the root to a part: keys of mappings and indices of lists."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written; `line` and `column` count characters from 1."""

    file: str | None = None
    line: int | None = None
    column: int | None = None


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place. `start` and `end` are its offsets in the file's text.

    `form` is how it was written: plain, ' or " (quoted), | or > (block text), flow or block.
    """

    content: Plain | list[Node] | dict[str, Entry]
    place: Place = NOWHERE
    start: int = 0
    end: int = 0
    form: str = "plain"
    noted: bool = False
    """A comment follows the value on its line."""

    @classmethod
    def of(cls, data: object) -> Node:
        """Wrap plain data that was not read from a file.

        Raises:
            TypeError: The data holds something that a YAML file cannot.
        """
        if isinstance(data, Mapping):
            return cls({str(key): Entry(NOWHERE, cls.of(value)) for key, value in data.items()})
        if isinstance(data, list | tuple):
            return cls([cls.of(value) for value in data])
        if data is None or isinstance(data, str | int | float | bool):
            return cls(data)
        raise TypeError(f"{type(data).__name__} is not text, a number, a list or a mapping")

    def data(self) -> Data:
        """The plain value, places left behind."""
        if isinstance(self.content, dict):
            return {key: entry.node.data() for key, entry in self.content.items()}
        if isinstance(self.content, list):
            return [node.data() for node in self.content]
        return self.content

    @property
    def children(self) -> list[Node]:
        """The values of a mapping or the items of a list, in the order of the file."""
        if isinstance(self.content, dict):
            return [entry.node for entry in self.content.values()]
        return self.content if isinstance(self.content, list) else []

    def child(self, step: str | int) -> Entry | None:
        """The entry under a key or an index, None if there is none."""
        if isinstance(self.content, dict):
            return self.content.get(str(step))
        if isinstance(self.content, list) and isinstance(step, int) and step < len(self.content):
            node = self.content[step]
            return Entry(node.place, node)
        return None

    def find(self, path: Iterable[str | int]) -> Entry:
        """The deepest entry along a path; steps that lead nowhere are passed over."""
        found = Entry(self.place, self)
        for step in path:
            found = found.node.child(step) or found
        return found

    def walk(self, path: Trail = ()) -> Iterator[tuple[Trail, Node]]:
        """Every node with its path, parents first."""
        yield path, self
        if isinstance(self.content, dict):
            for key, entry in self.content.items():
                yield from entry.node.walk((*path, key))
        elif isinstance(self.content, list):
            for index, node in enumerate(self.content):
                yield from node.walk((*path, index))


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping, or an item of a list: where it starts, and its value."""

    place: Place
    node: Node
    start: int = 0
