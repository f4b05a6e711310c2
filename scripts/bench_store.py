"""Verdicts a second that a store keeps and answers, on one core.

Every verdict is a pair with two criteria and a critique of 300 characters. "Warm" means that the
file was written before and is opened anew; keys are asked for in random order, as calls come. Rates
are per second of wall time and of CPU time, which other work on the machine disturbs less.

    python scripts/bench_store.py [--verdicts 100000]
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from judge.store import FileStore, MemoryStore, SQLiteStore
from judge.types import CriterionVerdict, Pairwise, VerdictStore

CRITIQUE = "The first answer names its sources and the second does not. " * 5


def verdict(k: int) -> Pairwise:
    """The k-th verdict."""
    p = 0.1 + 0.8 * (k % 97) / 97
    parts = tuple(CriterionVerdict(name, 2, p, (1 - p, 0.0, p)) for name in ("right", "clear"))
    return Pairwise(k % 8, 8, p, 0.0, 1 - p, parts, critique=CRITIQUE, raw=CRITIQUE)


def key(k: int) -> str:
    """A key as long as a pair's."""
    return f"{k:064x}.{k * 7919:032x}.{k * 104729:032x}"


def measured(what: Callable[[], None], count: int) -> str:
    """How many a second of wall and of CPU time."""
    began, worked = time.perf_counter(), time.process_time()
    what()
    wall, cpu = time.perf_counter() - began, time.process_time() - worked
    return f"{count / wall:10,.0f}/s {count / cpu:10,.0f}/s of CPU"


def run(name: str, opened: Callable[[], VerdictStore], count: int) -> None:
    """Measure one store and print a line."""
    verdicts = [(key(k), verdict(k)) for k in range(count)]
    store = opened()

    def put() -> None:
        for one in verdicts:
            store.put(*one)
        store.flush()

    written = measured(put, count)
    if not isinstance(store, MemoryStore):
        store.close()
        store = opened()
    random.Random(0).shuffle(verdicts)

    def get() -> None:
        for wanted, expected in verdicts:
            assert store.get(wanted) == expected

    print(f"{name:8} put {written}   warm get {measured(get, count)}")
    store.close()


def main() -> None:
    """Measure all stores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verdicts", type=int, default=100_000)
    count = parser.parse_args().verdicts
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        run("memory", lambda: MemoryStore(2 * count), count)
        run("jsonl", lambda: FileStore(Path(folder) / "s.jsonl"), count)
        run("sqlite", lambda: SQLiteStore(Path(folder) / "s.db"), count)


if __name__ == "__main__":
    main()
