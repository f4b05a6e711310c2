"""Good responses as they stand in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from judge.errors import ConfigError
from judge.runs.dataset import Columns, Row, read_rows
from judge.runs.formats import raw_rows
from judge.types import Group

COLUMNS = ("response", "completion", "chosen")
"""Where a lone good response may stand."""


def good_groups(path: Path, columns: Columns | None = None) -> Iterator[Group]:
    """Groups of one good response.

    Rows have `prompt` and one of `response`, `completion`, `chosen`; or they are rows of a data
    set (see `judge.runs.dataset`), of which the labelled response is taken, or the only one.

    Raises:
        ConfigError: The file cannot be read, or a row does not say which response is good.
    """
    columns = columns or Columns()
    _, first = next(raw_rows(path), (0, {}))
    lone = next((name for name in COLUMNS if first.get(name) is not None), None)
    if lone is None or "responses" in first or "responses" in columns.names or columns.group_by:
        yield from (_best(row) for row in read_rows(path, columns))
        return
    # A column named twice is a list of two equal responses, the first of which is the good one.
    twice = Columns({**columns.names, "responses": (lone, lone)})
    for row in read_rows(path, twice):
        yield _only(row.group, 0)


def _best(row: Row) -> Group:
    if row.label is not None:
        return _only(row.group, row.label)
    if len(row.group.responses) != 1:
        raise ConfigError(
            f"{row.source}: row {row.number} does not say which response is good",
            hint="give a label, one response a row, or --map label=COLUMN",
        )
    return row.group


def _only(group: Group, at: int) -> Group:
    return replace(group, responses=(group.responses[at],), anchor=None)
