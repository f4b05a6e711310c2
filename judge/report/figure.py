"""A figure of the page: a drawing, and the numbers it was drawn from."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from judge.types import Record

Cell = str | int | float | None
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Table(Record, frozen=True):
    """Named columns; None is not known."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(cls, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
        """Make a table."""
        return cls(tuple(columns), tuple(tuple(row) for row in rows))

    @property
    def csv(self) -> str:
        """As CSV, numbers in full; None is an empty cell.

        A text that a spreadsheet would run as a formula gets an apostrophe before it, because
        names of systems and groups are not ours.
        """
        told = io.StringIO()
        writer = csv.writer(told, lineterminator="\n")
        writer.writerow(map(_inert, self.columns))
        writer.writerows([_inert(cell) for cell in row] for row in self.rows)
        return told.getvalue()


class Figure(Record, frozen=True):
    """One figure; either there is a drawing, or `missing` says why there is none."""

    name: str
    """Of its file of numbers; unique in a run."""
    title: str
    caption: str = ""
    """What is seen, and how it was counted."""
    svg: str = ""
    table: Table | None = None
    missing: str = ""

    @property
    def csv_name(self) -> str:
        """Of the file with its numbers."""
        return f"{self.name}.csv"


def _inert(cell: Cell) -> Cell:
    if isinstance(cell, str):
        cell = cell.encode("utf-8", "replace").decode("utf-8")
        return f"'{cell}" if cell.startswith(_FORMULA) else cell
    return cell
