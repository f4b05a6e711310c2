"""Hugging Face transformers in process, constrained by outlines: where vLLM does not run.

Label log-probabilities are recorded before the constraint masks the logits. One batch at a time,
up to `batch` requests of the same constraint and sampling together; far slower than vLLM.

Tested with transformers 5.19 and outlines 1.3.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from judge.engines.base import ChatTokenizer, failed, label_tokens, model_digest, token_texts
from judge.errors import (
    ConfigError,
    ContextOverflow,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
)
from judge.types import Abilities, Constraint, Failure, Generation, GenerationRequest, Usage

MAX_CONSTRAINTS = 64
"""Compiled constraints kept; every rubric row of its own makes a new one."""

Prompted = tuple[int, GenerationRequest, tuple[int, ...]]


class TransformersEngine:
    """A model on transformers in this process.

    Args:
        model: A hub name or a local folder.
        name: What the engine calls itself.
        backend: outlines' backend: `outlines_core`, `xgrammar` or `llguidance`.
        batch: Most requests generated together.
        dtype: A torch dtype by name; by default the checkpoint's own.
        device: `cuda`, `cpu`, ...; by default cuda where there is one.
        context_tokens: Context length; by default the model's own.
    """

    def __init__(
        self,
        model: str,
        *,
        name: str | None = None,
        backend: str = "outlines_core",
        batch: int = 8,
        dtype: str = "auto",
        device: str | None = None,
        context_tokens: int | None = None,
    ) -> None:
        self.name = name or f"transformers:{model}"
        self.digest = ""
        self.abilities = Abilities(context_tokens=context_tokens)
        self._path = model
        self._backend = backend
        self._batch = batch
        self._dtype = dtype
        self._device = device
        self._model: Any = None
        self._steerable: Any = None
        self._processors: dict[str, Any] = {}
        self._tokenizer: ChatTokenizer | None = None
        self._busy = asyncio.Lock()
        self._closed = threading.Event()

    async def start(self) -> None:
        """Load the model.

        Raises:
            EngineUnavailable: transformers or outlines is not installed, or the model not found.
        """
        async with self._busy:
            if self._model is None:
                await asyncio.to_thread(self._load)

    def _load(self) -> None:
        try:
            import outlines
            import torch
            import transformers
        except ImportError as error:
            raise EngineUnavailable(
                f"transformers cannot be used: {error}", hint="see `judge engines`"
            ) from error
        device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(self._path)
            model = transformers.AutoModelForCausalLM.from_pretrained(
                self._path, dtype=self._dtype
            )
        except (OSError, ValueError) as error:
            raise EngineUnavailable(f"{self._path} cannot be loaded: {error}") from error
        tokenizer.padding_side = "left"
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        self._model = model.to(device).eval()
        self._tokenizer = ChatTokenizer(tokenizer)
        self._steerable = outlines.from_transformers(self._model, tokenizer)
        self._pad = int(tokenizer.pad_token_id)
        self.abilities = Abilities(
            context_tokens=self.abilities.context_tokens
            or int(getattr(model.config, "max_position_embeddings", 0))
            or None,
            label_logprobs=True,
            constraints=frozenset(("json_schema", "regex", "choice")),
        )
        self.digest = model_digest(
            self._path,
            engine="transformers",
            version=transformers.__version__,
            dtype=str(model.dtype),
            backend=self._backend,
        )

    @property
    def _ready(self) -> ChatTokenizer:
        if self._tokenizer is None:
            raise ConfigError("the engine has not been started")
        return self._tokenizer

    @property
    def control_tokens(self) -> frozenset[str]:
        """The tokenizer's special tokens."""
        return self._ready.control_tokens

    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids of a text."""
        return self._ready.encode(text)

    async def generate(
        self, requests: Sequence[GenerationRequest]
    ) -> list[Generation | Failure]:
        """Answer all requests, in batches of one constraint and sampling each."""
        answers: dict[int, Generation | Failure] = {}
        prompts = await asyncio.to_thread(self._ready.prompts, requests)
        waiting: list[Prompted] = []
        for at, (request, ids) in enumerate(zip(requests, prompts, strict=True)):
            try:
                self._fits(request, ids)
                waiting.append((at, request, ids))
            except EngineError as error:
                answers[at] = failed(request, error)
        for batch in _batches(waiting, self._batch):
            answers |= await self._run(batch)
        return [answers[at] for at in range(len(requests))]

    def _fits(self, request: GenerationRequest, ids: tuple[int, ...]) -> None:
        limit = self.abilities.context_tokens
        if limit is not None and len(ids) + request.sampling.max_tokens > limit:
            raise ContextOverflow(
                f"{len(ids)} prompt tokens and {request.sampling.max_tokens} for the answer"
                f" do not fit a context of {limit}"
            )

    async def _run(self, batch: list[Prompted]) -> dict[int, Generation | Failure]:
        limits = [request.timeout_s for _, request, _ in batch if request.timeout_s is not None]
        try:
            async with self._busy:
                done = await asyncio.to_thread(
                    self._generate, batch, min(limits) if limits else None
                )
            return dict(zip((at for at, _, _ in batch), done, strict=True))
        except EngineError as error:
            return {at: failed(request, error) for at, request, _ in batch}

    def _generate(self, batch: list[Prompted], limit_s: float | None) -> list[Generation]:
        import torch
        from transformers import LogitsProcessorList

        if self._closed.is_set():
            raise EngineUnavailable("the engine is closed")
        _, request, _ = batch[0]
        sampling = request.sampling
        width = max(len(ids) for _, _, ids in batch)
        rows = torch.tensor([[self._pad] * (width - len(ids)) + [*ids] for _, _, ids in batch])
        mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for _, _, ids in batch])
        recorder = _Recorder(self._wanted(request))
        processors = [recorder, *self._constraint(request.constraint)]
        device = self._model.device
        chance: dict[str, Any] = (
            {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p}
            if sampling.temperature
            else {"do_sample": False}
        )
        # The random state is the process's own: fork_rng gives it back as it was.
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(sampling.seed)
            output = self._model.generate(
                input_ids=rows.to(device),
                attention_mask=mask.to(device),
                max_new_tokens=sampling.max_tokens,
                max_time=limit_s,
                pad_token_id=self._pad,
                logits_processor=LogitsProcessorList(processors),
                **chance,
            )
        made = output[:, width:].tolist()
        steps = max(len(row) for row in made)
        if limit_s is not None and steps < sampling.max_tokens and not self._all_ended(made):
            raise EngineTimeout(f"not finished within {limit_s:g} s")
        return [
            self._generation(prompted, row, recorder.rows(at))
            for at, (prompted, row) in enumerate(zip(batch, made, strict=True))
        ]

    def _all_ended(self, rows: list[list[int]]) -> bool:
        return all(self._ends(row[-1]) for row in rows)

    def _ends(self, token: int) -> bool:
        eos = self._model.generation_config.eos_token_id
        return token == self._pad or token in (eos if isinstance(eos, list) else [eos])

    def _wanted(self, request: GenerationRequest) -> dict[str, int]:
        wanted: dict[str, int] = {}
        for marker, labels in request.read_after:
            wanted |= label_tokens(self.encode, marker, labels)
        return wanted

    def _constraint(self, constraint: Constraint | None) -> list[Any]:
        """Outlines' processor; kept, because compiling one takes seconds."""
        if constraint is None:
            return []
        from outlines.backends import (
            get_json_schema_logits_processor,
            get_regex_logits_processor,
        )

        key = repr(constraint)
        if key not in self._processors:
            if constraint.json_schema is not None:
                schema = json.dumps(constraint.json_schema)
                made = get_json_schema_logits_processor(self._backend, self._steerable, schema)
            else:
                choice = "|".join(map(re.escape, constraint.choice or ()))
                regex = constraint.regex or f"({choice})"
                made = get_regex_logits_processor(self._backend, self._steerable, regex)
            if len(self._processors) >= MAX_CONSTRAINTS:
                self._processors.clear()
            self._processors[key] = made
        self._processors[key].reset()
        return [self._processors[key]]

    def _generation(
        self, prompted: Prompted, row: list[int], labels: list[Mapping[str, float]]
    ) -> Generation:
        _, request, prompt = prompted
        ended = next((at for at, token in enumerate(row) if self._ends(token)), None)
        ids = row if ended is None else row[:ended]
        pieces = token_texts(self._ready.decode, ids)
        return Generation(
            request.id,
            "".join(pieces),
            "",
            pieces,
            "length" if ended is None else "stop",
            Usage(1, len(prompt), len(ids)),
            tuple(labels[: len(ids)]),
        )

    async def aclose(self) -> None:
        """Drop the model."""
        self._closed.set()
        async with self._busy:
            self._model = self._steerable = None


class _Recorder:
    """A logits processor that changes nothing and notes the wanted tokens' log-probabilities."""

    def __init__(self, tokens: Mapping[str, int]) -> None:
        self._tokens = tokens
        self._steps: list[Any] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        if self._tokens:
            rows = scores.float().log_softmax(-1)[:, list(self._tokens.values())]
            self._steps.append(rows.cpu())
        return scores

    def rows(self, at: int) -> list[Mapping[str, float]]:
        """One mapping a step for one row of the batch."""
        return [dict(zip(self._tokens, step[at].tolist(), strict=True)) for step in self._steps]


def _batches(waiting: list[Prompted], size: int) -> Iterator[list[Prompted]]:
    kinds: dict[tuple[object, ...], list[Prompted]] = {}
    for item in waiting:
        request = item[1]
        kind = (repr(request.constraint), request.sampling, request.labels, request.read_after)
        kinds.setdefault(kind, []).append(item)
    for alike in kinds.values():
        for start in range(0, len(alike), size):
            yield alike[start : start + size]
