import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from judge.errors import ConfigError, StoreError
from judge.runs import folder as module
from judge.runs.folder import FAILURES, MANIFEST, RESULTS, SUMMARY, Folder

PLAN = {"data": ["d"], "seed": 0}


def line(number: int, *, kind: str | None = None, retryable: bool = False) -> bytes:
    reason = None
    if kind is not None:
        reason = {"stage": "engine", "kind": kind, "message": "m", "retryable": retryable}
    row: dict[str, Any] = {
        "source": "d",
        "row": number,
        "key": f"{number:032x}",
        "group_id": f"g{number}",
        "values": [None if reason else 1.0],
        "rewards": [
            {
                "value": None if reason else 1.0,
                "status": "failed" if reason else "ok",
                "coverage": 1.0,
                "reason": reason,
            }
        ],
        "failures": [],
        "verdicts": [],
        "metrics": {},
        "usage": {"calls": 1, "prompt_tokens": 2, "completion_tokens": 3},
    }
    return json.dumps(row).encode()


def write(path: Path, *lines: bytes) -> None:
    path.mkdir(exist_ok=True)
    (path / MANIFEST).write_text(json.dumps(PLAN))
    (path / RESULTS).write_bytes(b"".join(lines))


def numbers(path: Path) -> list[int]:
    return [json.loads(row)["row"] for row in (path / RESULTS).read_bytes().splitlines()]


def done(folder: Folder) -> list[int]:
    return [n for n in range(10) if folder.done.has("d", n, f"{n:032x}")]


def test_what_is_appended_is_done_next_time(tmp_path: Path) -> None:
    folder = Folder(tmp_path, PLAN)
    folder.append([line(1), line(2)])
    folder.append([line(3)])
    summary = folder.summed()
    folder.close()
    assert (summary.groups, summary.calls) == (3, 3)
    assert json.loads((tmp_path / SUMMARY).read_text()) == summary.as_dict()
    again = Folder(tmp_path, PLAN)
    assert done(again) == [1, 2, 3]
    assert [row["row"] for row in again.rows()] == [1, 2, 3]
    again.close()


@pytest.mark.parametrize("cut", [1, 5, 100])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, cut: int) -> None:
    write(tmp_path, line(1) + b"\n", line(2)[:-cut])
    folder = Folder(tmp_path, PLAN)
    assert done(folder) == [1]
    folder.append([line(2)])
    folder.close()
    assert numbers(tmp_path) == [1, 2]


def test_owed_doubled_and_broken_lines_are_taken_out(tmp_path: Path) -> None:
    lines = [
        line(1),
        line(2, kind="timeout", retryable=True),
        line(3),
        line(1),
        b'{"key": "no hexadecimal digits", "rewards": []}',
        b"\xff\xfe",
        line(4, kind="refused"),
    ]
    write(tmp_path, *(one + b"\n" for one in lines))
    folder = Folder(tmp_path, PLAN)
    assert done(folder) == [1, 3, 4]
    assert numbers(tmp_path) == [1, 3, 4]
    folder.close()


def test_which_groups_are_judged_anew(tmp_path: Path) -> None:
    part = json.loads(line(5))
    part["failures"] = [{"kind": "malformed", "retryable": True}]
    spent = json.loads(line(6))
    spent["failures"] = [{"kind": "budget", "retryable": False}]
    lines = [line(1), line(2, kind="timeout", retryable=True), line(3, kind="refused")]
    lines += [json.dumps(part).encode(), json.dumps(spent).encode()]
    kept = {}
    for again in ("owed", "curable", "all"):
        write(tmp_path / again, *(one + b"\n" for one in lines))
        folder = Folder(tmp_path / again, PLAN, again=again)  # type: ignore[arg-type]
        kept[again] = done(folder)
        folder.close()
    assert kept == {"owed": [1, 3, 5], "curable": [1, 3], "all": [1]}


def test_failures_are_listed(tmp_path: Path) -> None:
    folder = Folder(tmp_path, PLAN)
    folder.append([line(1), line(2, kind="refused")])
    folder.summed()
    folder.close()
    (failure,) = map(json.loads, (tmp_path / FAILURES).read_text().splitlines())
    assert failure == {
        "source": "d",
        "row": 2,
        "group_id": "g2",
        "response": 0,
        "status": "failed",
        "stage": "engine",
        "kind": "refused",
        "message": "m",
        "retryable": False,
    }


def test_another_plan_is_refused_and_other_options_are_not(tmp_path: Path) -> None:
    Folder(tmp_path, {**PLAN, "options": {"limit": 5}}).close()
    Folder(tmp_path, {**PLAN, "options": {"limit": 9}}).close()
    assert json.loads((tmp_path / MANIFEST).read_text())["options"] == {"limit": 9}
    with pytest.raises(ConfigError, match="a run with another seed"):
        Folder(tmp_path, {**PLAN, "seed": 1})
    with pytest.raises(ConfigError, match="a run with another columns"):
        Folder(tmp_path, {**PLAN, "columns": {}})


def test_results_without_a_plan_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, line(1) + b"\n")
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(ConfigError, match="results without a plan"):
        Folder(tmp_path, PLAN)
    assert numbers(tmp_path) == [1]


def test_two_cannot_be_at_one_folder(tmp_path: Path) -> None:
    folder = Folder(tmp_path, PLAN)
    with pytest.raises(StoreError, match="another process is at work"):
        Folder(tmp_path, PLAN)
    folder.close()
    folder.close()
    Folder(tmp_path, PLAN).close()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_write_that_fails_leaves_whole_lines_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    folder = Folder(tmp_path, PLAN)
    folder.append([line(1)])

    def broken(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", broken)
        with pytest.raises(StoreError, match=r"cannot be used[\s\S]*to go on"):
            folder.append([line(2)])
    assert numbers(tmp_path) == [1]
    folder.append([line(2)])
    folder.close()
    assert numbers(tmp_path) == [1, 2]


def test_what_could_not_be_cut_off_at_once_is_cut_off_before_the_next_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path, PLAN)
    folder.append([line(1)])

    def broken(descriptor: int, size: int = 0) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", broken)
        patch.setattr(module.os, "ftruncate", broken)
        with pytest.raises(StoreError):
            folder.append([line(2)])
        with pytest.raises(StoreError):
            folder.append([line(3)])
    folder.append([line(4)])
    folder.close()
    assert numbers(tmp_path) == [1, 4]


def test_a_summary_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path, PLAN)
    folder.append([line(1)])
    folder.summed()
    before = (tmp_path / SUMMARY).read_text()
    folder.append([line(2)])

    def broken(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", broken)
        with pytest.raises(StoreError, match="full"):
            folder.summed()
    assert (tmp_path / SUMMARY).read_text() == before
    folder.close()


def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be used"):
        Folder(tmp_path / "file" / "run", PLAN)
