"""Hugging Face transformers in process, constrained by outlines: where vLLM does not run.

Label log-probabilities are recorded before the constraint masks the logits. One batch at a time,
up to `batch` requests of the same constraint and sampling together; far slower than vLLM. A budget
of thinking is one more pass before, without a constraint (`judge.engines.thinking`).

Tested with transformers 5.19 and outlines 1.3.
"""

from __future__ import annotations

import inspect
import json
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec.structs import replace

from judge.engines.base import (
    check_room,
    check_scored,
    label_tokens,
    model_digest,
    token_texts,
    until_stop,
)
from judge.engines.chat import ChatTokenizer
from judge.engines.thinking import Thought
from judge.engines.transformers_model import Prompted, TransformersModel
from judge.errors import ConfigError, EngineTimeout, EngineUnavailable, RequestRefused
from judge.types import (
    Abilities,
    Constraint,
    Generation,
    GenerationRequest,
    Sampling,
    Usage,
)

Backend = Literal["outlines_core", "xgrammar", "llguidance"]

MAX_CONSTRAINTS = 64
"""Compiled constraints kept; every rubric row of its own makes a new one."""


class TransformersEngine(TransformersModel[ChatTokenizer]):
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
        backend: Backend = "outlines_core",
        batch: int = 8,
        dtype: str = "auto",
        device: str | None = None,
        context_tokens: int | None = None,
    ) -> None:
        super().__init__(
            model, name or f"transformers:{model}", batch, dtype, device, context_tokens
        )
        self._backend = backend
        self._grammars: Any = None
        self._processors: dict[str, Any] = {}

    # --- life --------------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            import outlines
            import transformers
            from outlines import backends
        except (ImportError, RuntimeError) as error:
            raise EngineUnavailable(
                f"transformers cannot be used: {error}", hint="see `judge engines`"
            ) from error
        grammars = {
            "outlines_core": backends.OutlinesCoreBackend,
            "xgrammar": backends.XGrammarBackend,
            "llguidance": backends.LLGuidanceBackend,
        }
        if self._backend not in grammars:
            known = ", ".join(grammars)
            raise ConfigError(f"unknown backend {self._backend!r}", hint=f"use one of {known}")
        model, tokenizer, _ = self._loaded(transformers.AutoModelForCausalLM)
        tokenizer.padding_side = "left"
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        self._tokenizer = chat = ChatTokenizer(tokenizer)
        self._grammars = grammars[self._backend](outlines.from_transformers(model, tokenizer))
        self._pad = int(tokenizer.pad_token_id)
        ends = model.generation_config.eos_token_id
        self._ends = frozenset(ends if isinstance(ends, list) else [ends]) | {self._pad}
        # The checkpoint's own defaults (a repetition penalty, say) would change what is judged.
        model.generation_config = transformers.GenerationConfig()
        self._model = model
        self.abilities = Abilities(
            context_tokens=self._context(model),
            label_logprobs=True,
            prompt_logprobs=True,
            constraints=frozenset(("json_schema", "regex", "choice")),
            thinking=True,
        )
        self.digest = model_digest(
            self._path,
            engine="transformers",
            version=transformers.__version__,
            dtype=str(model.dtype),
            backend=self._backend,
            **chat.facts,
        )

    async def aclose(self) -> None:
        """Drop the model; `start` loads it again."""
        async with self._busy:
            self._model = self._grammars = None
            self._processors.clear()

    # --- generating --------------------------------------------------------------------------

    def _check(self, request: GenerationRequest, prompt: tuple[int, ...]) -> None:
        check_scored(request, len(prompt))
        check_room(len(prompt), self._ready.thinking.room(request), self.abilities.context_tokens)

    def _batches(self, waiting: list[Prompted]) -> Iterator[list[Prompted]]:
        """Those of one constraint and sampling together."""
        kinds: dict[tuple[object, ...], list[Prompted]] = {}
        for item in waiting:
            request = item[1]
            kind = (repr(request.constraint), request.sampling, request.labels, request.read_after)
            kinds.setdefault(kind, []).append(item)
        for alike in kinds.values():
            for start in range(0, len(alike), self._batch):
                yield alike[start : start + self._batch]

    def _generate(self, batch: list[Prompted], limit_s: float | None) -> list[Generation]:
        if not batch[0][1].sampling.think_tokens:
            return self._answers(batch, limit_s)
        began, thinking = time.monotonic(), self._ready.thinking
        thoughts = self._thoughts(batch, limit_s)
        spent_s = time.monotonic() - began
        if limit_s is not None and spent_s >= limit_s:
            raise EngineTimeout(f"not finished within {limit_s:g} s")
        after = [
            (at, request, thinking.after(prompt, thought, request))
            for (at, request, prompt), thought in zip(batch, thoughts, strict=True)
        ]
        answers = self._answers(after, None if limit_s is None else limit_s - spent_s)
        return [
            thought.before(answer, len(prompt))
            for (_, _, prompt), thought, answer in zip(batch, thoughts, answers, strict=True)
        ]

    def _thoughts(self, batch: list[Prompted], limit_s: float | None) -> list[Thought]:
        thinking, sampling = self._ready.thinking, batch[0][1].sampling
        budget = sampling.think_tokens
        free = replace(sampling, max_tokens=budget, stop=thinking.stop)
        rows = self._continued(batch, self._settings(free, limit_s, thinking.ends), ())
        return [thinking.read(row[: self._end(row)], budget) for row in rows]

    def _answers(self, batch: list[Prompted], limit_s: float | None) -> list[Generation]:
        _, request, _ = batch[0]
        recorder = _Recorder(self._wanted(request))
        processors = [recorder, *self._constraint(request.constraint)]
        made = self._continued(batch, self._settings(request.sampling, limit_s), processors)
        scored = [self._prompt_logprobs(request, ids) for _, request, ids in batch]
        if limit_s is not None and len(made[0]) < request.sampling.max_tokens:
            stopped = [self._text(request, row)[1] for row in made]
            if not all(stopped):
                raise EngineTimeout(f"not finished within {limit_s:g} s")
        return [
            self._generation(prompted, row, recorder.rows(at), scored[at])
            for at, (prompted, row) in enumerate(zip(batch, made, strict=True))
        ]

    def _continued(
        self, batch: list[Prompted], settings: Any, processors: Sequence[Any]
    ) -> list[list[int]]:
        """What the model goes on with after each prompt, filled up to equal lengths."""
        import torch
        from transformers import LogitsProcessorList

        width = max(len(ids) for _, _, ids in batch)
        rows = torch.tensor([[self._pad] * (width - len(ids)) + [*ids] for _, _, ids in batch])
        mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for _, _, ids in batch])
        # The random state is the process's own: fork_rng gives it back as it was. Outlines compiles
        # its masks for every batch size, which takes longer than most answers: eager, then.
        eager = torch.compiler.set_stance("force_eager")
        with torch.random.fork_rng(), torch.inference_mode(), eager:
            torch.manual_seed(batch[0][1].sampling.seed)
            output = self._model.generate(
                input_ids=rows.to(self._model.device),
                attention_mask=mask.to(self._model.device),
                generation_config=settings,
                tokenizer=self._ready.tokenizer,
                logits_processor=LogitsProcessorList(processors),
            )
        made: list[list[int]] = output[:, width:].tolist()
        return made

    def _prompt_logprobs(
        self, request: GenerationRequest, ids: tuple[int, ...]
    ) -> tuple[float, ...] | None:
        """Each scored token's log-probability: one pass a prompt, so that nothing is padded."""
        import torch

        start = request.score_from
        if start is None:
            return None
        device = self._model.device
        # Logits of a whole long prompt would take gigabytes; not every model can leave them out.
        known = "logits_to_keep" in inspect.signature(self._model.forward).parameters
        keep = {"logits_to_keep": len(ids) - start + 1} if known else {}
        with torch.inference_mode():
            logits = self._model(input_ids=torch.tensor([ids], device=device), **keep).logits[0]
            rows = logits[start - 1 - len(ids) : -1].float().log_softmax(-1)
            tokens = torch.tensor(ids[start:], device=device)
            return tuple(rows.gather(1, tokens[:, None])[:, 0].tolist())

    def _settings(
        self, sampling: Sampling, limit_s: float | None, ends: Collection[int] = ()
    ) -> Any:
        """How `generate` samples and ends; `ends` are tokens that end it beside the model's own."""
        from transformers import GenerationConfig

        chance: dict[str, Any] = {"do_sample": False}
        if sampling.temperature:
            chance = {
                "do_sample": True,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": 0,
            }
        return GenerationConfig(
            max_new_tokens=sampling.max_tokens,
            max_time=limit_s,
            pad_token_id=self._pad,
            eos_token_id=sorted({*self._ends, *ends}),
            stop_strings=list(sampling.stop) or None,
            **chance,
        )

    def _wanted(self, request: GenerationRequest) -> dict[str, int]:
        wanted: dict[str, int] = {}
        for marker, labels in request.read_after:
            wanted |= label_tokens(self.encode, marker, labels)
        return wanted

    def _constraint(self, constraint: Constraint | None) -> list[Any]:
        """Outlines' processor; kept, because compiling one takes seconds.

        Raises:
            RequestRefused: The constraint cannot be compiled.
        """
        if constraint is None:
            return []
        key = repr(constraint)
        if key not in self._processors:
            try:
                made = self._compiled(constraint)
            except (ValueError, TypeError, RuntimeError) as error:
                raise RequestRefused(f"outlines refused the constraint: {error}") from error
            if len(self._processors) >= MAX_CONSTRAINTS:
                self._processors.clear()
            self._processors[key] = made
        self._processors[key].reset()
        return [self._processors[key]]

    def _compiled(self, constraint: Constraint) -> Any:
        if constraint.json_schema is not None:
            schema = json.dumps(constraint.json_schema)
            return self._grammars.get_json_schema_logits_processor(schema)
        choice = "|".join(map(re.escape, constraint.choice or ()))
        return self._grammars.get_regex_logits_processor(constraint.regex or f"({choice})")

    def _end(self, row: list[int]) -> int | None:
        """Where the model has ended its turn; None: it has not."""
        return next((at for at, token in enumerate(row) if token in self._ends), None)

    def _text(self, request: GenerationRequest, row: list[int]) -> tuple[tuple[str, ...], bool]:
        """The pieces of an answer, and whether it came to an end of its own."""
        end = self._end(row)
        whole = token_texts(self._ready.decode, row[:end])
        pieces = until_stop(whole, request.sampling.stop)
        return pieces, end is not None or pieces != whole

    def _generation(
        self,
        prompted: Prompted,
        row: list[int],
        labels: list[Mapping[str, float]],
        scored: tuple[float, ...] | None,
    ) -> Generation:
        _, request, prompt = prompted
        pieces, ended = self._text(request, row)
        return Generation(
            request.id,
            "".join(pieces),
            "",
            pieces,
            "stop" if ended else "length",
            Usage(1, len(prompt), len(pieces)),
            tuple(labels[: len(pieces)]),
            prompt_logprobs=scored,
        )


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
