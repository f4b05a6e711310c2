"""Verdicts as rows of an SQLite table: digest of the key, kind, JSON.

Keys are about a hundred characters and random: as digests of 128 bits their index is a fifth as
large, and as much faster to add to.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable

import msgspec

from judge.errors import StoreError
from judge.records import KINDS, verdict_from_json, verdict_to_json
from judge.types import Verdict

PUT = "INSERT OR IGNORE INTO verdicts (key, kind, verdict) VALUES (?, ?, ?)"
GET = "SELECT kind, verdict FROM verdicts WHERE key = ?"
_DECODERS = {kind: msgspec.json.Decoder(made) for kind, made in KINDS.items()}


KEY_BYTES = 16
Row = tuple[str, bytes]
"""Kind, JSON."""


def key_digest(key: str) -> bytes:
    """What stands for a key in the table."""
    return hashlib.blake2b(key.encode(), digest_size=KEY_BYTES).digest()


def row_of(verdict: Verdict) -> Row:
    """The row of a verdict. NaN and infinities become null; lone surrogates stay."""
    try:
        return verdict.kind, msgspec.json.encode(verdict)
    except UnicodeEncodeError:
        return verdict.kind, json.dumps(verdict_to_json(verdict)).encode()


def put_all(connection: sqlite3.Connection, rows: Iterable[tuple[str, Row]]) -> None:
    """Keep rows by key, in one transaction; a key that has one keeps it."""
    given = [(key_digest(key), *row) for key, row in rows]
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(PUT, given)
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def get_row(connection: sqlite3.Connection, key: str) -> Row | None:
    """The row of a key, or None."""
    row: Row | None = connection.execute(GET, (key_digest(key),)).fetchone()
    return row


def verdict_of(key: str, row: Row) -> Verdict:
    """The verdict of a key's row.

    Raises:
        StoreError: There is none in it.
    """
    kind, data = row
    try:
        return _decoded(kind, data)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"under the key {key} there is no verdict: {error}",
            hint="put the store aside; what is not in it is judged again",
        ) from error


def _decoded(kind: str, data: bytes) -> Verdict:
    try:
        verdict: Verdict = _DECODERS[kind].decode(data)
        return verdict
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return verdict_from_json(json.loads(data))  # it may have lone surrogates
