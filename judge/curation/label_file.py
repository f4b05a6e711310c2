"""The file of a person's labels: one a line, each on the disk before the next is asked for."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from judge.errors import ConfigError, StoreError
from judge.records import to_line


class LabelFile:
    """A file of labels, held by this process alone.

    Lines are appended; only `undo` takes the last one back. What a crash leaves of a torn line is
    cut off when the file is opened again.

    Args:
        path: The file; made if there is none.

    Raises:
        ConfigError: A line of it is no label.
        StoreError: It cannot be used, or another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: set[str] = set()
        """Keys of the pairs that have a label."""
        self._ends: list[tuple[int, str]] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = path.open("a+b", buffering=0)
        except OSError as error:
            raise self._broken(error) from error
        try:
            self._take_over()
        except BaseException:
            self._file.close()
            raise

    def append(self, row: Mapping[str, Any]) -> None:
        """Write a label and force it to the disk.

        Args:
            row: With its pair's `key`.

        Raises:
            StoreError: It could not be written; nothing of it is in the file.
        """
        before = self._size
        data = memoryview(to_line(row).encode() + b"\n")
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
            os.fsync(self._file.fileno())
        except OSError as error:
            self._cut(before)
            raise self._broken(error) from error
        self._ends.append((before, row["key"]))
        self.done.add(row["key"])

    def undo(self) -> None:
        """Take the last label of this sitting out of the file.

        Raises:
            StoreError: It could not be.
        """
        size, key = self._ends[-1]
        try:
            os.ftruncate(self._file.fileno(), size)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._broken(error) from error
        self._ends.pop()
        self.done.discard(key)

    def __enter__(self) -> LabelFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _take_over(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file.seek(0)
            data = self._file.read()
        except BlockingIOError:
            raise StoreError(
                f"another process holds {self.path}", hint="choose another --out"
            ) from None
        except OSError as error:
            raise self._broken(error) from error
        whole = data.rfind(b"\n") + 1
        for number, line in enumerate(data[:whole].splitlines(), 1):
            try:
                self.done.add(json.loads(line)["key"])
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{self.path}: line {number} is no label of `judge label`: {error!r}",
                    hint="choose another --out",
                ) from error
        if whole < len(data):
            self._cut(whole)

    def _cut(self, size: int) -> None:
        try:
            os.ftruncate(self._file.fileno(), size)
        except OSError:
            return  # the torn line is cut off when the file is opened again

    def _broken(self, error: OSError) -> StoreError:
        return StoreError(f"{self.path} cannot be used: {error}", hint="what is written stays")
