"""Verdicts in an SQLite file that several processes may share."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

from judge.errors import StoreError
from judge.store.rows import Row, get_row, put_all, row_of, verdict_of
from judge.store.schema import connected, opened, store_error, told
from judge.types import Verdict

GATHER_S = 0.02
"""How long the writer waits for more verdicts before it writes what there is."""
MOST_WAITING = 20_000
"""Verdicts not yet written before `put` waits for the disk."""


class SQLiteStore:
    """Keeps every verdict in an SQLite file with a write-ahead log, one row each.

    `put` hands a verdict to a thread that writes all that have gathered in one transaction. A
    verdict is *reported as written* once a `flush` called after its `put` has returned: from then
    on no crash and no loss of power loses it. `get` finds a verdict as soon as it has been put.
    What could not be written is kept and tried again by every `flush`; a `put` that finds that the
    last attempt has failed raises why, and does not keep its verdict.

    Args:
        path: The file; made if it does not exist. A JSONL file of an older version, and an older
            table, are brought up to date, with a copy of the file beside it.
        wait_s: How long to wait for other processes that write, in seconds.

    Raises:
        StoreError: The file cannot be used, is locked for longer, is no store, or was made by a
            newer version.
    """

    def __init__(self, path: str | Path, *, wait_s: float = 30.0) -> None:
        self._path = Path(path)
        self._wait_s = wait_s
        self._process = os.getpid()
        self._reader: sqlite3.Connection | None = opened(self._path, wait_s)
        self._waiting: dict[str, Row] = {}
        self._writing: dict[str, Row] = {}
        self._absent: set[str] = set()
        self._accepted = self._kept = 0
        self._wanted = 0
        """How many of the accepted ones a `flush` waits for."""
        self._error: StoreError | None = None
        self._closing = self._ended = False
        self._changed = threading.Condition()
        self._writer = threading.Thread(target=self._write, name="judge-store", daemon=True)
        self._writer.start()

    def __reduce__(self) -> tuple[Any, ...]:
        return SQLiteStore, (self._path,)

    def get(self, key: str) -> Verdict | None:
        """The verdict stored under a key, or None.

        Raises:
            StoreError: The file cannot be read, or the store is closed.
        """
        row = self._row(key)
        if row is None:
            if len(self._absent) >= MOST_WAITING:
                self._absent.clear()
            self._absent.add(key)
            return None
        return verdict_of(key, row)

    def put(self, key: str, verdict: Verdict) -> None:
        """Keep a verdict; it is written soon (see `flush`).

        Raises:
            StoreError: What was put before could not be written, or the store is closed.
        """
        self._open()
        if key in self._absent:
            self._absent.discard(key)  # asked for just now: it need not be looked up again
        elif self._row(key) is not None:
            return
        row = row_of(verdict)
        with self._changed:
            self._raise_failure()
            if len(self._waiting) >= MOST_WAITING:
                self._changed.wait_for(
                    lambda: self._error or self._ended or len(self._waiting) < MOST_WAITING
                )
                self._raise_failure()
            if key in self._waiting or key in self._writing:
                return  # another thread was first
            self._waiting[key] = row
            self._accepted += 1
            if len(self._waiting) == 1:
                self._changed.notify_all()

    def flush(self) -> None:
        """Return when all that was put before is on the disk.

        Raises:
            StoreError: It could not be written.
        """
        self._open()
        with self._changed:
            wanted = self._wanted = self._accepted
            self._error = None  # whatever failed before is tried again now
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._error is not None or self._kept >= wanted or self._ended
            )
            self._raise_failure()
            if self._kept < wanted:
                raise StoreError("the verdict store's writer has ended")

    def close(self) -> None:
        """Flush and close the file.

        Raises:
            StoreError: What was put could not be written.
        """
        reader = self._reader
        if reader is None or os.getpid() != self._process:
            return
        try:
            self.flush()
        finally:
            with self._changed:
                self._closing, self._waiting = True, {}
                self._changed.notify_all()
            self._writer.join()
            self._reader = None
            reader.close()

    def _row(self, key: str) -> Row | None:
        reader = self._open()
        # In the order in which a row moves, so that none is missed while it does.
        row = self._waiting.get(key) or self._writing.get(key)
        if row is not None:
            return row
        try:
            return get_row(reader, key)
        except sqlite3.Error as error:  # not `told`: this is asked for every verdict
            raise store_error(self._path, error) from error

    def _open(self) -> sqlite3.Connection:
        if self._reader is None:
            raise StoreError("the verdict store is closed")
        if os.getpid() != self._process:
            raise StoreError(
                "the verdict store was opened before this process was forked",
                hint="give each process the store's path, not the store",
            )
        return self._reader

    def _raise_failure(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            self._changed.notify_all()  # the writer tries again
            raise error

    # --- the writer's thread -----------------------------------------------------------------

    def _write(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            while self._gathered():
                try:
                    with told(self._path):
                        connection = connection or connected(self._path, self._wait_s)
                        put_all(connection, self._writing.items())
                except StoreError as error:
                    self._put_back(error)
                else:
                    self._settle()
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            if connection is not None:
                connection.close()

    def _gathered(self) -> bool:
        """Wait for verdicts and take them; False where there are none and none will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if not self._urgent():
                self._changed.wait_for(self._urgent, timeout=GATHER_S)
            self._writing = self._waiting
            self._waiting = {}
            return bool(self._writing)

    def _urgent(self) -> bool:
        return self._closing or self._wanted > self._kept

    def _settle(self) -> None:
        with self._changed:
            self._kept += len(self._writing)
            self._writing = {}
            self._changed.notify_all()

    def _put_back(self, error: StoreError) -> None:
        """Keep what could not be written, and wait until somebody has been told."""
        with self._changed:
            if not self._closing:
                self._waiting = {**self._writing, **self._waiting}
                self._error = error
            self._writing = {}
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._error is None or self._closing)
