"""Any server that speaks the OpenAI chat API: a hosted model, `vllm serve`, SGLang, llama.cpp.

Bounded concurrency, a deadline for each call over all its tries, retries with jitter on 429, 5xx
and time-outs. Constraints travel as `response_format` (JSON Schema), or as vLLM's
`structured_outputs` where the server is told to be vLLM (`?server=vllm`). Label log-probabilities
come from `top_logprobs`; a server that gives none still judges, by label alone. Servers differ in
whether they take them before or after a constraint's mask (vLLM: after), so under a constraint the
allowed mass is not known here.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import httpx

from judge.engines.base import failed, plain_messages
from judge.errors import (
    ContextOverflow,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    RequestRefused,
)
from judge.types import (
    Abilities,
    Constraint,
    ConstraintKind,
    Failure,
    Generation,
    GenerationRequest,
    Usage,
)

TOP_LOGPROBS = 20
"""The API's own maximum."""
RETRY_STATUS = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))


class OpenAIEngine:
    """A model behind an OpenAI-compatible server.

    Args:
        model: The model's name at the server.
        url: Base URL that ends before `/chat/completions`, such as `http://localhost:8000/v1`.
        api_key: Bearer token; by default the environment's `OPENAI_API_KEY`.
        server: `openai` sends `response_format`; `vllm` sends `structured_outputs` (regex too).
        concurrency: Most calls in flight.
        retries: Tries after the first.
        logprobs: Whether to ask for log-probabilities.
        context_tokens: Context length, where the caller knows it.
        transport: An httpx transport, for tests.
    """

    def __init__(
        self,
        model: str,
        url: str = "https://api.openai.com/v1",
        *,
        api_key: str | None = None,
        server: Literal["openai", "vllm"] = "openai",
        concurrency: int = 64,
        retries: int = 4,
        backoff_s: float = 0.5,
        logprobs: bool = True,
        context_tokens: int | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = f"openai:{model}@{url}"
        self.digest = f"{self.name} {server} {logprobs}"
        self.control_tokens: frozenset[str] = frozenset(
            ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>")
        )
        kinds: tuple[ConstraintKind, ...] = (
            ("json_schema", "regex", "choice") if server == "vllm" else ("json_schema",)
        )
        self.abilities = Abilities(
            context_tokens=context_tokens, label_logprobs=logprobs, constraints=frozenset(kinds)
        )
        self._model = model
        self._url = url.rstrip("/") + "/chat/completions"
        self._key = api_key
        self._server = server
        self._slots = asyncio.Semaphore(concurrency)
        self._retries = retries
        self._backoff_s = backoff_s
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._jitter = random.Random(self._url)

    async def start(self) -> None:
        """Open the connection pool; no call is made."""
        if self._client is None:
            key = self._key or os.environ.get("OPENAI_API_KEY", "")
            self._client = httpx.AsyncClient(
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=httpx.Timeout(None),
                limits=httpx.Limits(max_connections=None),
                transport=self._transport,
            )

    def encode(self, text: str) -> tuple[int, ...]:
        """The text's bytes: the server's tokenizer is not known here. Never fewer than tokens."""
        return tuple(text.encode("utf-8", "surrogatepass"))

    async def generate(
        self, requests: Sequence[GenerationRequest]
    ) -> list[Generation | Failure]:
        """Answer all requests, at most `concurrency` at a time over all callers."""
        return list(await asyncio.gather(*(self._answer(request) for request in requests)))

    async def _answer(self, request: GenerationRequest) -> Generation | Failure:
        try:
            async with self._slots:
                return await self._within_deadline(request)
        except EngineError as error:
            return failed(request, error)

    async def _within_deadline(self, request: GenerationRequest) -> Generation:
        try:
            async with asyncio.timeout(request.timeout_s):
                return await self._tried(request)
        except TimeoutError as error:
            raise EngineTimeout(f"no answer within {request.timeout_s:g} s") from error

    async def _tried(self, request: GenerationRequest) -> Generation:
        if request.messages is None:
            raise RequestRefused("a chat server takes messages, not token ids")
        body = self._body(request)
        for attempt in range(self._retries + 1):
            try:
                return _generation(request, await self._post(body))
            except EngineError as error:
                if not error.retryable or attempt == self._retries:
                    raise
                wait = error.retry_after_s
                if wait is None:
                    wait = self._backoff_s * 2**attempt * (0.5 + self._jitter.random())
                await asyncio.sleep(wait)
        raise EngineUnavailable("no attempt was made")

    def _body(self, request: GenerationRequest) -> dict[str, Any]:
        sampling = request.sampling
        messages = plain_messages(request.messages or ())
        body: dict[str, Any] = {
            "model": self._model,
            "messages": messages,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if request.prefix:
            messages.append({"role": "assistant", "content": request.prefix})
            body |= {"add_generation_prompt": False, "continue_final_message": True}
        if request.labels and self.abilities.label_logprobs:
            body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        if request.constraint is not None:
            body |= self._constraint(request.constraint)
        return body

    def _constraint(self, constraint: Constraint) -> dict[str, Any]:
        if self._server == "vllm":
            return {
                "structured_outputs": {
                    {"json_schema": "json"}.get(constraint.kind, constraint.kind): (
                        constraint.json_schema or constraint.regex or list(constraint.choice or ())
                    )
                }
            }
        return {
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "verdict",
                    "strict": True,
                    "schema": constraint.json_schema,
                },
            }
        }

    async def _post(self, body: Mapping[str, Any]) -> Any:
        if self._client is None:
            raise EngineUnavailable("the engine is closed")
        try:
            answer = await self._client.post(self._url, json=body)
        except httpx.HTTPError as error:
            raise EngineUnavailable(
                f"{self._url}: {type(error).__name__}: {error}", hint="is the server running?"
            ) from error
        if answer.status_code >= 400:
            raise _http_error(answer)
        try:
            return answer.json()
        except ValueError as error:
            raise EngineUnavailable(f"{self._url} did not answer in JSON") from error

    async def aclose(self) -> None:
        """Close the connection pool."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


class _RetryLater(EngineUnavailable):
    """The server asked for a pause; `retry_after_s` says how long, where it did."""

    def __init__(self, message: str, retry_after_s: float | None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def _http_error(answer: httpx.Response) -> EngineError:
    said = answer.text[:300]
    message = f"the server answered {answer.status_code}: {said}"
    if answer.status_code in RETRY_STATUS:
        after = answer.headers.get("retry-after", "")
        return _RetryLater(message, float(after) if after.isdigit() else None)
    if "context" in said and ("length" in said or "token" in said):
        return ContextOverflow(message)
    return RequestRefused(message)


def _generation(request: GenerationRequest, answer: Any) -> Generation:
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        text = message.get("content") or ""
        refusal = message.get("refusal") or (choice.get("finish_reason") == "content_filter")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise EngineUnavailable(f"the server's answer has no message: {answer!r:.300}") from error
    if refusal:
        raise RequestRefused(f"the model refused: {refusal}")
    usage = answer.get("usage") or {}
    tokens = ((choice.get("logprobs") or {}).get("content")) or []
    pieces = tuple(str(token["token"]) for token in tokens)
    whole = "".join(pieces) == text
    return Generation(
        request.id,
        text,
        message.get("reasoning_content") or message.get("reasoning") or "",
        pieces if whole else (),
        "length" if choice.get("finish_reason") == "length" else "stop",
        Usage(1, int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)),
        tuple(_labels(token, request.labels) for token in tokens) if whole else (),
        masked=request.constraint is not None,
    )


def _labels(token: Mapping[str, Any], labels: tuple[str, ...]) -> dict[str, float]:
    """The wanted labels' log-probabilities; those outside the server's top few are left out."""
    found: dict[str, float] = {}
    for top in token.get("top_logprobs") or ():
        if top["token"] in labels and math.isfinite(top["logprob"]):
            found[top["token"]] = max(found.get(top["token"], -math.inf), float(top["logprob"]))
    return found
