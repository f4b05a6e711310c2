from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer instead of waiting for it."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()


@pytest.fixture
def virtually() -> Callable[[Coroutine[Any, Any, Any]], tuple[Any, float]]:
    """Runs a coroutine in virtual time; gives its result and the seconds that passed."""

    def run(work: Coroutine[Any, Any, Any]) -> tuple[Any, float]:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            result = runner.run(work)
            return result, runner.get_loop().time()

    return run
