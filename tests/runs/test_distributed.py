"""With a real Ray cluster on this machine, which all tests of the file share."""

import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from judge.engines.metered import Meter
from judge.engines.scripted import ScriptedEngine
from judge.errors import ConfigError, EngineUnavailable
from judge.reward_model import RewardModel
from judge.rubrics import parse_rubric
from judge.runs.cluster import Cluster, connected
from judge.runs.distributed import RayPool
from judge.runs.offline import Ended, Run
from judge.types import Failure, GenerationRequest, VerdictStore

pytest.importorskip("ray")
SCRIPT = Path(__file__).parents[2] / "scripts" / "ray_kill.py"
RUBRIC = parse_rubric(
    {"schema": "rubric/v1", "id": "t/one", "criteria": [{"id": "good", "question": "Good?"}]}
)
Respond = Callable[[GenerationRequest], str | Failure]
ONE, TWO = Cluster(), Cluster(least=2, most=2)
GOOD = '{"critique": "-", "good": "A"}'


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ray_kill", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ray_kill"] = module
    spec.loader.exec_module(module)
    return module


ray_kill = _script()


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    from ray import cloudpickle

    for module in (sys.modules[__name__], ray_kill):
        cloudpickle.register_pickle_by_value(module)  # actors cannot import what is here
    with connected(TWO):
        yield


def pool(folder: Path, respond: Respond, cluster: Cluster = ONE, **options: object) -> RayPool:
    def build(store: VerdictStore) -> RewardModel:
        engine = ScriptedEngine(respond)
        return RewardModel.build(RUBRIC, recipe="pairwise-win-rate", engine=engine, store=store)

    return RayPool(build, folder / "verdicts.db", cluster, **options)  # type: ignore[arg-type]


def run(held: RayPool, folder: Path, groups: int = 20, in_flight: int = 8) -> Ended:
    with held:
        work = Run(held, folder / "run", {}, in_flight=in_flight)
        return work.judge(ray_kill.rows(groups))


def number(request: GenerationRequest) -> int:
    assert request.messages is not None
    return int(request.messages[-1].content.split("#")[1])


def noted(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def noting(file: Path) -> Respond:
    def answer(request: GenerationRequest) -> str:
        with file.open("a") as log:
            log.write(f"{os.getpid()}\n")
        return GOOD

    return answer


def test_with_an_actor_killed_midway_results_are_those_of_a_run_without_ray(
    tmp_path: Path,
) -> None:
    here, spread = tmp_path / "here", tmp_path / "spread"
    ray_kill.judged(here, 300, None, 1)
    ray_kill.judged(spread, 300, TWO, 1)
    assert list(ray_kill.differences(here, spread, 300)) == []
    lines = (spread / "run" / "results.jsonl").read_text().splitlines()
    (spread / "run" / "results.jsonl").write_text("".join(f"{x}\n" for x in [*lines, lines[0]]))
    assert len(list(ray_kill.differences(here, spread, 300))) == 2


def test_what_is_stored_is_not_asked_again(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    run(pool(tmp_path, noting(calls)), tmp_path, 5)
    assert len(noted(calls)) == 10
    (tmp_path / "run" / "results.jsonl").unlink()
    ended = run(pool(tmp_path, noting(calls)), tmp_path, 7)
    assert len(noted(calls)) == 14
    assert (ended.summary.groups, ended.summary.calls) == (7, 4)


def test_a_group_that_kills_its_actors_has_no_reward_and_the_others_have(tmp_path: Path) -> None:
    def answer(request: GenerationRequest) -> str:
        if number(request) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return GOOD

    ended = run(pool(tmp_path, answer), tmp_path, 4, in_flight=4)
    assert (ended.summary.groups, ended.summary.judged) == (4, 6)
    assert ended.summary.failures == {"unavailable": 2}
    again = run(pool(tmp_path, lambda request: GOOD), tmp_path, 4)
    assert (again.summary.groups, again.summary.judged) == (4, 8)


def test_an_actor_whose_engine_is_silent_is_replaced(tmp_path: Path) -> None:
    def answer(request: GenerationRequest) -> str | Failure:
        first = tmp_path / "first"
        if not first.exists():
            first.write_text(str(os.getpid()))
        if first.read_text() == str(os.getpid()):
            return Failure("engine", "unavailable", "dead", retryable=True)
        return GOOD

    ended = run(pool(tmp_path, answer), tmp_path, 20, in_flight=1)
    assert (ended.summary.groups, ended.summary.judged) == (20, 40)


def test_an_engine_that_no_actor_can_use_ends_the_run(tmp_path: Path) -> None:
    def answer(request: GenerationRequest) -> Failure:
        return Failure("engine", "unavailable", "nobody there", retryable=True)

    with pytest.raises(EngineUnavailable, match="no actor gets an answer; the last: nobody there"):
        run(pool(tmp_path, answer), tmp_path, 60)


class Broken(ScriptedEngine):
    async def start(self) -> None:
        raise ConfigError("no such model", hint="name another")


class Deadly(ScriptedEngine):
    async def start(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("made", "error", "said"),
    [
        (Broken, ConfigError, "^no such model\n  hint: name another$"),
        (Deadly, EngineUnavailable, "3 actors in a row died while they started"),
    ],
)
def test_an_engine_that_does_not_start_is_told_as_without_ray(
    tmp_path: Path, made: type[ScriptedEngine], error: type[Exception], said: str
) -> None:
    def build(store: VerdictStore) -> RewardModel:
        engine = made(lambda request: GOOD)
        return RewardModel.build(RUBRIC, recipe="pairwise-win-rate", engine=engine, store=store)

    with pytest.raises(error, match=said):
        run(RayPool(build, tmp_path / "verdicts.db", ONE), tmp_path)


@pytest.mark.parametrize("dies", [True, False])
def test_a_run_goes_on_with_the_actors_that_start(tmp_path: Path, dies: bool) -> None:
    class Lonely(ScriptedEngine):
        async def start(self) -> None:
            try:
                (tmp_path / "first").touch(exist_ok=False)
            except FileExistsError:
                if dies:
                    os.kill(os.getpid(), signal.SIGKILL)
                raise ConfigError("no room for another") from None

    def answer(request: GenerationRequest) -> str:
        if number(request) == 1:
            time.sleep(0.5)  # until the second one has been tried
        return GOOD

    def build(store: VerdictStore) -> RewardModel:
        engine = Lonely(answer)
        return RewardModel.build(RUBRIC, recipe="pairwise-win-rate", engine=engine, store=store)

    held = RayPool(build, tmp_path / "verdicts.db", Cluster(most=2), in_flight=1)
    assert run(held, tmp_path, 20, in_flight=2).summary.judged == 40


def test_a_budget_holds_for_all_actors_together(tmp_path: Path) -> None:
    calls, meter = tmp_path / "calls", Meter(13)
    run(pool(tmp_path, noting(calls), TWO, meter=meter), tmp_path, 20)
    assert len(noted(calls)) == meter.calls == 13
    assert meter.refused == 27


def test_the_pool_grows_while_all_are_busy(tmp_path: Path) -> None:
    def waits_for_another(request: GenerationRequest) -> str | Failure:
        (tmp_path / f"met-{os.getpid()}").touch()
        for _ in range(6000):
            if len(list(tmp_path.glob("met-*"))) > 1:
                return GOOD
            time.sleep(0.01)
        return Failure("engine", "refused", "nobody else came")

    held = pool(tmp_path, waits_for_another, Cluster(most=2), in_flight=1)
    ended = run(held, tmp_path, 3, in_flight=2)
    assert ended.summary.judged == 6
    assert len(list(tmp_path.glob("met-*"))) == 2


def test_facts_about_the_engine_are_kept_once(tmp_path: Path) -> None:
    held = pool(tmp_path, lambda r: GOOD, TWO, facts=lambda role: tmp_path / f"{role}.facts")
    run(held, tmp_path, 10)
    lines = (tmp_path / "judge.facts").read_text().splitlines()
    assert len(lines) == len(set(lines)) > 2
    assert [line.startswith('{"engine"') for line in lines].index(True) == 0


def test_recipes_that_write_rubrics_are_refused(tmp_path: Path) -> None:
    def build(store: VerdictStore) -> RewardModel:
        return RewardModel.build(recipe="c2", engine=ScriptedEngine(lambda request: GOOD))

    with pytest.raises(ConfigError, match="recipe c2 writes rubrics"):
        RayPool(build, tmp_path / "verdicts.db", ONE)
