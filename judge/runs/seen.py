"""A set of many texts in little memory."""

from __future__ import annotations

import hashlib
from array import array

FULLEST = 0.6
"""Share of a table's places in use before it is made twice as large."""


class Seen:
    """A set of texts, each kept as 64 bits of its digest (about 20 bytes a text).

    Two texts of a million are taken for one with a probability of about 3e-8.
    """

    def __init__(self) -> None:
        self._table = array("Q", bytes(8 * 1024))
        self._used = 0

    def add(self, text: str) -> bool:
        """Put a text in; whether it was in before."""
        raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        known = self._put(int.from_bytes(raw, "big") or 1)
        if not known:
            self._used += 1
            if self._used > FULLEST * len(self._table):
                self._grow()
        return known

    def _put(self, code: int) -> bool:
        table, mask = self._table, len(self._table) - 1
        at = code & mask
        while table[at] not in (0, code):
            at = (at + 1) & mask
        known = table[at] == code
        table[at] = code
        return known

    def _grow(self) -> None:
        old = self._table
        self._table = array("Q", bytes(16 * len(old)))
        for code in old:
            if code:
                self._put(code)
