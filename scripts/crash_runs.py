"""Kill runs at random moments, break their disk, set two on one folder; then see what is left.

A run of scripted pairs is started in a process of its own, killed with SIGKILL after a random time,
and started again, until it is done; now and then its disk is "full" or "read-only" from some write
on (ENOSPC and EROFS, raised where the program writes; half a line may be left), or no file may grow
further (RLIMIT_FSIZE, a real error of the kernel), or a second process is started on the same
folder. After every end:

- every verdict of a whole line of results is in the store (it was reported as written),
- no row is there twice, and the store is sound,
- no call is made again whose verdict is in the store.

Once it is done, the results must equal those of a run that nothing has disturbed.

    python scripts/crash_runs.py [--kills 50] [--groups 120] [--seed 0]
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import os
import random
import resource
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from judge.engines.scripted import ScriptedEngine
from judge.errors import StoreError
from judge.reward_model import RewardModel
from judge.rubrics import parse_rubric
from judge.runs import folder as folder_module
from judge.runs.dataset import Row
from judge.runs.folder import RESULTS
from judge.runs.offline import Run
from judge.store import sqlite as store_module
from judge.store.rows import key_digest
from judge.types import Failure, Generation, GenerationRequest, Group

RUBRIC = parse_rubric(
    {"schema": "rubric/v1", "id": "t/one", "criteria": [{"id": "good", "question": "Good?"}]}
)
STORE, CALLS = "verdicts.db", "calls"
DONE, REFUSED, BROKEN = 0, 3, 4
FAULTS = ("ENOSPC", "EROFS", "limit", "two")
"""What is tried between kills."""


class LoggingEngine(ScriptedEngine):
    """Takes its time, and notes each call in a file before it answers."""

    def __init__(self, log: Path, delay_s: float) -> None:
        super().__init__(self._verdict, name="crash")
        self._log = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        self._delay_s = delay_s

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation | Failure]:
        """Note, wait, answer."""
        for request in requests:
            os.write(self._log, f"{request.id}\n".encode())
        await asyncio.sleep(self._delay_s * random.Random(requests[0].id).random())
        return await super().generate(requests)

    def _verdict(self, request: GenerationRequest) -> str:
        drawn = random.Random(request.id).random()
        return f'{{"critique": "{"x" * 200}", "good": "{"A" if drawn < 0.5 else "B"}"}}'


def rows(groups: int) -> list[Row]:
    """The data."""
    made = [Group.of(f"prompt {k}", ["short", f"longer {k}", "third"]) for k in range(groups)]
    return [Row("data", number, group, None) for number, group in enumerate(made, 1)]


def sitting(folder: Path, groups: int, fault: str, when: int) -> int:
    """One sitting, in this process; its exit code."""
    if fault in ("ENOSPC", "EROFS"):
        break_writes(getattr(errno, fault), when)
    if fault == "limit":
        most = max(path.stat().st_size for path in folder.iterdir()) if folder.exists() else 0
        size = most + 2_000 * (when + 1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    folder.mkdir(parents=True, exist_ok=True)
    engine = LoggingEngine(folder / CALLS, 0.01)
    model = RewardModel.build(
        RUBRIC, recipe="pairwise-win-rate", engine=engine, store=folder / STORE
    )
    try:
        with model:
            Run(model, folder, {"what": "crash"}, in_flight=8).judge(rows(groups))
    except StoreError as error:
        return REFUSED if "another process" in str(error) else BROKEN
    return DONE


def break_writes(code: int, when: int) -> None:
    """Let every write to results and store fail from the `when`-th on; half a line is left."""
    writes = 0

    def broken() -> bool:
        nonlocal writes
        writes += 1
        return writes > when

    append, put_all = folder_module.os.fsync, store_module.put_all

    def fsync(descriptor: int) -> None:
        if broken():
            os.ftruncate(descriptor, max(0, os.fstat(descriptor).st_size - 40))
            raise OSError(code, os.strerror(code))
        append(descriptor)

    def put(connection: sqlite3.Connection, given: Any) -> None:
        if broken():
            raise OSError(code, os.strerror(code))
        put_all(connection, given)

    folder_module.os.fsync = fsync  # type: ignore[assignment]
    store_module.put_all = put


def started(folder: Path, groups: int, fault: str = "", when: int = 0) -> int:
    """Start a sitting in a process of its own; its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        code = sitting(folder, groups, fault, when)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def ended(child: int) -> int:
    """Wait for a process; its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def stored(folder: Path) -> set[bytes]:
    """The digests of the store's keys; it must be sound."""
    path = folder / STORE
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not store.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return set()
        return {key for (key,) in store.execute("SELECT key FROM verdicts")}


def results(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of the results, without what it cost."""
    path = folder / RESULTS
    raw = path.read_bytes() if path.exists() else b""
    found = [json.loads(line) for line in raw[: raw.rfind(b"\n") + 1].splitlines()]
    for row in found:
        row["usage"] = None
        del row["metrics"]["calls"], row["metrics"]["stored"]
    return found


def calls(folder: Path) -> list[str]:
    """The keys of all calls made so far."""
    path = folder / CALLS
    return path.read_text().split() if path.exists() else []


class Watched:
    """A folder that is looked at after each end of a process."""

    def __init__(self, folder: Path, groups: int) -> None:
        self.folder = folder
        self.groups = groups
        self._stored: set[bytes] = set()
        self._calls = 0

    def look(self) -> None:
        """See that nothing is lost, doubled or asked again."""
        now, made = stored(self.folder), calls(self.folder)
        again = self._stored.intersection(map(key_digest, made[self._calls :]))
        assert not again, f"{len(again)} stored verdicts were asked for again"
        assert self._stored <= now, "verdicts are gone from the store"
        found = results(self.folder)
        numbers = [row["row"] for row in found]
        assert len(numbers) == len(set(numbers)), "a row is there twice"
        reported = {key_digest(verdict["call"]) for row in found for verdict in row["verdicts"]}
        assert reported <= now, f"{len(reported - now)} reported verdicts are lost"
        assert len(reported) == 6 * len(found)
        self._stored, self._calls = now, len(made)

    def is_done(self) -> bool:
        """Whether all rows have a result."""
        return len(results(self.folder)) == self.groups


def disturbed(watched: Watched, fault: str, chance: random.Random) -> str:
    """One sitting that is disturbed; how it ended."""
    folder, groups = watched.folder, watched.groups
    if fault == "two":
        children = [started(folder, groups) for _ in range(2)]
        codes = sorted(ended(child) for child in children)
        assert codes in ([DONE, REFUSED], [DONE, DONE]), codes
        return "two at once"
    if fault:
        code = ended(started(folder, groups, fault, chance.randrange(12)))
        assert code in (BROKEN, DONE), code
        return f"{fault}: {'stopped' if code == BROKEN else 'done before'}"
    child = started(folder, groups)
    time.sleep(chance.random() * 0.35)
    os.kill(child, signal.SIGKILL)
    code = ended(child)
    assert code in (-signal.SIGKILL, DONE), code
    return "killed" if code else "done before"


def main() -> None:
    """Disturb runs until enough were killed, and compare each with one that was not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--groups", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance, ends = random.Random(options.seed), Counter[str]()
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "whole"
        assert ended(started(whole, options.groups)) == DONE
        expected, runs = results(whole), 0
        assert len(expected) == options.groups
        while ends["killed"] < options.kills:
            runs += 1
            watched = Watched(Path(place) / f"run{runs}", options.groups)
            faults = chance.sample(FAULTS, len(FAULTS))
            while not watched.is_done() and ends["killed"] < options.kills:
                wanted = faults.pop() if faults and chance.random() < 0.4 else ""
                ends[disturbed(watched, wanted, chance)] += 1
                watched.look()
            assert ended(started(watched.folder, options.groups)) == DONE
            watched.look()
            assert results(watched.folder) == expected, "the results differ"
    told = ", ".join(f"{name} {count}" for name, count in sorted(ends.items()))
    print(f"{runs} runs: {told}; all ended equal, nothing lost, doubled or asked again")


if __name__ == "__main__":
    main()
