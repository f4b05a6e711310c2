"""A run as the page reads it: its plan, its result rows, and the texts they are about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from judge.errors import ConfigError
from judge.runs.dataset import Row as DataRow
from judge.runs.folder import MANIFEST

Row = Mapping[str, Any]
"""A line of `results.jsonl` (see `judge.records.result_row`)."""
Joined = Iterator[tuple[DataRow, Row]]


READ = (
    *("engine", "engines", "recipe", "recipe_id", "rubric", "rubric_id", "data", "data_digest"),
    *("columns", "seed", "profile_file", "calibration_file", "texts", "version", "options"),
)
"""What is read of a plan."""


class Source(NamedTuple):
    """One run."""

    name: str
    """What it is called on the page."""
    plan: Mapping[str, Any]
    """Its `plan.json`; empty where there is none, as beside a lone file of results."""
    rows: Callable[[], Iterator[Row]]
    """Reads the result rows from the start."""
    joined: Callable[[], Joined]
    """Reads the rows of the data that have a result, with it. Raises `JudgeError` where the data
    is gone or was changed."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """The plan of a run's folder as it stands there; empty for a file of results.

    Raises:
        ConfigError: The folder has none that can be read.
    """
    if folder.is_file():
        return {}
    try:
        told = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{folder} is not the folder of a run: {error}",
            hint="give the folder that `judge run` wrote",
        ) from error
    if not isinstance(told, dict) or not set(READ) <= set(told):
        raise ConfigError(
            f"{folder / MANIFEST} is not the plan of a run of this version",
            hint="give its results.jsonl for a report without a plan",
        )
    return told


def named(folders: list[Path]) -> list[str]:
    """A name for each folder: its own, or its path where two are called the same."""
    own = [folder.resolve().name for folder in folders]
    return [
        name if own.count(name) == 1 else str(folder)
        for name, folder in zip(own, folders, strict=True)
    ]
