"""Verdicts in memory, for one process."""

from __future__ import annotations

from itertools import islice

from judge.types import Verdict


class MemoryStore:
    """Keeps the latest verdicts.

    Args:
        limit: How many are kept.
    """

    def __init__(self, limit: int = 50_000) -> None:
        self._limit = limit
        self._verdicts: dict[str, Verdict] = {}

    def get(self, key: str) -> Verdict | None:
        """The verdict stored under a key, or None."""
        return self._verdicts.get(key)

    def put(self, key: str, verdict: Verdict) -> None:
        """Keep a verdict; the oldest ones go, an eighth beyond the limit at a time."""
        self._verdicts.setdefault(key, verdict)
        excess = len(self._verdicts) - self._limit
        if excess > self._limit // 8:
            for old in list(islice(self._verdicts, excess)):
                del self._verdicts[old]

    def flush(self) -> None:
        """Nothing outlives the process."""

    def close(self) -> None:
        """Nothing to free."""
