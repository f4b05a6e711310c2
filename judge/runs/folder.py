"""The folder of a run: what it is, its results, its lock.

    plan.json       what is judged with what; a folder with another plan is refused
    results.jsonl   one group a line, appended
    failures.jsonl  one response without a reward a line, made from the results
    summary.json    figures, made from the results

A line of results is written, and forced to the disk, after the verdicts it was made of. So
whatever is killed at whatever moment leaves whole lines, and at most one torn one at the end, which
is cut off when the run goes on.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from judge.errors import ConfigError, StoreError
from judge.runs.done import Done
from judge.runs.summary import Summary

RESULTS, MANIFEST, SUMMARY = "results.jsonl", "plan.json", "summary.json"
FAILURES, LOCK = "failures.jsonl", ".lock"
UNCOMPARED = ("options", "resolved", "profile_file", "calibration_file")
"""Entries of a plan in which two sittings of one run may differ."""


Again = Literal["owed", "curable", "all"]
"""Which groups are judged anew: those that lack a reward for what trying again can cure, or for a
spent budget; those too where a part failed so; or all where anything failed."""


class _Reason(msgspec.Struct):
    retryable: bool
    kind: str


class _Reward(msgspec.Struct):
    status: str
    reason: _Reason | None


class _Line(msgspec.Struct):
    key: str
    rewards: list[_Reward]
    failures: list[_Reason] = []
    source: str = ""
    row: int = 0

    def owes(self, again: Again) -> bool:
        """Whether the group is to be judged anew."""
        reasons = [reward.reason for reward in self.rewards if reward.reason is not None]
        if any(reason.retryable for reason in reasons):
            return True
        if any(failure.kind == "budget" for failure in self.failures):
            return True
        if again == "curable":
            return any(failure.retryable for failure in self.failures)
        failed = any(reward.status == "failed" for reward in self.rewards)
        return again == "all" and (failed or bool(self.failures))


_lines = msgspec.json.Decoder(_Line)


class Folder:
    """A run's folder, held by this process alone.

    Args:
        path: The folder; made if it does not exist.
        plan: What the run is; entries in `UNCOMPARED` may change from one sitting to the next.
        again: Which groups are judged anew.

    Raises:
        ConfigError: The folder holds a run with another plan.
        StoreError: The folder cannot be used, or another process is at work in it.
    """

    def __init__(self, path: Path, plan: dict[str, Any], *, again: Again = "owed") -> None:
        self.path = path
        self.done = Done()
        """Rows that have a finished line."""
        self._results: BinaryIO | None = None
        self._size = 0
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path)
            self._planned(plan)
            self._take_over(again)
        except OSError as error:
            raise _broken(path, error) from error

    def append(self, lines: Iterable[bytes]) -> None:
        """Write result rows and force them to the disk.

        Raises:
            StoreError: They could not be written; none of them is in the file.
        """
        data = memoryview(b"".join(line + b"\n" for line in lines))
        try:
            if self._results is None:
                self._results = (self.path / RESULTS).open("ab", buffering=0)
                self._size = self._results.tell()
            if os.fstat(self._results.fileno()).st_size > self._size:
                os.ftruncate(self._results.fileno(), self._size)  # torn, and not yet cut off
            written = 0
            while written < len(data):
                written += self._results.write(data[written:])
            os.fsync(self._results.fileno())
            self._size += written
        except OSError as error:
            self._cut_back()
            raise _broken(self.path, error) from error

    def summed(self) -> Summary:
        """Sum up the results, and write the summary and the list of failures.

        Raises:
            StoreError: They cannot be written.
        """
        summary = Summary()
        try:
            with _Replaced(self.path / FAILURES) as failures:
                for row in self.rows():
                    summary.add(row)
                    failures.writelines(json.dumps(one) + "\n" for one in failed(row))
            told = json.dumps(summary.as_dict(), indent=1)
            with _Replaced(self.path / SUMMARY) as file:
                file.write(told + "\n")
        except OSError as error:
            raise _broken(self.path, error) from error
        return summary

    def rows(self) -> Iterator[dict[str, Any]]:
        """The result rows, one at a time."""
        with (self.path / RESULTS).open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield json.loads(line)

    def close(self) -> None:
        """Let others at the folder; idempotent."""
        results, self._results = self._results, None
        if results is not None:
            results.close()
        self._lock.close()

    def _cut_back(self) -> None:
        """Take back what a write that failed has left of its lines."""
        if self._results is not None:
            try:
                os.ftruncate(self._results.fileno(), self._size)
            except OSError:
                return  # the torn line is cut off when the run goes on

    def _planned(self, plan: dict[str, Any]) -> None:
        path = self.path / MANIFEST
        if path.exists():
            before = json.loads(path.read_text("utf-8"))
            named = {*before, *plan}.difference(UNCOMPARED)
            differs = sorted(name for name in named if before.get(name) != plan.get(name))
            if differs:
                raise ConfigError(
                    f"{self.path} holds a run with another {', '.join(differs)}",
                    hint="choose another --out, or the same settings to go on",
                )
            if before == plan:
                return
        elif (self.path / RESULTS).exists() and (self.path / RESULTS).stat().st_size:
            raise ConfigError(
                f"{self.path} holds results without a plan, perhaps of an older version",
                hint="choose another --out",
            )
        with _Replaced(path) as file:
            file.write(json.dumps(plan, indent=1, ensure_ascii=False) + "\n")

    def _take_over(self, again: Again) -> None:
        """Note what is done; cut off a torn last line, take out owed and doubled ones."""
        path = self.path / RESULTS
        path.touch()
        whole, dropped = 0, False
        for line in _each(path):
            if not line.endswith(b"\n"):
                os.truncate(path, whole)
                break
            whole += len(line)
            dropped = not self._noted(line, again) or dropped
        if dropped:
            self.done = Done()
            with _Replaced(path) as file:
                kept = (line for line in _each(path) if self._noted(line, again))
                file.writelines(str(line, "utf-8") for line in kept)

    def _noted(self, line: bytes, again: Again) -> bool:
        try:
            row = _lines.decode(line)
            if row.owes(again) or self.done.has(row.source, row.row, row.key):
                return False
            self.done.add(row.source, row.row, row.key)
        except ValueError:
            return False  # no result row: judged anew
        return True


def failed(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The responses of a result row that have no reward, each with the reason."""
    for at, reward in enumerate(row["rewards"]):
        if reward["reason"] is not None:
            reason = reward["reason"]
            yield {
                **{name: row.get(name) for name in ("source", "row", "group_id")},
                "response": at,
                "status": reward["status"],
                **{name: reason[name] for name in ("stage", "kind", "message", "retryable")},
            }


def _each(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _locked(path: Path) -> BinaryIO:
    lock = (path / LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StoreError(
            f"another process is at work in {path}",
            hint="wait until it is done, or choose another --out",
        ) from None
    return lock


def _broken(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the run's folder {path} cannot be used: {error}",
        hint="what is written stays; mend it and start the same command again to go on",
    )


class _Replaced:
    """A text file that appears whole, or not at all: written beside, then renamed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside = path.with_name(f".{path.name}.part")

    def __enter__(self) -> Any:
        self._file = self._beside.open("w", encoding="utf-8", newline="\n")
        return self._file

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            with self._file:
                if kind is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
            if kind is None:
                self._beside.replace(self._path)
        finally:
            self._beside.unlink(missing_ok=True)
