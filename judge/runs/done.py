"""Which rows of a data set are done, in eight bytes a row."""

from __future__ import annotations

from array import array

DIGITS = 16
"""Hexadecimal digits of a row's key that are kept: 64 bits, enough to see that a row changed."""
_MORE = array("Q", bytes(8 * 1024))


class Done:
    """Keys of rows by source and number; memory is 8 bytes for each row up to the last."""

    def __init__(self) -> None:
        self._keys: dict[str, array[int]] = {}

    def has(self, source: str, number: int, key: str) -> bool:
        """Whether this row, with this key, is done."""
        keys = self._keys.get(source)
        return keys is not None and number < len(keys) and keys[number] == _short(key)

    def add(self, source: str, number: int, key: str) -> None:
        """Note that the row is done, or in hand."""
        keys = self._keys.setdefault(source, array("Q"))
        while len(keys) <= number:
            keys.extend(_MORE)
        keys[number] = _short(key)


def _short(key: str) -> int:
    return int(key[:DIGITS], 16) or 1
