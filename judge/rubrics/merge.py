"""`extends`: a child's file laid over its parent's, places kept."""

from __future__ import annotations

from judge.files import Entry, Node

OWN = {"tests", "provenance", "quality", "status"}
"""Keys of a parent that say something about the parent alone."""


def merge(parent: Node, child: Node) -> Node:
    """Parent first, the child wins key by key; criteria merge by id; `locked` adds up."""
    above, below = _entries(parent), _entries(child)
    merged = {key: entry for key, entry in above.items() if key not in OWN}
    for key, entry in below.items():
        old = merged.get(key)
        merged[key] = entry if old is None else _merged(key, old, entry)
    return Node(merged, child.place)


def _merged(key: str, old: Entry, new: Entry) -> Entry:
    above, below = old.node.content, new.node.content
    if isinstance(above, list) and isinstance(below, list) and key in ("criteria", "locked"):
        content = _merge_criteria(above, below) if key == "criteria" else above + below
        return Entry(new.place, Node(content, new.node.place))
    if isinstance(above, dict) and isinstance(below, dict):
        return Entry(new.place, _merge_keys(old.node, new.node))
    return new


def _merge_criteria(old: list[Node], new: list[Node]) -> list[Node]:
    merged = list(old)
    ids = {_id(node): index for index, node in enumerate(old)}
    taken: set[object] = set()
    for node in new:
        name = _id(node)
        if name in ids and name not in taken:
            taken.add(name)
            merged[ids[name]] = _merge_criterion(merged[ids[name]], node)
        else:
            merged.append(node)
    return merged


def _merge_criterion(old: Node, new: Node) -> Node:
    """A child that sets weight or tier replaces whichever of the two its parent had."""
    above, below = _entries(old), _entries(new)
    if {"weight", "tier"} & set(below):
        above = {key: entry for key, entry in above.items() if key not in ("weight", "tier")}
    return _merge_keys(Node(above, old.place), new, whole=("check", "scale"))


def _merge_keys(old: Node, new: Node, whole: tuple[str, ...] = ()) -> Node:
    above, below = _entries(old), _entries(new)
    merged = dict(above)
    for key, entry in below.items():
        before = above.get(key)
        both = before and isinstance(before.node.content, dict)
        if before and both and isinstance(entry.node.content, dict) and key not in whole:
            entry = Entry(entry.place, _merge_keys(before.node, entry.node))
        merged[key] = entry
    return Node(merged, new.place)


def _entries(node: Node) -> dict[str, Entry]:
    return node.content if isinstance(node.content, dict) else {}


def _id(node: Node) -> object:
    entry = _entries(node).get("id")
    return entry.node.content if entry and isinstance(entry.node.content, str) else None
