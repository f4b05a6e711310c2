"""Labelled pairs as they stand in a file, and the same rows with another label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from judge.errors import ConfigError
from judge.runs.dataset import Columns, Row, read_rows
from judge.runs.formats import raw_rows
from judge.types import Group

CHOSEN, REJECTED = "chosen", "rejected"


class LabelledRow(NamedTuple):
    """A row of two responses."""

    raw: Mapping[str, Any]
    group: Group
    better: int | None
    """0 or 1; None: the data does not say, or says that they tie."""
    columns: Columns


def read_labelled(path: str | Path, columns: Columns | None = None) -> Iterator[LabelledRow]:
    """Read a file of pairs, one at a time.

    Rows have two responses and a label or a ranking (see `judge.runs.dataset`); or the columns
    `chosen` and `rejected`, which need no label.

    Raises:
        ConfigError: The file cannot be read, or a row is no pair.
    """
    columns = columns or Columns()
    if columns.group_by is not None:
        raise ConfigError("pairs stand in one row each", hint="leave out --group-by")
    columns = _columns(Path(path), columns)
    for (_, raw), row in zip(raw_rows(Path(path)), read_rows(path, columns), strict=True):
        n = len(row.group.responses)
        if n != 2:
            raise ConfigError(f"{path}: row {row.number} has {n} responses, not two")
        yield LabelledRow(raw, row.group, _better(raw, row, columns), columns)


def relabelled(row: LabelledRow, better: int) -> dict[str, Any]:
    """The row as it stands, saying that this response is the better one.

    A label or a ranking is changed in its own column and numbering. A row of `chosen` and
    `rejected` without a label has them exchanged, and with them all columns whose names differ in
    these words alone (`score_chosen`, `score_rejected`).
    """
    made, columns = dict(row.raw), row.columns
    label, ranking = (columns.columns(name)[0] for name in ("label", "ranking"))
    if _by_place(row.raw, columns):
        if better == 1:
            made = {_other(name, made): value for name, value in made.items()}
        made[label] = columns.labels_from
        return made
    names = columns.columns("responses")
    by_name = isinstance(made.get(label), str) and made[label] in names
    places = names if by_name else [columns.labels_from, 1 + columns.labels_from]
    if made.get(ranking) is not None:
        made[ranking] = [places[better], places[1 - better]]
    made[label] = places[better]
    return made


def _columns(path: Path, columns: Columns) -> Columns:
    """`responses` read from `chosen` and `rejected` where the file has these alone."""
    if "responses" in columns.names:
        return columns
    _, first = next(raw_rows(path), (0, {}))
    if "responses" in first or not {CHOSEN, REJECTED} <= set(first):
        return columns
    return replace(columns, names={**columns.names, "responses": (CHOSEN, REJECTED)})


def _by_place(raw: Mapping[str, Any], columns: Columns) -> bool:
    """Whether the row's columns alone say which response is better."""
    said = any(raw.get(columns.columns(name)[0]) is not None for name in ("label", "ranking"))
    return columns.columns("responses") == (CHOSEN, REJECTED) and not said


def _better(raw: Mapping[str, Any], row: Row, columns: Columns) -> int | None:
    if _by_place(raw, columns):
        return 0
    order = row.order
    if order is None or isinstance(order, int):
        return order
    return order[0][0] if len(order) == 2 else None


def _other(name: str, names: Mapping[str, Any]) -> str:
    """The name with chosen for rejected or the reverse, where the row has such a column too."""
    for one, two in ((CHOSEN, REJECTED), (REJECTED, CHOSEN)):
        if one in name and name.replace(one, two) in names:
            return name.replace(one, two)
    return name
