"""Judge the same groups here and in actors of Ray, one of which is killed midway; compare.

The groups are scripted pairs, some of which the engine refuses. The first actor that meets the
group in the middle kills itself with SIGKILL. Then:

- every group has one line of results, and every response without a reward one line of failures,
- the lines are those of the run without Ray, seconds apart,
- the two stores hold the same verdicts.

    python scripts/ray_kill.py [--groups 10000] [--actors 2] [--kills 1] [--ray local]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from judge.engines.scripted import ScriptedEngine
from judge.reward_model import RewardModel
from judge.rubrics import parse_rubric
from judge.runs.cluster import Cluster, connected
from judge.runs.dataset import Row
from judge.runs.distributed import RayPool
from judge.runs.folder import FAILURES, RESULTS
from judge.runs.offline import Run
from judge.types import Failure, GenerationRequest, Group, VerdictStore

RUBRIC = parse_rubric(
    {"schema": "rubric/v1", "id": "t/one", "criteria": [{"id": "good", "question": "Good?"}]}
)
STORE, IN_FLIGHT, REFUSED = "verdicts.db", 32, 17


def rows(groups: int) -> Iterator[Row]:
    """Pairs of responses to numbered prompts."""
    for number in range(1, groups + 1):
        group = Group.of(f"prompt #{number}#", [f"one {number}", f"two {number}"], id=str(number))
        yield Row("pairs", number, group, number % 2, None, True)


def respond(lethal: tuple[int, ...], marks: Path) -> Callable[[GenerationRequest], str | Failure]:
    """An engine's function, which ends its process where a lethal group is met for the first time.

    Args:
        lethal: Numbers of groups.
        marks: A folder that says which were met.
    """

    def answer(request: GenerationRequest) -> str | Failure:
        assert request.messages is not None
        number = int(request.messages[-1].content.split("#")[1])
        if number in lethal and not (marks / str(number)).exists():
            (marks / str(number)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if number % REFUSED == 0:
            return Failure("engine", "refused", "no")
        drawn = random.Random(request.id).random()
        return f'{{"critique": "{drawn}", "good": "{"A" if drawn < 0.5 else "B"}"}}'

    return answer


def judged(folder: Path, groups: int, cluster: Cluster | None, kills: int) -> float:
    """Judge all groups into a folder; how long it took, in seconds."""
    folder.mkdir()
    lethal = tuple(groups * kill // (kills + 1) for kill in range(1, kills + 1))
    engine = ScriptedEngine(respond(() if cluster is None else lethal, folder))

    def build(store: VerdictStore | Path) -> RewardModel:
        return RewardModel.build(RUBRIC, recipe="pairwise-win-rate", engine=engine, store=store)

    if cluster is None:
        with build(folder / STORE) as model:
            return Run(model, folder / "run", {}, in_flight=IN_FLIGHT).judge(rows(groups)).seconds
    with (
        connected(cluster),
        RayPool(build, folder / STORE, cluster, in_flight=IN_FLIGHT) as pool,
    ):
        run = Run(pool, folder / "run", {}, in_flight=IN_FLIGHT * cluster.most)
        seconds = run.judge(rows(groups)).seconds
    met = [number for number in lethal if (folder / str(number)).exists()]
    assert len(met) == kills, f"only {met} of {lethal} were met"
    return seconds


def lines(file: Path) -> list[dict[str, Any]]:
    """The lines of a file, without what they took."""
    told = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    for line in told:
        line.get("usage", {}).pop("seconds", None)
    return told


def stored(file: Path) -> set[tuple[Any, ...]]:
    """All rows of a store."""
    with closing(sqlite3.connect(file)) as connection:
        names = [name for (name,) in connection.execute("select name from sqlite_master")]
        assert "verdicts" in names, names
        return set(connection.execute("select * from verdicts"))


def differences(here: Path, spread: Path, groups: int) -> Iterator[str]:
    """What is wrong."""
    found = lines(spread / "run" / RESULTS)
    if [line["row"] for line in found] != list(range(1, groups + 1)):
        yield "rows are missing, doubled or out of order"
    for name in (RESULTS, FAILURES):
        if lines(spread / "run" / name) != lines(here / "run" / name):
            yield f"{name} is not that of the run without Ray"
    if stored(spread / STORE) != stored(here / STORE):
        yield "the stores differ"


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill actors of a distributed run.")
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--actors", type=int, default=2)
    parser.add_argument("--kills", type=int, default=1)
    parser.add_argument("--ray", default="local")
    told = parser.parse_args()
    cluster = Cluster(told.ray, told.actors, told.actors)
    with tempfile.TemporaryDirectory() as name:
        folder, took = Path(name), {}
        for kind, where in (("here", None), ("spread", cluster)):
            began = time.monotonic()
            took[kind] = judged(folder / kind, told.groups, where, told.kills)
            whole = time.monotonic() - began
            rate = told.groups / took[kind]
            print(
                f"{kind}: {told.groups} groups in {took[kind]:.1f} s, {rate:.0f}/s ({whole:.1f} s)"
            )
        wrong = list(differences(folder / "here", folder / "spread", told.groups))
        refused = len(lines(folder / "spread" / "run" / FAILURES))
    for text in wrong:
        print(text)
    if not wrong:
        print(f"killed {told.kills}; all {told.groups} groups are equal, {refused} failures too")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
