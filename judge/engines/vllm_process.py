"""A model on vLLM in this process: loading, closing, and the loop over requests."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from judge.engines.base import Stall, failed, time_limit
from judge.engines.chat import Prompt
from judge.engines.local import LocalEngine, T
from judge.engines.vllm_library import (
    SETTINGS,
    SPEED_ONLY,
    breakdowns,
    deaf_to_interrupts,
    defaults,
    nameless_main,
    refusals,
    stop,
)
from judge.engines.vllm_sleep import Sleeping
from judge.errors import (
    ConfigError,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    RequestRefused,
)
from judge.types import Failure, Generation, GenerationRequest


class VLLMProcess(Sleeping, LocalEngine[T]):
    """A model on vLLM in this process; a subclass says which kind, and what is asked of it.

    Args:
        model: A hub name or a local folder.
        name: What the engine calls itself.
        sleep_mode: Whether `sleep` will be used; vLLM must know before it loads the model.
        options: `AsyncEngineArgs`.
    """

    def __init__(self, model: str, name: str, sleep_mode: bool, options: Mapping[str, Any]) -> None:
        Sleeping.__init__(self)
        LocalEngine.__init__(self, name)
        self._model = model
        self._options = {**options, "enable_sleep_mode": True} if sleep_mode else {**options}
        self._loading: asyncio.Task[None] | None = None
        self._stall = Stall()
        self._asked = 0

    # --- what a subclass says ----------------------------------------------------------------

    def _own_options(self) -> dict[str, Any]:
        """The `AsyncEngineArgs` that make it an engine of its kind."""
        raise NotImplementedError

    def _loaded(self, tokenizer: Any, config: Any, facts: Mapping[str, Any]) -> None:
        """Set the tokenizer, the abilities and the digest.

        Args:
            tokenizer: Of transformers.
            config: vLLM's `ModelConfig`.
            facts: What the digest must depend on.

        Raises:
            ConfigError: The model is not of the kind.
        """
        raise NotImplementedError

    async def _examined(self) -> None:
        """See on the running model whether it is of the kind; raises as `start` does."""

    async def _one(self, request: GenerationRequest, prompt: tuple[int, ...]) -> Generation:
        """Answer one request, or raise an `EngineError`."""
        raise NotImplementedError

    # --- life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load the model, in a thread: whatever else runs on the loop goes on.

        Raises:
            EngineUnavailable: vLLM is not installed, or does not start.
            ConfigError: An option is unknown, or the model is not one of this kind.
        """
        if self._loading is None:
            self._loading = asyncio.create_task(self._opened())
        loading = self._loading
        try:
            await asyncio.shield(loading)
        finally:
            broken = loading.done() and (loading.cancelled() or loading.exception() is not None)
            if broken and self._loading is loading:
                self._loading = None  # a start that failed may be tried again

    async def _opened(self) -> None:
        await asyncio.to_thread(self._load)
        try:
            await self._examined()
        except BaseException:
            engine, self._engine = self._engine, None
            await asyncio.to_thread(stop, engine)
            raise

    def _load(self) -> None:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        try:
            import vllm
            from vllm.platforms import current_platform
            from vllm.usage.usage_lib import UsageContext
            from vllm.v1.engine.async_llm import AsyncLLM
        except (ImportError, RuntimeError) as error:
            raise EngineUnavailable(
                f"vLLM cannot be imported: {error}", hint="see `judge engines`"
            ) from error
        options = defaults(self._options, cpu=current_platform.is_cpu())
        if options.get("enable_sleep_mode") and not current_platform.is_sleep_mode_available():
            raise ConfigError(
                f"vLLM cannot sleep on this device ({current_platform.device_type})",
                hint="sleep_mode needs a CUDA GPU; leave it out here",
            )
        try:
            arguments = vllm.AsyncEngineArgs(model=self._model, **self._own_options(), **options)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"an option of {self.name} is wrong: {error}") from error
        try:
            with nameless_main(), deaf_to_interrupts():
                # Without a context vLLM falls back to small batches, whatever the GPU.
                engine = AsyncLLM.from_engine_args(
                    arguments, usage_context=UsageContext.OPENAI_API_SERVER
                )
        except refusals() + breakdowns() + (RuntimeError, OSError) as error:
            raise EngineUnavailable(
                f"vLLM does not start with {self._model}: {error}",
                hint="VLLM_LOGGING_LEVEL=INFO says more; see `judge engines`",
            ) from error
        config = engine.model_config
        facts = {
            "version": vllm.__version__,
            "dtype": str(config.dtype),
            "revision": config.revision,
            "options": {key: options[key] for key in options.keys() - SPEED_ONLY},
        }
        try:
            self._loaded(engine.get_tokenizer(), config, facts)
        except ConfigError:
            engine.shutdown()
            raise
        # Without this, a process that forgets aclose() would wait at exit for vLLM's for ever.
        atexit.register(stop, engine)
        self._engine = engine

    async def aclose(self) -> None:
        """Shut vLLM down and free its memory; `start` loads it again."""
        if self._loading is not None:
            with contextlib.suppress(EngineError, ConfigError):
                await self.start()
        self._loading = None
        engine, self._engine = self._engine, None
        if self._turn is not None:
            self._turn.cancel()
        await self._break_off()
        self._asleep = 0
        if engine is not None:
            await asyncio.to_thread(stop, engine)

    # --- answering ---------------------------------------------------------------------------

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation | Failure]:
        """Answer all requests; they are batched with those of every other caller."""
        limit_s = time_limit(requests)
        if self._wakes and self._turn is not None:
            await asyncio.wait([self._turn], timeout=limit_s)
        prompts = await self._ready.prompts(requests)
        if self._asleep:
            asleep = EngineUnavailable(f"{self.name} sleeps; call wake() before judging")
            return [failed(request, asleep) for request in requests]
        tasks = [
            asyncio.ensure_future(self._answer(request, prompt))
            for request, prompt in zip(requests, prompts, strict=True)
        ]
        self._open.update(tasks)
        try:
            await self._stall.wait(tasks, limit_s)
            return [
                _result(request, task, limit_s)
                for request, task in zip(requests, tasks, strict=True)
            ]
        finally:
            self._open.difference_update(tasks)
            for task in tasks:
                task.cancel()

    async def _answer(self, request: GenerationRequest, prompt: Prompt) -> Generation | Failure:
        try:
            if isinstance(prompt, EngineError):
                raise prompt
            return await self._one(request, prompt)
        except EngineError as error:
            return failed(request, error)

    async def _finished(self, ask: Callable[[Any, str], Any]) -> Any:
        """The last output of one request to vLLM; `ask` makes it, of the engine and an id."""
        if self._engine is None:
            raise EngineUnavailable("the engine is closed")
        self._asked += 1
        output: Any = None
        try:
            async with contextlib.aclosing(ask(self._engine, f"judge-{self._asked}")) as stream:
                async for part in stream:
                    output = part
        except refusals() as error:
            raise RequestRefused(f"vLLM refused the request: {error}") from error
        except breakdowns() as error:
            raise EngineUnavailable(f"vLLM failed: {error}") from error
        self._stall.progress()
        if output is None:
            raise EngineUnavailable("vLLM broke the request off")
        return output


def _result(
    request: GenerationRequest, task: asyncio.Task[Generation | Failure], limit_s: float | None
) -> Generation | Failure:
    if not task.done():
        return failed(request, EngineTimeout(f"nothing finished for {limit_s} s"))
    if task.cancelled():
        return failed(request, EngineUnavailable("the engine was closed or put to sleep"))
    return task.result()
