"""The judge of a run, spread over actors of a Ray cluster, one set of engines each.

`RayPool` stands where a run has its `RewardModel`: it takes a group and gives its result. So the
plan, the order of the results, what is skipped, what is written and when are those of a run without
Ray (`judge.runs.offline`), and this process is the only one that writes. A group goes to one actor
as a whole. If that actor dies, or its engine no longer answers, the group goes to another; only the
answer that arrives is kept, so each group has one result.

Ray: https://docs.ray.io/en/latest/ray-core/actors.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from judge.background import AtHome, at_home
from judge.config import open_store
from judge.engines.metered import Meter
from judge.errors import ConfigError, JudgeError
from judge.judges.base import Tally
from judge.recipes import Recipe
from judge.reward_model import RewardModel
from judge.runs.actor import Desk, DeskMeter, DeskStore, JudgeActor, Reply
from judge.runs.actors import Actor, Actors, bare
from judge.runs.cluster import Cluster
from judge.runs.facts import Facts
from judge.runs.offline import unanswered
from judge.scoring.outcome import nothing
from judge.scoring.scorer import result_of
from judge.store import MemoryStore, TextlessStore
from judge.types import Failure, Group, GroupResult, Usage, VerdictStore

ATTEMPTS = 3
"""Actors that a group is given to before it counts as not judged."""


class RayPool(AtHome):
    """Judges groups in actors; used while connected to a cluster (see `connected`).

    Args:
        build: Makes the judge of an actor, over the store that it is given.
        store: The run's store, a file.
        cluster: Where, and how many.
        in_flight: Groups that an actor judges at the same time.
        meter: Of the run's calls; its budget holds for all actors together.
        texts: Whether what the judge wrote is kept in the store.
        facts: Role -> the file for what is noted about its engine; overwritten. None: not kept.

    Raises:
        ConfigError: The recipe writes rubrics, of which each actor would write its own.
    """

    def __init__(
        self,
        build: Callable[[VerdictStore], RewardModel],
        store: Path,
        cluster: Cluster,
        *,
        in_flight: int = 64,
        meter: Meter | None = None,
        texts: bool = True,
        facts: Callable[[str], Path] | None = None,
    ) -> None:
        self.recipe = build(MemoryStore()).recipe
        _check_recipe(self.recipe)
        self._build, self._path, self._cluster = build, store, cluster
        self._in_flight = in_flight
        self._meter = meter or Meter()
        self._texts = texts
        self._facts = Facts(facts)
        self._store: VerdictStore | None = None
        self._desk: Any = None
        self._actors: Actors | None = None

    async def start(self) -> None:
        """Start the actors, and return when the first is ready.

        Raises:
            EngineUnavailable, ConfigError, TemplateError: Its engine does not start or cannot serve
                the rubric.
            StoreError: The store cannot be used.
        """
        await at_home(self._start())

    async def score_group(self, group: Group) -> GroupResult:
        """Judge one group in one actor; see `RewardModel.score_group`.

        A group that `ATTEMPTS` actors have died with has no rewards, for a reason that trying again
        may cure; nor has any, once no actor can be started or none gets an answer.
        """
        return await at_home(self._score(group))

    def flush(self) -> None:
        """Return once every verdict of the groups so far outlives a crash.

        Raises:
            StoreError: The store cannot be written.
        """
        if self._store is not None:
            self._store.flush()

    # --- on the judging loop -----------------------------------------------------------------

    async def _start(self) -> None:
        import ray

        if self._store is not None:
            return
        store = await asyncio.to_thread(open_store, self._path)
        self._store = store if self._texts else TextlessStore(store)
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        desk = self._desk = (
            ray.remote(Desk)
            .options(num_cpus=0, scheduling_strategy=here)
            .remote(self._path.absolute(), self._meter)
        )
        model = ray.put(self._build(DeskStore(desk)))
        made = ray.remote(JudgeActor).options(
            num_cpus=1,
            num_gpus=self._cluster.gpus,
            max_concurrency=self._in_flight + 1,
            max_restarts=0,  # the pool itself replaces what dies
        )
        budget = self._meter.budget

        def make() -> Any:
            return made.remote(model, Meter() if budget is None else DeskMeter(desk, budget))

        self._actors = Actors(make, self._cluster, self._in_flight, self._facts.note)
        await self._actors.start()

    async def _score(self, group: Group) -> GroupResult:
        assert self._actors is not None
        result = _lost(group, f"{ATTEMPTS} actors died with this group in hand, the last one alone")
        spent = Usage()
        for attempt in range(1, ATTEMPTS + 1):
            # The last try is alone, so that a group which kills actors takes no other with it.
            places = self._in_flight if attempt == ATTEMPTS else 1
            try:
                actor = await self._actors.take(places)
            except JudgeError as error:
                return _lost(group, error.message)
            try:
                reply = await self._asked(actor, group)
            finally:
                await self._actors.give_back(actor, places)
            if reply is None:
                continue
            await self._keep(reply)
            spent += reply.result.usage
            result = replace(reply.result, usage=spent)
            silence = result.failures[-1].message if unanswered(result) else None
            await self._actors.told(actor, silence)
            if silence is None:
                break
        return result

    async def _asked(self, actor: Actor, group: Group) -> Reply | None:
        """The actor's reply; None if it died, or its reply was lost on the way."""
        import ray

        assert self._actors is not None
        try:
            reply: Reply = await actor.handle.score.remote(group)
        except JudgeError as error:
            raise bare(error) from error
        except ray.exceptions.RayActorError:
            self._actors.lose(actor, "died")
            return None
        except ray.exceptions.ObjectLostError:
            return None
        return reply

    async def _keep(self, reply: Reply) -> None:
        assert self._store is not None
        for key, verdict in reply.verdicts.items():
            self._store.put(key, verdict)
        self._facts.note(reply.facts)
        if any(failure.kind == "budget" for failure in reply.result.failures):
            self._meter.calls, self._meter.refused = await self._desk.spent.remote()

    async def _close(self) -> None:
        """Stop the actors and flush the store."""
        import ray

        store, self._store = self._store, None
        if store is None:
            return
        if self._actors is not None:
            self._actors.close()
        if self._desk is not None:
            ray.kill(self._desk)
        self._actors = self._desk = None
        store.close()


def _check_recipe(recipe: Recipe) -> None:
    if recipe.rubric.is_written or recipe.rubric.trust != "as_given":
        raise ConfigError(
            f"recipe {recipe.id} writes rubrics, and each actor would write its own",
            hint="judge it without --ray, or write the rubrics first, with `judge rubric generate`",
        )


def _lost(group: Group, why: str) -> GroupResult:
    failure = Failure("engine", "unavailable", why, retryable=True)
    return result_of(group, nothing(group, failure), Tally(), {})
