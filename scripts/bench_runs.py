"""Items a second and peak memory of streamed runs, by their length, with an engine that answers.

Each size is a run in a process of its own: a generator of groups of one response, judged alone by a
scripted engine, with an SQLite store in the run's folder, as `judge run` does it. The rates are of
judging and writing, per second of wall time and of CPU time, which other work on the machine
disturbs less; `resumed` is a second sitting, which finds everything done; the memory is the
process's largest resident size. Small sizes are repeated, so that the start does not count.

    python scripts/bench_runs.py [--sizes 1000,100000] [--no-store]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from judge.engines.scripted import ScriptedEngine
from judge.reward_model import RewardModel
from judge.rubrics import parse_rubric
from judge.runs.dataset import Row
from judge.runs.ids import distinct
from judge.runs.offline import Run
from judge.store import MemoryStore, SQLiteStore
from judge.types import GenerationRequest, Group, VerdictStore

RUBRIC = parse_rubric(
    {"schema": "rubric/v1", "id": "t/one", "criteria": [{"id": "good", "question": "Good?"}]}
)
TEXT = "A text of some length, as an answer is, that goes on for a while. " * 8
MIB = 1024.0
LEAST = 5_000
"""Items that are judged at least, by repeating smaller sizes."""


def answer(request: GenerationRequest) -> str:
    """A verdict."""
    return '{"critique": "It answers what was asked, and says why.", "good": 2}'


def rows(size: int) -> Iterator[Row]:
    """The data, made as it is read."""
    for number in range(1, size + 1):
        group = Group.of(f"prompt {number}", [f"{number} {TEXT}"], id=f"item-{number}")
        yield Row("stream", number, group, None, None, True)


def sitting(folder: Path, size: int, store: VerdictStore) -> tuple[float, float]:
    """Judge what is not done; seconds of wall and of CPU time."""
    model = RewardModel.build(RUBRIC, engine=ScriptedEngine(answer), store=store)
    with model:
        run = Run(model, folder, {})
        began, worked = time.perf_counter(), time.process_time()
        run.judge(distinct(rows(size)))
        return time.perf_counter() - began, time.process_time() - worked


def once(size: int, keep: bool) -> tuple[tuple[float, float], tuple[float, float]]:
    """A run and its second sitting."""
    with tempfile.TemporaryDirectory() as place:
        store = SQLiteStore(Path(place) / "verdicts.db") if keep else MemoryStore()
        first = sitting(Path(place), size, store)
        second = sitting(Path(place), size, store)
        store.close()
    return first, second


def measure(size: int, keep: bool) -> None:
    """Measure one size and print a line."""
    once(LEAST // 10, keep)
    times = [once(size, keep) for _ in range(max(1, LEAST // size))]
    wall, cpu = (statistics.median(first[k] for first, _ in times) for k in range(2))
    again = statistics.median(second[0] for _, second in times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    print(
        f"{size:9,} items: {size / wall:8,.0f}/s, {size / cpu:8,.0f}/s of CPU, resumed"
        f" {size / again:9,.0f}/s, peak {peak:6,.0f} MiB",
        flush=True,
    )


def main() -> None:
    """Measure all sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,100000")
    parser.add_argument("--no-store", action="store_true")
    options = parser.parse_args()
    for size in map(int, options.sizes.split(",")):
        child = os.fork()
        if not child:
            code = 1
            try:
                measure(size, not options.no_store)
                code = 0
            finally:
                os._exit(code)
        if os.waitpid(child, 0)[1]:
            raise SystemExit(f"{size} items failed")


if __name__ == "__main__":
    main()
