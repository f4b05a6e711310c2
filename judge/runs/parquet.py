"""Exported rows as a Parquet file, written piece by piece."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from judge.errors import ConfigError

TEXTS = ("source", "group_id", "system", "prompt", "response", "reference")
WORDS = ("status", "failure", "critique")
NUMBERS = ("value", "standard_error", "coverage")
BATCH = 1_000


def write_parquet(path: str | Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows of `judge.runs.joined.flat` and say how many; the file appears whole, or not.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError(
            "writing Parquet needs pyarrow", hint="pip install 'judge-rm[data]'"
        ) from error
    kinds = {
        **dict.fromkeys((*TEXTS, *WORDS), pyarrow.string()),
        **dict.fromkeys(NUMBERS, pyarrow.float64()),
        **dict.fromkeys(("row", "response_index"), pyarrow.int64()),
        "label": pyarrow.bool_(),
    }
    schema = pyarrow.schema(list(kinds.items()))
    path, count = Path(path), 0
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with pyarrow.parquet.ParquetWriter(beside, schema) as file:
            for batch in _batches(iter(rows)):
                file.write_table(pyarrow.Table.from_pylist(batch, schema))
                count += len(batch)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return count


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, BATCH)):
        yield batch
