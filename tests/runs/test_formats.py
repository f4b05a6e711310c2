import json
from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.runs.formats import raw_rows

GOOD: dict[str, object] = {"prompt": "p", "responses": ["x", "y"]}


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_are_numbered_and_empty_lines_are_none(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [GOOD])
    path.write_text("\n" + path.read_text() + "\n \n" + path.read_text().rstrip())
    assert list(raw_rows(path)) == [(1, GOOD), (2, GOOD)]


def test_a_line_that_is_too_long_is_not_read_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("judge.runs.formats.MAX_LINE", 1 << 10)
    path = write(tmp_path / "d.jsonl", [GOOD, {**GOOD, "prompt": "x" * 5000}, GOOD])
    rows = raw_rows(path)
    next(rows)
    with pytest.raises(ConfigError, match=r"row 2 is longer than"):
        next(rows)


@pytest.mark.parametrize("line", [b'{"prompt": "\xff\xfe", "responses": []}', b"{torn", b"[1, 2]"])
def test_a_line_that_is_no_json_object_is_an_error_with_its_row(
    tmp_path: Path, line: bytes
) -> None:
    path = write(tmp_path / "d.jsonl", [GOOD])
    path.write_bytes(path.read_bytes() + line + b"\n")
    rows = raw_rows(path)
    next(rows)
    with pytest.raises(ConfigError, match=r"row 2 is not"):
        next(rows)


def test_a_parquet_file_with_a_cut_footer_is_an_error(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / "d.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([GOOD] * 50), path)
    whole = path.read_bytes()
    for kept in (len(whole) - 1, len(whole) - 40, len(whole) // 2, 3, 0):
        path.write_bytes(whole[:kept])
        with pytest.raises(ConfigError, match=r"d\.parquet is not Parquet, or not whole"):
            list(raw_rows(path))
