"""Sleeping between phases, so that a trainer has the GPU's memory.

A request while the engine sleeps is a failure at once, and can be tried again: waking for it would
take back memory that the trainer is using, and waiting would block a trainer that has forgotten to
wake it. A request while it wakes waits for that, within its own limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from judge.errors import ConfigError, EngineUnavailable
from judge.types import Failure, Generation

TURN_S = 600.0
"""How long vLLM may take to fall asleep or to wake: weights go over the bus, or come from disk."""


class Sleeping:
    """The part of a vLLM engine that puts it to sleep and wakes it."""

    name: str
    _options: Mapping[str, Any]
    _loading: asyncio.Task[None] | None

    def __init__(self) -> None:
        self._engine: Any = None
        self._open: set[asyncio.Task[Generation | Failure]] = set()
        self._asleep = 0
        self._wakes = False
        self._turn: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load the model."""
        raise NotImplementedError

    async def _break_off(self) -> None:
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    @property
    def asleep(self) -> int:
        """The level it sleeps at, falling asleep and waking included; 0: awake."""
        return self._asleep

    async def sleep(self, level: int = 1, *, drain_s: float = 60.0) -> None:
        """Free the GPU's memory until `wake`; on an engine that sleeps or is not loaded, nothing.

        From the call on, new requests fail at once; what is in flight may finish.

        Args:
            level: 1 keeps the weights in the host's memory; 2 drops them, and `wake` loads them
                again from where they came. Both drop the KV cache.
            drain_s: Longest wait in seconds for what is in flight; what is left fails, and can be
                tried again.

        Raises:
            ConfigError: The engine was made without `sleep_mode`, or the level is unknown.
            EngineUnavailable: vLLM fails, or is not done after `TURN_S`. The engine then counts as
                asleep, whatever is true: `wake` tries to bring it back, `aclose` ends it.
        """
        if not self._options.get("enable_sleep_mode"):
            raise ConfigError(
                f"{self.name} cannot sleep: it was made without sleep_mode",
                hint=f"{self.name}?sleep_mode=1, on a CUDA GPU",
            )
        if level not in (1, 2):
            raise ConfigError(f"there is no sleep of level {level}", hint="1 or 2")
        if self._loading is not None:
            await self.start()
        await self._turned(lambda: self._fall_asleep(level, drain_s))

    async def wake(self) -> None:
        """Take the memory back and go on; on an engine that is awake, nothing.

        Raises:
            EngineUnavailable: vLLM fails, as where the memory is still in use, or is not done after
                `TURN_S`. The engine stays asleep; it may be tried again.
        """
        await self._turned(self._wake_up)

    async def _turned(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do one turn at a time, each to its end even if the caller gives up."""
        while self._turn is not None and not self._turn.done():
            await asyncio.wait([self._turn])
        turn = self._turn = asyncio.create_task(work())
        await asyncio.wait([turn])
        if turn.cancelled():
            raise EngineUnavailable("the engine was closed")
        turn.result()

    async def _fall_asleep(self, level: int, drain_s: float) -> None:
        if self._engine is None or self._asleep:
            return
        self._asleep = level
        if self._open:
            await asyncio.wait(self._open, timeout=drain_s)
        await self._break_off()
        await _carried_out("fall asleep", self._engine.sleep(level))

    async def _wake_up(self) -> None:
        engine, level = self._engine, self._asleep
        if engine is None or not level:
            return
        self._wakes = True
        try:
            if level == 1:
                await _carried_out("wake", engine.wake_up())
            else:
                await _carried_out("wake", engine.wake_up(["weights"]))
                await _carried_out("reload its weights", engine.collective_rpc("reload_weights"))
                await _carried_out("wake", engine.wake_up(["kv_cache"]))
            self._asleep = 0
        finally:
            self._wakes = False


async def _carried_out(what: str, work: Awaitable[object]) -> None:
    """Wait for a turn of vLLM's, whose process reports a failure as a plain `Exception`."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=TURN_S)
        if not task.done():
            raise EngineUnavailable(f"vLLM did not {what} within {TURN_S:.0f} s")
    finally:
        task.cancel()
    error = task.exception()
    if error is not None:
        raise EngineUnavailable(
            f"vLLM could not {what}: {error}", hint="VLLM_LOGGING_LEVEL=INFO says more"
        ) from error
