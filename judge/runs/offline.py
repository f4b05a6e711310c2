"""One run over a data set: skip what is done, judge, append in input order, sum up.

A run is a folder (see `judge.runs.folder`). Started again, a run goes on where it stopped: a torn
last line is dropped, and groups whose failure trying again can cure are judged anew. However long
the input is, only the groups in flight, and eight bytes a row, are in memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from judge.background import wait_at_home
from judge.errors import EngineUnavailable
from judge.records import plain, result_fields, to_json
from judge.runs.dataset import Row
from judge.runs.folder import FAILURES, MANIFEST, RESULTS, SUMMARY, Again, Folder
from judge.runs.secrets import textless, without_secrets
from judge.runs.summary import Summary
from judge.types import Group, GroupResult

__all__ = ["FAILURES", "MANIFEST", "RESULTS", "SUMMARY", "Ended", "Progress", "Run", "row_key"]
GIVE_UP_AFTER = 20
"""Groups in a row that the engine could not answer at all before a run stops."""
GATHERED = 64
"""Lines that are written at once; fewer where the next group has to be waited for."""


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


class Judging(Protocol):
    """What a run asks: a `RewardModel`, or many (see `judge.runs.distributed`)."""

    async def start(self) -> None:
        """See `RewardModel.start`."""

    async def score_group(self, group: Group) -> GroupResult:
        """See `RewardModel.score_group`."""

    def flush(self) -> None:
        """See `RewardModel.flush`."""


class Flight(NamedTuple):
    """A group in flight."""

    row: Row
    key: str
    task: asyncio.Task[GroupResult]


class Run:
    """One run in one folder, which is held until `judge` has returned.

    Args:
        model: What judges.
        out: The folder; made if it does not exist.
        settings: What the run is, for `plan.json`; a folder with other settings is refused.
        in_flight: Groups judged at the same time.
        again: Which groups are judged anew.
        texts: Whether what the judge wrote is kept in the results.

    Raises:
        ConfigError: The folder holds a run with other settings.
        StoreError: The folder cannot be used, or another process is at work in it.
    """

    def __init__(
        self,
        model: Judging,
        out: Path,
        settings: dict[str, Any],
        *,
        in_flight: int = 64,
        again: Again = "owed",
        texts: bool = True,
    ) -> None:
        self._model = model
        self._in_flight = in_flight
        self._texts = texts
        self._stop = threading.Event()
        self._dead = ""
        self._unanswered = 0
        self._lines: list[bytes] = []
        self.progress = Progress()
        self._folder = Folder(out, plain(settings), again=again)

    def stop(self) -> None:
        """Start no further group; those in flight are finished and written."""
        self._stop.set()

    def judge(self, rows: Iterable[Row], on_progress: Callable[[], None] = lambda: None) -> Ended:
        """Judge what is not done yet and write the summary.

        Args:
            rows: Read one at a time; no more than are in flight are held.
            on_progress: Called after each group.

        Raises:
            ConfigError: A row is wrong; what was judged before it is written.
            EngineUnavailable: The engine does not start, or has stopped answering.
            StoreError: The store or the folder could not be written; what was written stays.
        """
        began = time.monotonic()
        try:
            wait_at_home(self._all(iter(rows), on_progress))
        finally:
            try:
                summary = self._folder.summed()
            finally:
                self._folder.close()
        return Ended(summary, self._stop.is_set(), time.monotonic() - began)

    # --- judging -----------------------------------------------------------------------------

    async def _all(self, rows: Iterator[Row], on_progress: Callable[[], None]) -> None:
        flying: deque[Flight] = deque()
        try:
            try:
                await self._started(rows, flying, on_progress)
            finally:
                while flying:
                    await self._landed(flying)
                    on_progress()
                await self._commit()
        finally:
            for flight in flying:  # only where nothing can be written any more
                flight.task.cancel()
        if self._dead:
            raise EngineUnavailable(
                f"{GIVE_UP_AFTER} groups in a row got no answer; the last: {self._dead}",
                hint="mend the engine and start the same command again: it goes on from here",
            )

    async def _started(
        self, rows: Iterator[Row], flying: deque[Flight], on_progress: Callable[[], None]
    ) -> None:
        done, is_started = self._folder.done, False
        for row in rows:
            if self._stop.is_set():
                break
            key = row_key(row)
            if done.has(row.source, row.number, key):
                self.progress.skipped += 1
                on_progress()
                continue
            done.add(row.source, row.number, key)
            if not is_started:  # where nothing is owed, no engine is loaded
                await self._model.start()
                self.progress.started = time.monotonic()
                is_started = True
            task = asyncio.create_task(self._model.score_group(row.group))
            flying.append(Flight(row, key, task))
            if len(flying) >= self._in_flight:
                await self._landed(flying)
                on_progress()

    async def _landed(self, flying: deque[Flight]) -> None:
        """Take the oldest group's result; what has gathered is written before it is waited for."""
        if not flying[0].task.done() or len(self._lines) >= GATHERED:
            await self._commit()
        row, key, task = flying.popleft()
        result = await task
        self._lines.append(self._line(row, key, result))
        self.progress.groups += 1
        self.progress.calls += result.usage.calls
        self._unanswered = self._unanswered + 1 if unanswered(result) else 0
        if self._unanswered >= GIVE_UP_AFTER:
            self._stop.set()
            self._dead = result.failures[-1].message

    async def _commit(self) -> None:
        """Write the lines that have gathered, after the verdicts they were made of."""
        if self._lines:
            await asyncio.to_thread(self._write, list(self._lines))
            self._lines.clear()

    def _write(self, lines: list[bytes]) -> None:
        self._model.flush()
        self._folder.append(lines)

    def _line(self, row: Row, key: str, result: GroupResult) -> bytes:
        told = without_secrets(result)
        if not self._texts:
            told = textless(told)
        names = [response.id for response in row.group.responses]
        return to_json(
            {
                "source": row.source,
                "row": row.number,
                "key": key,
                **({} if row.label is None else {"label": row.label}),
                **({"systems": names} if any(names) else {}),
                **result_fields(told),
            }
        )


def row_key(row: Row) -> str:
    """Digest of a row's place and content: what makes two rows the same work."""
    group = row.group
    facts = [row.source, row.number, group.id, group.prompt, group.reference, group.context]
    texts = json.dumps(plain([*facts, group.rubric, group.anchor]), sort_keys=True, default=str)
    digest = hashlib.sha256(texts.encode("utf-8", "surrogatepass"))
    for response in group.responses:
        digest.update(response.digest.encode())
    return digest.hexdigest()[:32]


def unanswered(result: GroupResult) -> bool:
    """Whether the engine could not answer at all, so that it may be dead."""
    kinds = {failure.kind for failure in result.failures}
    judged = any(reward.value is not None for reward in result.rewards)
    return not judged and kinds == {"unavailable"}
