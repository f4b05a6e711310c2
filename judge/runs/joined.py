"""Result rows put beside the texts they are about, which a run's folder does not hold."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from judge.errors import ConfigError
from judge.runs.dataset import Row
from judge.runs.folder import RESULTS
from judge.runs.offline import row_key
from judge.types import Text


def joined(rows: Iterable[Row], folder: Path) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Each row of the data that has a result, with it; in the order of the data.

    Args:
        rows: Of the data.
        folder: The run's.

    Raises:
        ConfigError: The results cannot be read, or a row is not what was judged.
    """
    path = folder / RESULTS
    try:
        with path.open("rb") as file:
            places = _places(file)
            for row in rows:
                known = places.get(row.source)
                at = 0 if known is None or row.number >= len(known) else known[row.number]
                if at:
                    file.seek(at - 1)
                    result = json.loads(file.readline())
                    if result["key"] != row_key(row):
                        raise ConfigError(
                            f"{row.source}: row {row.number} is not what was judged",
                            hint="the data was changed since; judge it again",
                        )
                    yield row, result
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _places(file: Any) -> dict[str, array[int]]:
    """By source and row, 1 + where the result row starts in the file; 0: there is none."""
    places: dict[str, array[int]] = {}
    at = 0
    for line in file:
        if line.endswith(b"\n"):
            row = json.loads(line)
            known = places.setdefault(row["source"], array("Q"))
            known.extend([0] * (row["row"] + 1 - len(known)))
            known[row["row"]] = at + 1
        at += len(line)
    return places


def flat(row: Row, result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One line a response: its texts and its reward; chats are JSON texts."""
    group = row.group
    for at, (response, reward) in enumerate(zip(group.responses, result["rewards"], strict=True)):
        reason = reward["reason"]
        yield {
            "source": row.source,
            "row": row.number,
            "group_id": group.id,
            "response_index": at,
            "system": response.id,
            "prompt": _text(group.prompt),
            "response": _text(response.text),
            "reference": group.reference,
            "value": reward["value"],
            "standard_error": reward["standard_error"],
            "coverage": reward["coverage"],
            "status": reward["status"],
            "failure": None if reason is None else reason["kind"],
            "critique": reward["critique"],
            "label": None if row.label is None else row.label == at,
        }


def _text(text: Text) -> str:
    if isinstance(text, str):
        return text
    return json.dumps([{"role": turn.role, "content": turn.content} for turn in text])
