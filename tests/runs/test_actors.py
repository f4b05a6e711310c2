import asyncio
from collections.abc import Callable, Mapping
from types import SimpleNamespace

import pytest

from judge.errors import ConfigError, EngineUnavailable
from judge.runs.actors import SILENT, TRIES, Actors
from judge.runs.cluster import Cluster

ray = pytest.importorskip("ray")
PLACES = 4


class Stage:
    """Makes actors that are no processes, and notes which were ended."""

    def __init__(self) -> None:
        self.made: list[SimpleNamespace] = []
        self.ended: list[SimpleNamespace] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def make(self) -> SimpleNamespace:
        handle = SimpleNamespace(start=SimpleNamespace(remote=self._start))
        self.made.append(handle)
        return handle

    async def _start(self) -> dict[str, str]:
        await self.gate.wait()
        return {}

    def actors(
        self, least: int, most: int, on_start: Callable[[Mapping[str, str]], None] = print
    ) -> Actors:
        return Actors(self.make, Cluster("local", least, most), PLACES, on_start)


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    monkeypatch.setattr(ray, "kill", made.ended.append)
    return made


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_least_busy_actor_is_taken_and_none_above_its_places(stage: Stage) -> None:
    actors = stage.actors(2, 2)
    await actors.start()
    taken = [await actors.take(1) for _ in range(2 * PLACES)]
    assert [actor.handle for actor in taken] == stage.made * PLACES
    waiting = asyncio.create_task(actors.take(1))
    await settled()
    assert not waiting.done()
    await actors.give_back(taken[1], 1)
    assert await waiting is taken[1]


async def test_one_actor_is_added_at_a_time_while_all_are_full(stage: Stage) -> None:
    actors = stage.actors(1, 3)
    await actors.start()
    stage.gate.clear()
    tasks = [asyncio.create_task(actors.take(1)) for _ in range(PLACES)]
    await settled()
    assert len(stage.made) == 1
    tasks += [asyncio.create_task(actors.take(1)) for _ in range(4 * PLACES)]
    await settled()
    assert len(stage.made) == 2
    stage.gate.set()
    await settled()
    assert len(stage.made) == 3
    assert sum(task.done() for task in tasks) == 3 * PLACES
    for task in tasks:
        task.cancel()


async def test_who_waits_for_a_whole_actor_gets_it_before_others(stage: Stage) -> None:
    actors = stage.actors(1, 1)
    await actors.start()
    first = await actors.take(1)
    alone = asyncio.create_task(actors.take(PLACES))
    others = [asyncio.create_task(actors.take(1)) for _ in range(PLACES)]
    await settled()
    assert not alone.done()
    assert not any(task.done() for task in others)
    await actors.give_back(first, 1)
    assert await alone is first
    await settled()
    assert not any(task.done() for task in others)
    await actors.give_back(first, PLACES)
    assert await asyncio.gather(*others) == [first] * PLACES


async def test_a_lost_actor_is_replaced_once(stage: Stage) -> None:
    actors = stage.actors(1, 1)
    await actors.start()
    first = await actors.take(1)
    for _ in range(3):  # each group in hand tells
        actors.lose(first, "died")
    second = await actors.take(1)
    assert stage.ended == [first.handle]
    assert [second.handle] == stage.made[1:]


async def test_silent_actors_are_replaced_until_all_is_in_vain(stage: Stage) -> None:
    actors = stage.actors(1, 1)
    await actors.start()
    await actors.told(await actors.take(1), "nobody there")
    await actors.told(await actors.take(1), None)  # an answer: silence counts anew
    for turn in range(TRIES):
        actor = await actors.take(1)
        assert len(stage.ended) == turn
        waiting = [asyncio.create_task(actors.take(PLACES)) for _ in range(2)]
        await settled()
        for _ in range(SILENT):
            await actors.told(actor, "nobody there")
        assert stage.ended == stage.made[: turn + 1]
        for task in waiting:
            if turn < TRIES - 1:
                await actors.give_back(await task, PLACES)
            else:
                with pytest.raises(EngineUnavailable, match="the last: nobody there"):
                    await task


async def test_an_actor_that_is_refused_leaves_the_others(stage: Stage) -> None:
    def refuses(told: Mapping[str, str]) -> None:
        if len(stage.made) > 1:
            raise ConfigError("another engine")

    actors = stage.actors(1, 2, refuses)
    await actors.start()
    tasks = [asyncio.create_task(actors.take(1)) for _ in range(PLACES + 1)]
    await settled()
    assert sum(task.done() for task in tasks) == PLACES
    assert stage.ended == stage.made[1:]
    assert len(stage.made) == 2
    actors.lose(tasks[0].result(), "died")
    with pytest.raises(ConfigError, match="another engine"):
        await tasks[-1]
