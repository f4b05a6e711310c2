"""A model on transformers in this process: loading, closing, and batches of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from judge.engines.base import failed, time_limit
from judge.engines.local import LocalEngine, T
from judge.errors import ConfigError, EngineError, EngineUnavailable
from judge.types import Failure, Generation, GenerationRequest

Prompted = tuple[int, GenerationRequest, tuple[int, ...]]
"""A request with its place among those asked together, and its prompt's token ids."""


class TransformersModel(LocalEngine[T]):
    """A model on transformers; a subclass loads it and answers a batch.

    Args:
        model: A hub name or a local folder.
        name: What the engine calls itself.
        batch: Most requests answered together.
        dtype: A torch dtype by name; `auto`: the checkpoint's own.
        device: `cuda`, `cpu`, ...; None: cuda where there is one.
        context_tokens: Context length; None: the model's own.
    """

    def __init__(
        self,
        model: str,
        name: str,
        batch: int,
        dtype: str,
        device: str | None,
        context_tokens: int | None,
    ) -> None:
        super().__init__(name)
        self._path = model
        self._batch = batch
        self._dtype = dtype
        self._device = device
        self._context_tokens = context_tokens
        self._model: Any = None
        self._busy = asyncio.Lock()

    # --- what a subclass says ----------------------------------------------------------------

    def _load(self) -> None:
        """Set the model, the tokenizer, the abilities and the digest; raises as `start` does."""
        raise NotImplementedError

    def _check(self, request: GenerationRequest, prompt: tuple[int, ...]) -> None:
        """Raise an `EngineError` for a request that cannot be answered."""
        raise NotImplementedError

    def _batches(self, waiting: list[Prompted]) -> Iterable[list[Prompted]]:
        """The requests in batches that can be answered together."""
        raise NotImplementedError

    def _generate(
        self, batch: list[Prompted], limit_s: float | None
    ) -> Sequence[Generation | Failure]:
        """Answer a batch, or raise an `EngineError`."""
        raise NotImplementedError

    # --- life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load the model.

        Raises:
            EngineUnavailable: A library is not installed, or the model not found.
            ConfigError: An option is wrong, or the model is not one of this kind.
        """
        async with self._busy:
            if self._model is None:
                await asyncio.to_thread(self._load)

    def _loaded(self, auto: Any, **options: Any) -> tuple[Any, Any, Any]:
        """The model on its device, its tokenizer, and what loading it told.

        Args:
            auto: A class such as transformers' `AutoModelForCausalLM`.
            options: For loading both, such as `trust_remote_code`.
        """
        import torch
        import transformers

        if self._dtype != "auto" and not isinstance(getattr(torch, self._dtype, None), torch.dtype):
            raise ConfigError(f"unknown dtype {self._dtype!r}", hint="such as float32 or bfloat16")
        device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(self._path, **options)
            model, told = auto.from_pretrained(
                self._path, dtype=self._dtype, output_loading_info=True, **options
            )
        except (OSError, ValueError) as error:
            raise EngineUnavailable(f"{self._path} cannot be loaded: {error}") from error
        return model.to(device).eval(), tokenizer, told

    def _context(self, model: Any) -> int | None:
        """The context length in tokens; None: not known."""
        return (
            self._context_tokens or int(getattr(model.config, "max_position_embeddings", 0)) or None
        )

    async def aclose(self) -> None:
        """Drop the model; `start` loads it again."""
        async with self._busy:
            self._model = None

    # --- answering ---------------------------------------------------------------------------

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation | Failure]:
        """Answer all requests, in batches."""
        answers: dict[int, Generation | Failure] = {}
        prompts = await self._ready.prompts(requests)
        waiting: list[Prompted] = []
        for at, (request, prompt) in enumerate(zip(requests, prompts, strict=True)):
            try:
                if isinstance(prompt, EngineError):
                    raise prompt
                self._check(request, prompt)
                waiting.append((at, request, prompt))
            except EngineError as error:
                answers[at] = failed(request, error)
        for batch in self._batches(waiting):
            answers |= await self._run(batch)
        return [answers[at] for at in range(len(requests))]

    async def _run(self, batch: list[Prompted]) -> dict[int, Generation | Failure]:
        limit_s = time_limit(request for _, request, _ in batch)
        try:
            async with self._busy:
                if self._model is None:
                    raise EngineUnavailable("the engine is closed")
                done = await asyncio.to_thread(self._generate, batch, limit_s)
            return {at: made for (at, _, _), made in zip(batch, done, strict=True)}
        except EngineError as error:
            return {at: failed(request, error) for at, request, _ in batch}
