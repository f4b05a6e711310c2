"""The file of a `SQLiteStore`: opened, made, brought up to date or refused."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from judge.errors import StoreError
from judge.store.jsonl import FileStore
from judge.store.rows import put_all, row_of

APPLICATION = 0x6A756467
"""`PRAGMA application_id` of our files: "judg"."""
UPGRADES = (
    "CREATE TABLE verdicts (key BLOB PRIMARY KEY, kind TEXT NOT NULL, verdict BLOB NOT NULL)",
)
"""Entry k brings a file from version k to k + 1; version 0 is an empty file."""
MAGIC = b"SQLite format 3\0"
POLL_S = 0.05
HINTS = {
    "SQLITE_BUSY": "another process keeps it locked: end that one, or give each its own store",
    "SQLITE_FULL": "the disk is full: free some space and go on from here",
    "SQLITE_READONLY": "the file system or the file is read-only",
    "SQLITE_CANTOPEN": "see that its folder exists and may be written",
    "SQLITE_CORRUPT": "the file is damaged: put it aside, what is not in it is judged again",
    "SQLITE_NOTADB": "a store is an SQLite file; a JSONL store's name ends in .jsonl",
}


def opened(path: Path, wait_s: float) -> sqlite3.Connection:
    """Connect to a store's file; it is made, or brought up to this version, where it has to be.

    Files that need it are copied first, to `NAME.v0.bak`, `NAME.v1.bak` and so on.

    Args:
        path: The file.
        wait_s: How long to wait for other processes, in seconds.

    Raises:
        StoreError: It cannot be used, is no store, or was made by a newer version.
    """
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if _is_lines(path):
            _import_lines(path)
        connection = connected(path, wait_s)
        try:
            _brought_up(connection, path, wait_s)
        except BaseException:
            connection.close()
            raise
        return connection


def connected(path: Path, wait_s: float) -> sqlite3.Connection:
    """A connection to a file that is as it should be; usable in any thread, one at a time."""
    connection = sqlite3.connect(
        path, timeout=wait_s, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous = FULL")  # a commit outlives a loss of power
    connection.execute("PRAGMA cache_size = -16000")  # KiB
    return connection


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Whatever goes wrong with the file becomes a StoreError that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    except OSError as error:
        raise StoreError(f"the verdict store {path} cannot be used: {error}") from error


def store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """An error of SQLite's with what to do about it."""
    code = str(getattr(error, "sqlite_errorname", ""))
    hint = next((text for name, text in HINTS.items() if code.startswith(name)), "")
    return StoreError(f"the verdict store {path}: {error}", hint=hint)


def _brought_up(connection: sqlite3.Connection, path: Path, wait_s: float) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION:
        raise StoreError(f"{path} is the database of another program", hint="name another file")
    if version > len(UPGRADES):
        raise StoreError(
            f"the verdict store {path} has version {version}; this program knows {len(UPGRADES)}",
            hint="it was made by a newer judge: install that one, or name another file",
        )
    _to_wal(connection, wait_s)
    if version < len(UPGRADES):
        _upgrade(connection, path)


def _to_wal(connection: sqlite3.Connection, wait_s: float) -> None:
    """Switch to a write-ahead log; SQLite itself does not always wait for its turn here."""
    end = time.monotonic() + wait_s
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > end:
                raise
            time.sleep(POLL_S)
    if mode != "wal":
        raise StoreError(
            "the verdict store's file system cannot share memory between processes",
            hint="keep the store on a local disk",
        )


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")  # from here on, no other process writes
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if 0 < version < len(UPGRADES):
            _back_up(path, version)
        for step in UPGRADES[version:]:
            connection.execute(step)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(UPGRADES)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(path: Path, version: int) -> None:
    copy = path.with_name(f"{path.name}.v{version}.bak")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


# --- stores of version 0: JSONL under any name -------------------------------------------------


def _is_lines(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)).lstrip()[:1] == b"{"


def _import_lines(path: Path) -> None:
    """Put an SQLite store with the same verdicts in the place of a JSONL file; keep a copy."""
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not _is_lines(path):
            return  # another process has just done it
        shutil.copy2(path, path.with_name(f"{path.name}.v0.bak"))
        beside = path.with_name(f"{path.name}.{os.getpid()}.part")
        beside.unlink(missing_ok=True)
        with closing(FileStore(path)) as lines, closing(sqlite3.connect(beside)) as made:
            made.isolation_level = None
            _upgrade(made, beside)
            put_all(made, [(key, row_of(verdict)) for key, verdict in lines.items()])
        os.replace(beside, path)
