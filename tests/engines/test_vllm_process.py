"""Starting and closing, with a scripted vLLM; sleeping is in test_vllm_sleep."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from judge.engines.chat import TextTokenizer
from judge.engines.vllm_process import VLLMProcess
from judge.errors import ConfigError, EngineUnavailable


class Library:
    """Stands for `AsyncLLM`."""

    output_handler = None

    def __init__(self) -> None:
        self.stops = 0

    def shutdown(self, timeout: float | None = None) -> None:
        self.stops += 1


class Process(VLLMProcess[TextTokenizer]):
    """Fails to load, or to be what it must be, as often as it is told."""

    def __init__(self, *failures: Exception, refused: Exception | None = None) -> None:
        super().__init__("m", "vllm:m", False, {})
        self.failures = list(failures)
        self.refused = refused
        self.made: list[Library] = []

    def _load(self) -> None:
        if self.failures:
            raise self.failures.pop()
        self._engine = Library()
        self.made.append(self._engine)

    async def _examined(self) -> None:
        assert self._engine is self.made[-1]
        if self.refused is not None:
            raise self.refused


async def test_starts_at_once_load_once() -> None:
    engine = Process()
    await asyncio.gather(engine.start(), engine.start())
    await engine.start()
    assert len(engine.made) == 1
    await engine.aclose()
    await engine.aclose()
    assert engine.made[0].stops == 1
    await engine.start()
    assert len(engine.made) == 2
    await engine.aclose()


async def test_a_start_that_failed_may_be_tried_again() -> None:
    engine = Process(EngineUnavailable("no memory"))
    with pytest.raises(EngineUnavailable, match="no memory"):
        await engine.start()
    await engine.start()
    assert len(engine.made) == 1
    await engine.aclose()


async def test_a_model_that_is_not_of_the_kind_is_stopped() -> None:
    engine = Process(refused=ConfigError("no reward model"))
    for loaded in (1, 2):
        with pytest.raises(ConfigError, match="no reward model"):
            await engine.start()
        assert [one.stops for one in engine.made] == [1] * loaded
    await engine.aclose()
    assert engine._engine is None
    with pytest.raises(EngineUnavailable, match="closed"):
        await engine._finished(lambda vllm, name: None)


async def test_an_answer_is_the_last_of_a_stream_or_a_failure() -> None:
    engine = Process()
    await engine.start()

    async def stream(*parts: Any) -> Any:
        for part in parts:
            yield part

    assert await engine._finished(lambda vllm, name: stream(1, 2)) == 2
    with pytest.raises(EngineUnavailable, match="broke the request off"):
        await engine._finished(lambda vllm, name: stream())
    await engine.aclose()
