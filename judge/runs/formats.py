"""Rows as they stand in a file: JSONL, a JSON array, Parquet or a saved data set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from judge.errors import ConfigError

MAX_LINE = 64 << 20
"""Bytes of a JSONL row above which it is an error; no more than that is read of it."""


def raw_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a file or a saved data set, numbered from 1; all but JSON arrays are streamed.

    Raises:
        ConfigError: It cannot be read; the message has the row.
    """
    if not path.exists():
        raise ConfigError(f"there is no data set {path}")
    if path.is_dir():
        rows: Iterable[Any] = _saved_rows(path)
    elif path.suffix == ".parquet":
        rows = _parquet_rows(path)
    elif path.suffix == ".json":
        rows = _array_rows(path)
    else:
        rows = _jsonl_rows(path)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise ConfigError(f"{path}: row {number} is not an object with named columns")
        yield number, row


def _jsonl_rows(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            if not line.strip():
                continue
            number += 1
            if len(line) > MAX_LINE:
                raise ConfigError(
                    f"{path}: row {number} is longer than {MAX_LINE / (1 << 20):.0f} MiB",
                    hint="one object a line; is this a JSON array? name it .json",
                )
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ConfigError(f"{path}: row {number} is not JSON: {error}") from error


def _array_rows(path: Path) -> Iterator[Any]:
    try:
        rows = json.loads(path.read_bytes())
    except ValueError as error:
        raise ConfigError(
            f"{path} is not JSON: {error}", hint="one object a line is .jsonl"
        ) from error
    if not isinstance(rows, list):
        raise ConfigError(f"{path} is not an array of rows")
    yield from rows


def _parquet_rows(path: Path) -> Iterator[Any]:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError(
            "reading Parquet needs pyarrow", hint="pip install 'judge-rm[data]'"
        ) from error
    try:
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=256):
            yield from batch.to_pylist()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} is not Parquet, or not whole: {error}", hint="copy or write the file anew"
        ) from error


def _saved_rows(path: Path) -> Iterator[Any]:
    try:
        import datasets
    except ImportError as error:
        raise ConfigError(
            "reading a saved data set needs datasets", hint="pip install 'judge-rm[data]'"
        ) from error
    try:
        loaded = datasets.load_from_disk(str(path))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not a saved data set: {error}") from error
    if isinstance(loaded, datasets.DatasetDict):
        raise ConfigError(
            f"{path} holds the splits {', '.join(loaded)}", hint=f"use {path}/<split>"
        )
    yield from loaded
