"""JSON that a model has written: the last object of a text, and strings as they were meant."""

from __future__ import annotations

import json
import re
from typing import Any


def unescape(text: str) -> str:
    """What a JSON string between its quotation marks says; as it stands where it is none."""
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, strict=False)
_OBJECT_BEGINS = re.compile(r'\{\s*"')


def last_object(text: str) -> tuple[dict[str, Any] | None, str]:
    """The last JSON object in a text, and how it stands there.

    None if there is none, or if one is torn or has a key twice.

    What stands before or inside a torn object is never taken in its place: it may be quoted from
    what is judged.
    """
    last, start, end = None, 0, 0
    for match in _OBJECT_BEGINS.finditer(text):
        if match.start() < end:
            continue
        start = match.start()
        try:
            last, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            return None, ""
    return last, text[start:end]
