"""One run over a data set: skip what is done, judge, append in input order, sum up.

A run is a folder: `run.json` says what was judged with what, `results.jsonl` has one group a line,
`summary.json` is computed from the results. Started again, a run goes on where it stopped: a torn
last line is dropped, and groups whose failure trying again can cure are judged anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from judge.background import wait_at_home
from judge.errors import ConfigError, EngineUnavailable, StoreError
from judge.records import plain, result_row, to_line
from judge.reward_model import RewardModel
from judge.runs.dataset import Row
from judge.runs.summary import Summary
from judge.types import GroupResult

RESULTS, MANIFEST, SUMMARY = "results.jsonl", "run.json", "summary.json"
GIVE_UP_AFTER = 20
"""Groups in a row that the engine could not answer at all before a run stops."""


@dataclass(slots=True)
class Progress:
    """What has been done in this sitting; read by a progress bar."""

    skipped: int = 0
    groups: int = 0
    calls: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def calls_per_s(self) -> float:
        """Judge calls a second in this sitting."""
        return self.calls / max(1e-9, time.monotonic() - self.started)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    summary: Summary
    stopped: bool
    """Whether it was asked to stop before the data set's end."""
    seconds: float


class Run:
    """One run in one folder.

    Args:
        model: What judges.
        out: The folder; made if it does not exist.
        settings: What the run is, for `run.json`; a folder with other settings is refused.
        in_flight: Groups judged at the same time.

    Raises:
        ConfigError: The folder holds a run with other settings.
        StoreError: The folder cannot be used.
    """

    def __init__(
        self, model: RewardModel, out: Path, settings: dict[str, Any], *, in_flight: int = 64
    ) -> None:
        self._model = model
        self._out = out
        self._in_flight = in_flight
        self._stop = threading.Event()
        self._dead = ""
        self.progress = Progress()
        try:
            out.mkdir(parents=True, exist_ok=True)
            self._manifest(plain(settings))
            self._done = self._kept_rows()
        except OSError as error:
            raise StoreError(f"{out} cannot be used: {error}") from error

    def stop(self) -> None:
        """Start no further group; those in flight are finished and written."""
        self._stop.set()

    def judge(self, rows: Iterable[Row], on_progress: Callable[[], None] = lambda: None) -> Ended:
        """Judge what is not done yet and write the summary.

        Raises:
            ConfigError: A row is wrong; what was judged before it is written.
            EngineUnavailable: The engine does not start, or has stopped answering.
        """
        began = time.monotonic()
        try:
            wait_at_home(self._all(iter(rows), on_progress))
        finally:
            summary = self._summed()
        return Ended(summary, self._stop.is_set(), time.monotonic() - began)

    # --- the folder --------------------------------------------------------------------------

    def _manifest(self, settings: dict[str, Any]) -> None:
        path = self._out / MANIFEST
        if path.exists():
            before = json.loads(path.read_text("utf-8"))
            differs = sorted(k for k in {*before, *settings} if before.get(k) != settings.get(k))
            if differs:
                raise ConfigError(
                    f"{self._out} holds a run with another {', '.join(differs)}",
                    hint="choose another --out, or the same settings to go on",
                )
        else:
            _replace(path, [json.dumps(settings, indent=1, ensure_ascii=False)])

    def _kept_rows(self) -> set[str]:
        """Keys of finished groups; the file is rewritten without torn and owed lines."""
        path = self._out / RESULTS
        if not path.exists():
            path.touch()
            return set()
        kept, done, dropped = [], set(), False
        with path.open("rb") as file:
            for line in file:
                key = _finished(line)
                if key is None or key in done:
                    dropped = True
                    continue
                done.add(key)
                kept.append(line.decode("utf-8").rstrip("\n"))
        if dropped:
            _replace(path, kept)
        return done

    def _summed(self) -> Summary:
        with (self._out / RESULTS).open("rb") as file:
            summary = Summary.of(json.loads(line) for line in file)
        _replace(self._out / SUMMARY, [json.dumps(summary.as_dict(), indent=1)])
        return summary

    # --- judging -----------------------------------------------------------------------------

    async def _all(self, rows: Iterator[Row], on_progress: Callable[[], None]) -> None:
        await self._model.start()
        self.progress.started = time.monotonic()
        flying: deque[tuple[Row, str, asyncio.Task[GroupResult]]] = deque()
        dead = 0
        with (self._out / RESULTS).open("a", encoding="utf-8") as file:
            try:
                for row in rows:
                    if self._stop.is_set():
                        break
                    key = row_key(row)
                    if key in self._done:
                        self.progress.skipped += 1
                        on_progress()
                        continue
                    self._done.add(key)
                    task = asyncio.create_task(self._model.score_group(row.group))
                    flying.append((row, key, task))
                    if len(flying) >= self._in_flight:
                        dead = await self._written(flying.popleft(), file, dead)
                        on_progress()
            finally:
                while flying:
                    dead = await self._written(flying.popleft(), file, dead)
                    on_progress()
        if self._dead:
            raise EngineUnavailable(
                f"{GIVE_UP_AFTER} groups in a row got no answer; the last: {self._dead}",
                hint="mend the engine and start the same command again: it goes on from here",
            )

    async def _written(
        self, flight: tuple[Row, str, asyncio.Task[GroupResult]], file: Any, dead: int
    ) -> int:
        row, key, task = flight
        result = await task
        line = {
            "source": row.source,
            "row": row.number,
            "key": key,
            **({} if row.label is None else {"label": row.label}),
            **result_row(result),
        }
        file.write(to_line(line) + "\n")
        file.flush()
        self.progress.groups += 1
        self.progress.calls += result.usage.calls
        dead = dead + 1 if _unanswered(result) else 0
        if dead >= GIVE_UP_AFTER:
            self._stop.set()
            self._dead = result.failures[-1].message
        return dead


def row_key(row: Row) -> str:
    """Digest of a row's place and content: what makes two rows the same work."""
    group = row.group
    facts = [row.source, row.number, group.id, group.prompt, group.reference, group.context]
    texts = json.dumps(plain([*facts, group.rubric, group.anchor]), sort_keys=True, default=str)
    digest = hashlib.sha256(texts.encode("utf-8", "surrogatepass"))
    for response in group.responses:
        digest.update(response.digest.encode())
    return digest.hexdigest()[:32]


def _finished(line: bytes) -> str | None:
    """The key of a whole result row that owes nothing; None for a torn or an owed one."""
    if not line.endswith(b"\n"):
        return None
    try:
        row = json.loads(line)
        reasons = [reward["reason"] for reward in row["rewards"]]
        owed = any(reason is not None and reason["retryable"] for reason in reasons)
        return None if owed else str(row["key"])
    except (ValueError, KeyError, TypeError):
        return None


def _unanswered(result: GroupResult) -> bool:
    kinds = {failure.kind for failure in result.failures}
    judged = any(reward.value is not None for reward in result.rewards)
    return not judged and kinds == {"unavailable"}


def _replace(path: Path, lines: Iterable[str]) -> None:
    """Write a file whole: beside it first, then renamed over it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
