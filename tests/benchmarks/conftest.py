"""Where the recorded data is, and short ways to write items and verdicts."""

import json
import os
from pathlib import Path

import pytest

from judge.benchmarks.items import TIED, Game, Judged
from judge.benchmarks.schema import Metric

DATA = Path(os.environ.get("JUDGE_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(scope="session")
def recorded():
    """Folder of a recorded data set, by name."""

    def find(name):
        if not (DATA / name).is_dir():
            pytest.skip(f"the recorded data {name} is not beside the project (JUDGE_DATA)")
        return DATA / name

    return find


@pytest.fixture(scope="session")
def told():
    """`Judged` of values, or of winners in the own order and the swapped one."""
    count = iter(range(10**6))

    def make(
        values=(), winners=(), truth=(1.0, 0.0), *, id=None, subset="all", cluster=None, **more
    ):
        name = id or f"item-{next(count)}"
        sides = {0: 0, 1: 1, "tie": TIED, None: None}
        games = tuple(Game(at, 1 - at, sides[one]) for at, one in enumerate(winners))
        fields = (name, subset, cluster or name, tuple(truth), tuple(values), games)
        return Judged(*fields, more.pop("alone", not games), **more)

    return make


@pytest.fixture(scope="session")
def metric():
    """A metric of a rule."""
    return lambda rule="pair", **settings: Metric(rule=rule, **settings)


@pytest.fixture
def planted(tmp_path):
    """Writes rows as JSONL, or as one JSON array."""

    def write(name, rows):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(row) for row in rows]
        text = "[" + ",".join(lines) + "]" if path.suffix == ".json" else "\n".join(lines) + "\n"
        path.write_text(text)
        return path

    return write
