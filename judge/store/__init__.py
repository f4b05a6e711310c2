"""Verdict stores: what has been judged once is not paid for again.

All are `judge.types.VerdictStore`s; keys are the digests of everything that goes into a call.
`MemoryStore` serves one process; `SQLiteStore` outlives it and is shared by processes; `FileStore`
is a JSONL file to read; `TextlessStore` keeps no text in another.
"""

from judge.store.jsonl import FileStore
from judge.store.memory import MemoryStore
from judge.store.sqlite import SQLiteStore
from judge.store.textless import TextlessStore, without_texts

__all__ = ["FileStore", "MemoryStore", "SQLiteStore", "TextlessStore", "without_texts"]
