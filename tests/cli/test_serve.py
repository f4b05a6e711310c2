import re
import signal
import subprocess
import sys

import httpx
import pytest
from typer.testing import CliRunner

import judge.server
from judge.calibration import Calibration
from judge.cli import app
from judge.engines.replay import RecordingEngine
from judge.engines.scripted import ScriptedEngine
from judge.errors import ConfigError
from judge.reward_model import RewardModel
from judge.types import Group

runner = CliRunner()
RUBRIC = ["--rubric", "demo/short"]


class Silent(ScriptedEngine):
    """An engine that knows nothing."""

    def __init__(self):
        super().__init__(lambda request: "")


@pytest.fixture
def engine(monkeypatch):
    """What every engine's name makes."""
    made = Silent()
    monkeypatch.setattr("judge.reward_model.engine_maker", lambda name: lambda: made)
    monkeypatch.delenv("JUDGE_TOKEN", raising=False)
    return made


@pytest.fixture
def asked(monkeypatch, engine):
    """How the server was asked to run, in place of running it."""
    calls = []
    monkeypatch.setattr(judge.server, "serve", lambda models, **told: calls.append((models, told)))
    return calls


def test_options_become_settings(asked, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "s3")
    options = ["--host", "0.0.0.0", "--port", "0", "--token-env", "MY_TOKEN", "--group-size", "8"]
    limits = ["--requests", "9", "--deadline", "7", "--drain", "5", "--body-timeout", "3"]
    done = runner.invoke(app, ["serve", *RUBRIC, *options, *limits, "--max-body", "2"])
    assert done.exit_code == 0, done.output
    ((models, told),) = asked
    assert list(models) == ["pointwise"]
    assert (told["host"], told["port"], told["token"]) == ("0.0.0.0", 0, "s3")
    assert told["group_size"] == 8
    told = told["limits"]
    assert (told.concurrency, told.queue, told.max_body_bytes) == (9, 9, 2 * 2**20)
    assert (told.deadline_s, told.drain_s, told.body_timeout_s) == (7.0, 5.0, 3.0)


def test_every_recipe_is_calibrated(asked, tmp_path):
    made = Calibration(order_effect=0.5)
    (tmp_path / "c.json").write_text(made.to_json())
    words = ["--recipe", "pairwise-win-rate", "--calibration", str(tmp_path / "c.json")]
    done = runner.invoke(app, ["serve", *RUBRIC, *words])
    assert done.exit_code == 0, done.output
    ((models, _),) = asked
    assert [model.calibration for model in models.values()] == [made]


def test_several_recipes_share_one_engine(asked, monkeypatch):
    made = []
    monkeypatch.setattr("judge.cli.serve.load_engine", lambda name: made.append(name) or Silent())
    monkeypatch.setattr("judge.reward_model.engine_maker", lambda name: pytest.fail(name))
    recipes = ["--recipe", "pairwise-win-rate", "--recipe", "pointwise"]
    assert runner.invoke(app, ["serve", *RUBRIC, *recipes]).exit_code == 0
    ((models, told),) = asked
    assert list(models) == ["pairwise-win-rate", "pointwise"]
    assert made == ["embedded"]
    assert (told["host"], told["token"]) == ("127.0.0.1", None)


def test_each_recipe_takes_the_engines_of_its_roles(asked, monkeypatch):
    monkeypatch.setattr("judge.cli.serve.load_engine", lambda name: Silent())
    recipes = ["--recipe", "cascade", "--recipe", "pointwise"]
    engines = ["--engine", "vllm:a", "--engine", "strong=vllm:b"]
    done = runner.invoke(app, ["serve", *RUBRIC, *recipes, *engines])
    assert done.exit_code == 0, done.exception
    ((models, _),) = asked
    assert list(models) == ["cascade", "pointwise"]
    stray = runner.invoke(app, ["serve", *RUBRIC, *recipes, *engines, "--engine", "third=vllm:c"])
    assert "the roles ['third'], which no recipe uses" in str(stray.exception)
    few = runner.invoke(app, ["serve", *RUBRIC, *recipes, "--engine", "vllm:a"])
    assert "uses judge and strong" in str(few.exception)


@pytest.mark.usefixtures("engine")
def test_other_machines_are_not_served_without_a_token():
    done = runner.invoke(app, ["serve", *RUBRIC, "--host", "0.0.0.0"])
    assert isinstance(done.exception, ConfigError)
    assert "no token" in str(done.exception)


@pytest.mark.usefixtures("engine")
def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "judge.server", None)
    done = runner.invoke(app, ["serve", *RUBRIC])
    assert isinstance(done.exception, ConfigError)
    assert "judge-rm[serve]" in done.exception.hint


def test_importing_the_command_line_loads_no_server():
    code = "import judge.cli, sys; print([m for m in ('fastapi', 'uvicorn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_serves_and_stops(tmp_path, coded_engine):
    recorded = tmp_path / "recorded.jsonl"
    group = Group.of("p", ["a"])
    with RewardModel.build("demo/short", engine=RecordingEngine(coded_engine(), recorded)) as model:
        values = model.score([group])[0].values
    engine = ["--engine", f"replay:{recorded}", "--port", "0"]
    command = [sys.executable, "-m", "judge", "serve", *RUBRIC, *engine]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = ""
            while "serving on" not in said:
                line = process.stderr.readline()
                assert line, said
                said += line
            url = re.search(r"serving on (\S+)", said)[1]
            assert httpx.get(f"{url}/health").json()["recipes"] == ["pointwise"]
            answer = httpx.post(f"{url}/v1/score_group", json={"prompt": "p", "responses": ["a"]})
            assert (answer.status_code, answer.json()["values"]) == (200, values)
            assert None not in values
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert "stopped" in process.stderr.read()
        finally:
            process.kill()
