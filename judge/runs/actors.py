"""Actors of one class: started, handed out to those with work, and replaced where they are lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from judge.errors import EngineUnavailable, JudgeError
from judge.runs.cluster import Cluster

_log = logging.getLogger("judge")

TRIES = 3
"""Actors in a row that may die while they start, or be replaced for having no answer."""
SILENT = 2
"""Groups in a row that an actor's engine could not answer at all before the actor is replaced."""


@dataclass(slots=True, eq=False)
class Actor:
    """An actor of the pool."""

    handle: Any
    ready: bool = False
    busy: int = 0
    """Places taken, of as many as it may have groups in hand."""
    silent: int = 0
    """Groups in a row that its engine could not answer."""


class Actors:
    """The actors of a pool; used on one event loop.

    Args:
        make: Makes an actor; returns its handle.
        cluster: How many there are.
        places: Of each actor: groups that it may have in hand.
        on_start: Told what an actor's `start` has returned; it may refuse the actor by raising.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        cluster: Cluster,
        places: int,
        on_start: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._make, self._places, self._on_start = make, places, on_start
        self._least, self._most = cluster.least, cluster.most
        self._actors: list[Actor] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stillborn = 0
        """Actors in a row that died while they started."""
        self._vain = 0
        """Actors in a row that were replaced for having no answer."""
        self._lone = 0
        """Groups that wait for an actor of their own."""
        self._broken: JudgeError | None = None

    async def start(self) -> None:
        """Start the first actors, and return when one is ready.

        Raises:
            JudgeError: What an actor's `start` has raised, or `on_start`.
            EngineUnavailable: Actors die while they start.
        """
        for _ in range(self._least):
            self._add()
        async with self._changed:
            await self._changed.wait_for(lambda: self._broken or self._ready())
        self._check()

    async def take(self, places: int) -> Actor:
        """The least busy actor with so many places free; where none has them, the pool grows.

        While somebody waits for all places of an actor, nobody else is given one.

        Raises:
            JudgeError: No actor can be started any more, or none gets an answer.
        """
        alone = places == self._places
        async with self._changed:
            self._lone += alone
            try:
                while True:
                    self._check()
                    most = self._places - places
                    free = [actor for actor in self._ready() if actor.busy <= most]
                    if free and (alone or not self._lone):
                        least = min(free, key=lambda actor: actor.busy)
                        least.busy += places
                        return least
                    if len(self._ready()) == len(self._actors) < self._most:
                        self._add()
                    await self._changed.wait()
            finally:
                if alone:
                    self._lone -= 1
                    self._changed.notify_all()

    async def give_back(self, actor: Actor, places: int) -> None:
        """Free the places of an actor."""
        actor.busy -= places
        await self._tell()

    async def told(self, actor: Actor, silence: str | None) -> None:
        """Note that an actor has judged a group, or why its engine had no answer at all."""
        if silence is None:
            actor.silent = self._vain = 0
            return
        actor.silent += 1
        if actor.silent == SILENT:
            self._vain += 1
            if self._vain >= TRIES * len(self._actors):
                self._broken = EngineUnavailable(f"no actor gets an answer; the last: {silence}")
            self.lose(actor, f"had no answer to {SILENT} groups in a row")
            await self._tell()

    def lose(self, actor: Actor, why: str) -> None:
        """Take an actor out, unless it is out already, and put another in its place."""
        if actor not in self._actors:
            return
        self._end(actor)
        _log.warning("an actor %s; what it had in hand is judged by another", why)
        if self._broken is None:
            self._add()

    def close(self) -> None:
        """End all actors."""
        for task in self._tasks:
            task.cancel()
        for actor in list(self._actors):
            self._end(actor)

    def _ready(self) -> list[Actor]:
        return [actor for actor in self._actors if actor.ready]

    def _check(self) -> None:
        if self._broken is not None:
            raise self._broken

    async def _tell(self) -> None:
        """Wake those that wait for an actor."""
        async with self._changed:
            self._changed.notify_all()

    def _add(self) -> None:
        actor = Actor(self._make())
        self._actors.append(actor)
        task = asyncio.create_task(self._started(actor))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end(self, actor: Actor) -> None:
        import ray

        self._actors.remove(actor)
        ray.kill(actor.handle)

    async def _started(self, actor: Actor) -> None:
        import ray

        try:
            self._on_start(await actor.handle.start.remote())
        except JudgeError as error:  # of `on_start`, and those that Ray has made of the actor's
            self._give_up(actor, bare(error))
        except ray.exceptions.RayTaskError as error:
            self._give_up(actor, EngineUnavailable(f"an actor does not start: {error.cause}"))
        except ray.exceptions.RayActorError as error:
            self._stillborn += 1
            if self._stillborn < TRIES:
                self.lose(actor, "died while it started")
            else:
                said = f"{TRIES} actors in a row died while they started; the last: {error}"
                self._give_up(actor, EngineUnavailable(said))
        else:
            actor.ready, self._stillborn = True, 0
        await self._tell()

    def _give_up(self, actor: Actor, error: JudgeError) -> None:
        """Go on without an actor that does not start, or not at all where there is no other."""
        if not self._ready():
            self._broken = error
            return
        self._end(actor)
        self._most, self._stillborn = self._most - 1, 0
        _log.warning("at most %d actors go on; one does not start: %s", self._most, error)


def bare(error: JudgeError) -> JudgeError:
    """The error that an actor has raised, without Ray's account of where."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, JudgeError) else error
