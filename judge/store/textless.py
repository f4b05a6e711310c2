"""A store that is given no text: numbers and labels of verdicts only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from judge.types import Verdict, VerdictStore

TEXTS = ("raw", "thinking", "critique", "reason", "evidence", "explanation")
"""Fields of verdicts, and of their parts, that hold what the judge wrote or quoted."""


class TextlessStore:
    """Keeps verdicts in another store without what the judge wrote.

    Args:
        store: Where they are kept; closed with this one.
    """

    def __init__(self, store: VerdictStore) -> None:
        self._store = store

    def get(self, key: str) -> Verdict | None:
        """The verdict stored under a key, or None."""
        return self._store.get(key)

    def put(self, key: str, verdict: Verdict) -> None:
        """Keep a verdict without its texts."""
        self._store.put(key, without_texts(verdict))

    def flush(self) -> None:
        """Flush the other store."""
        self._store.flush()

    def close(self) -> None:
        """Close the other store."""
        self._store.close()


def without_texts(record: Any) -> Any:
    """A record, or its JSON form, with all `TEXTS` in it empty, however deep they stand."""
    if isinstance(record, msgspec.Struct):
        fields = {name: getattr(record, name) for name in record.__struct_fields__}
        return type(record)(**without_texts(fields))
    if isinstance(record, Mapping):
        return {
            name: type(value)()
            if name in TEXTS and isinstance(value, str)
            else without_texts(value)
            for name, value in record.items()
        }
    if isinstance(record, list | tuple):
        return type(record)(without_texts(item) for item in record)
    return record
