"""Verdicts in a JSONL file: readable, held in memory as a whole, for small things."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from judge.errors import StoreError
from judge.records import verdict_from_json, verdict_to_json
from judge.types import Verdict


class FileStore:
    """Keeps every verdict in a JSONL file, one line each; a torn last line is dropped on opening.

    Args:
        path: The file; made if it does not exist.

    Raises:
        StoreError: The file cannot be read or written, or a whole line is not a verdict.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._verdicts: dict[str, Verdict] = {}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._load()
            self._file: TextIO | None = self._path.open("a", encoding="utf-8")
        except OSError as error:
            raise StoreError(f"the verdict store {path} cannot be used: {error}") from error

    def _load(self) -> None:
        if not self._path.exists():
            return
        raw = self._path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) < len(raw):
            os.truncate(self._path, len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                entry = json.loads(line)
                self._verdicts[entry["key"]] = verdict_from_json(entry["verdict"])
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(
                    f"{self._path}:{number}: not a stored verdict: {error}",
                    hint="delete the line, or the file to start anew",
                ) from error

    def get(self, key: str) -> Verdict | None:
        """The verdict stored under a key, or None."""
        return self._verdicts.get(key)

    def put(self, key: str, verdict: Verdict) -> None:
        """Append a verdict and flush.

        Raises:
            StoreError: The disk is full, or the store is closed.
        """
        if key in self._verdicts:
            return
        line = json.dumps({"key": key, "verdict": verdict_to_json(verdict)}) + "\n"
        try:
            if self._file is None:
                raise StoreError("the verdict store is closed")
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            raise StoreError(f"the verdict store cannot be written: {error}") from error
        self._verdicts[key] = verdict

    def items(self) -> Iterable[tuple[str, Verdict]]:
        """All keys with their verdicts."""
        return self._verdicts.items()

    def flush(self) -> None:
        """Every line is flushed as it is written."""

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
