from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from judge.runs import parquet
from judge.runs.parquet import NUMBERS, TEXTS, WORDS, write_parquet


def line(number: int) -> dict[str, Any]:
    texts = dict.fromkeys((*TEXTS, *WORDS), f"text \u2028 {number}")
    numbers = dict.fromkeys(NUMBERS, 0.1 * number if number % 2 else None)
    return {**texts, "reference": None, **numbers, "row": number, "response_index": 0,
            "label": None if number % 3 else number % 2 == 0}  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 7])
def test_what_is_written_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(parquet, "BATCH", 3)
    lines = [line(number) for number in range(count)]
    assert write_parquet(tmp_path / "x.parquet", iter(lines)) == count
    assert pyarrow.parquet.read_table(tmp_path / "x.parquet").to_pylist() == lines


def test_a_file_that_breaks_off_is_not_there(tmp_path: Path) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield {"source": "t", "row": 1}
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError):
        write_parquet(tmp_path / "x.parquet", broken())
    assert list(tmp_path.iterdir()) == []
