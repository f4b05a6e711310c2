"""Which item of a changed list goes on from which of the old one, and when data is the same."""

from __future__ import annotations

import json
from difflib import SequenceMatcher

from judge.files.node import Data

Step = tuple[int | None, Data]
"""A new item of a list, and the index of the old one it continues."""


def same(old: Data, new: Data) -> bool:
    """Equal as YAML: 1, 1.0 and true differ, the order of keys does not matter."""
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def aligned(old: list[Data], new: list[Data]) -> list[Step]:
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
