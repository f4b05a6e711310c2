from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

import judge.cli.engines
from judge.cli import app
from judge.cli.doctor_scalar import scalar_advice
from judge.cli.engines import CASES, examined
from judge.engines.scripted import ScriptedEngine
from judge.types import Failure, GenerationRequest

runner = CliRunner()
BETTER = {case[1] for case in CASES}


def shown(request: GenerationRequest) -> tuple[str, str]:
    """The turn before the response, and the response."""
    assert request.messages is not None
    return request.messages[-2].content, request.messages[-1].content


class Counted(ScriptedEngine):
    closes = 0

    async def aclose(self) -> None:
        self.closes += 1


def test_a_reward_model_that_knows_is_seen_to() -> None:
    engine = Counted(lambda request: 2.5 if shown(request)[1] in BETTER else -1.5, scalar=True)
    told = examined(engine, "demo/short", 0)
    assert (told["pairs"], told["pairs_right"]) == (len(CASES), len(CASES))
    assert (told["mean_margin"], told["lowest"], told["highest"]) == (4.0, -1.5, 2.5)
    assert (told["largest_change_when_repeated"], told["failures"]) == (0.0, 0)
    assert told["reads_reference"] is False
    assert scalar_advice(told) == []
    assert engine.closes == 1


def test_a_model_with_a_reference_is_shown_the_better_response() -> None:
    engine = ScriptedEngine(
        lambda request: float(shown(request)[0] == shown(request)[1]), scalar=True, reference=True
    )
    told = examined(engine, "demo/short", 0)
    assert (told["pairs_right"], told["reads_reference"]) == (len(CASES), True)


def test_one_that_likes_length_and_drifts_is_found_out() -> None:
    drift: Iterator[int] = iter(range(1000))
    engine = ScriptedEngine(
        lambda request: len(shown(request)[1]) * (1 + 1e-3 * next(drift)), scalar=True
    )
    told = examined(engine, "demo/short", 0)
    longer = sum(len(better) > len(worse) for _, better, worse in CASES)
    assert told["pairs_right"] == longer < len(CASES)
    assert told["largest_change_when_repeated"] > 0.0
    assert "its chat template" in " ".join(scalar_advice({**told, "pairs_right": 4}))


def test_failures_are_reported_and_nothing_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedEngine(lambda request: Failure("engine", "refused", "not today"), scalar=True)
    monkeypatch.setattr(judge.cli.engines, "engine_maker", lambda name: lambda: engine)
    done = runner.invoke(app, ["doctor", "--json"])
    told = json.loads(done.stdout)
    assert (told["pairs_right"], told["mean_margin"], told["lowest"]) == (0, None, None)
    assert told["first_failure"] == "not today"
    done = runner.invoke(app, ["doctor"])
    assert done.exit_code == 0, done.output
    assert "not today" in done.stdout
    assert "nothing was made up" in done.stdout
    assert "label tokens" not in done.stdout
