import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from judge.cli import app
from judge.engines.scripted import ScriptedEngine
from judge.types import Failure, Generation, GenerationRequest

TEXTS = ("tiny", "a middling text", "by far the longest text")
"""How the systems' responses begin, from worst to best."""


class CountingJudge(ScriptedEngine):
    """Prefers the longer response of a pair, and alone likes what is long; counts its calls."""

    def __init__(self) -> None:
        super().__init__(self._longer, name="counting")
        self.asked: list[str] = []
        self.fails: Callable[[str], Failure | None] = lambda shown: None

    def _longer(self, request: GenerationRequest) -> str | Generation | Failure:
        assert request.messages is not None
        shown = request.messages[-1].content
        self.asked.append(shown)
        failure = self.fails(shown)
        if failure is not None:
            return failure
        codes = request.read_after[0][1]
        if "A" in codes:
            there = [(shown.find(text), rank) for rank, text in enumerate(TEXTS) if text in shown]
            (_, first), (_, second) = sorted(there)
            code = "A" if first > second else "B"
        else:
            code = codes[-1] if "longest" in shown else codes[0]
        said = [
            f"{marker}{code}{chr(34) if marker.endswith(chr(34)) else ''}"
            for marker, _ in request.read_after
        ]
        return '{"critique": "SECRETTEXT", ' + ", ".join(said) + "}"


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> CountingJudge:
    """The engine that every name stands for."""
    engine = CountingJudge()
    monkeypatch.setattr("judge.reward_model.engine_maker", lambda name: lambda: engine)
    return engine


Command = Callable[..., Any]


@pytest.fixture
def command(counting: CountingJudge) -> Command:
    """Runs a command line; an error of ours is raised."""

    def run(*arguments: object, code: int = 0) -> Any:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done

    return run


@pytest.fixture
def three_systems(tmp_path: Path) -> Path:
    """Twelve prompts, three systems: `big` writes more than `mid`, and that more than `low`."""
    path = tmp_path / "systems.jsonl"
    rows = [
        {
            "id": f"g{k}",
            "prompt": f"prompt {k}",
            "low": "tiny",
            "mid": f"a middling text {k}",
            "big": f"by far the longest text of all three {k}" * 2,
            "label": "big" if k % 4 else "mid",
        }
        for k in range(12)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def judged(command: Command, three_systems: Path, tmp_path: Path) -> Path:
    """The folder of a finished run over `three_systems`."""
    folder = tmp_path / "run"
    command(*arguments(three_systems), "--out", folder)
    return folder


def arguments(data: Path, recipe: str = "pairwise-win-rate") -> list[Any]:
    """Of `judge run` over `three_systems`."""
    named = ["--map", "responses=low,mid,big", "--rubric", "demo/short", "--recipe", recipe]
    return ["run", data, *named]


@pytest.fixture
def run_arguments(three_systems: Path) -> Callable[..., list[Any]]:
    """As `arguments`."""
    return lambda recipe="pairwise-win-rate": arguments(three_systems, recipe)


@pytest.fixture
def rows_of() -> Callable[[Path], list[dict[str, Any]]]:
    """Result rows without what differs between equal runs."""

    def read(folder: Path) -> list[dict[str, Any]]:
        lines = (folder / "results.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        for row in rows:
            row["usage"] = row["record"]["engine_name"] = None
            del row["metrics"]["calls"], row["metrics"]["stored"]
        return sorted(rows, key=lambda row: (row["source"], row["row"]))

    return read
