"""Rows that have the same id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from judge.errors import ConfigError
from judge.runs.dataset import Row
from judge.runs.seen import Seen


def distinct(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, each with an id that no other row of its file was given.

    Rows without an id of their own may be equal: they are judged once where there is a store.

    Raises:
        ConfigError: Two rows of a file have the same id.
    """
    seen: dict[str, Seen] = {}
    for row in rows:
        if row.named and seen.setdefault(row.source, Seen()).add(row.group.id):
            raise ConfigError(
                f"{row.source}: row {row.number}: an earlier row has the id {row.group.id!r} too",
                hint="give each row an id of its own, map another column with --map id=COLUMN, or"
                " gather rows of one prompt with --group-by",
            )
        yield row
