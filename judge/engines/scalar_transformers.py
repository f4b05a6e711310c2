"""Scalar reward models on Hugging Face transformers: one forward pass a response, the raw logit.

The pooled token, its padding and the head are the model class's own
(`AutoModelForSequenceClassification`; of `trust_remote_code` models also the class they name for
`AutoModel`). Batches are padded on the right with the padding token of the model's configuration,
by which its class finds the last token; a model whose configuration names none is asked one
response at a time. A time limit does not interrupt a forward pass.

Tested with transformers 5.19.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from judge.engines.base import check_room, failed, model_digest
from judge.engines.reward_styles import Style
from judge.engines.scalar import (
    INPUTS,
    ChatInputs,
    PolarInputs,
    check_style,
    label_index,
    read_scalar,
    weights_digest,
)
from judge.engines.transformers_model import Prompted, TransformersModel
from judge.errors import ConfigError, EngineError, EngineUnavailable, RequestRefused
from judge.types import Abilities, Failure, Generation, GenerationRequest, Usage

CLASSIFIER = "AutoModelForSequenceClassification"


class ScalarTransformers(TransformersModel[ChatInputs | PolarInputs]):
    """A scalar reward model on transformers in this process.

    A request's messages are the conversation with the response as its last turn
    (`judge.judges.reward_inputs`), or its token ids the whole input. The answer has no text; its
    `scalar` is the logit, without bounds.

    Args:
        model: A hub name or a local folder.
        name: What the engine calls itself.
        style: How a conversation becomes an input (`judge.engines.reward_styles`).
        label: Which output is the reward, by index or by name, where the model has several.
        batch: Most responses in one forward pass.
        dtype: A torch dtype by name; by default the checkpoint's own.
        device: `cuda`, `cpu`, ...; by default cuda where there is one.
        context_tokens: Context length; by default the model's own.
        trust_remote_code: Whether code that comes with the model may run.

    Raises:
        ConfigError: There is no such style.
    """

    def __init__(
        self,
        model: str,
        *,
        name: str | None = None,
        style: Style = "chat",
        label: int | str | None = None,
        batch: int = 8,
        dtype: str = "auto",
        device: str | None = None,
        context_tokens: int | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        check_style(style)
        super().__init__(model, name or f"reward:{model}", batch, dtype, device, context_tokens)
        self._style = style
        self._label = label
        self._trusted = {"trust_remote_code": bool(trust_remote_code)}

    def _load(self) -> None:
        try:
            import transformers
        except (ImportError, RuntimeError) as error:
            raise EngineUnavailable(
                f"transformers cannot be used: {error}", hint="see `judge engines`"
            ) from error
        model, tokenizer, told = self._loaded(self._auto(transformers), **self._trusted)
        if told["missing_keys"]:  # transformers would draw them at random
            missing = ", ".join(sorted(told["missing_keys"])[:5])
            raise ConfigError(
                f"{self._path} is no reward model: it has no weights for {missing}",
                hint="a model that generates is used by transformers:MODEL",
            )
        self._tokenizer = INPUTS[self._style](tokenizer)
        self._pad = model.config.get_text_config().pad_token_id
        # Two tokens: a head that gives a number for each must not pass for one of one output.
        self._count = len(_outputs(model, [(0, 0)], None)[0])
        self._index = label_index(self._label, model.config.id2label or {}, self._count)
        self._model = model
        self.abilities = Abilities(
            context_tokens=self._context(model), scalar=True, reference=self._style == "polar"
        )
        self.digest = model_digest(
            self._path,
            engine="reward",
            version=transformers.__version__,
            dtype=str(model.dtype),
            commit=getattr(model.config, "_commit_hash", None),
            weights=weights_digest(self._path),
            style=self._style,
            label=self._index,
        )

    def _auto(self, transformers: Any) -> Any:
        """The class that loads it; `AutoModel` where the model's own code is named for it alone."""
        if self._trusted["trust_remote_code"]:
            try:
                config = transformers.AutoConfig.from_pretrained(self._path, **self._trusted)
            except (OSError, ValueError) as error:
                raise EngineUnavailable(f"{self._path} cannot be loaded: {error}") from error
            own = getattr(config, "auto_map", None) or {}
            if "AutoModel" in own and CLASSIFIER not in own:
                return transformers.AutoModel
        return transformers.AutoModelForSequenceClassification

    def _check(self, request: GenerationRequest, prompt: tuple[int, ...]) -> None:
        if not prompt:
            raise RequestRefused("there are no tokens")
        check_room(len(prompt), 0, self.abilities.context_tokens)

    def _batches(self, waiting: list[Prompted]) -> Iterator[list[Prompted]]:
        size = 1 if self._pad is None else self._batch
        alike = sorted(waiting, key=lambda item: len(item[2]))  # so that little is padded
        for start in range(0, len(alike), size):
            yield alike[start : start + size]

    def _generate(self, batch: list[Prompted], limit_s: float | None) -> list[Generation | Failure]:
        rows = _outputs(self._model, [ids for _, _, ids in batch], self._pad)
        return [self._answer(item, row) for item, row in zip(batch, rows, strict=True)]

    def _answer(self, prompted: Prompted, row: list[float]) -> Generation | Failure:
        _, request, prompt = prompted
        try:
            scalar = read_scalar(row, self._index, self._count)
        except EngineError as error:
            return failed(request, error)
        return Generation(request.id, "", usage=Usage(1, len(prompt), 0), scalar=scalar)


def _outputs(model: Any, prompts: list[tuple[int, ...]], pad: int | None) -> list[list[float]]:
    """All outputs of the head for each prompt; without a padding token, for one prompt."""
    import torch

    width = max(map(len, prompts))
    rows = [[*ids] + [pad or 0] * (width - len(ids)) for ids in prompts]
    mask = [[1] * len(ids) + [0] * (width - len(ids)) for ids in prompts]
    with torch.inference_mode():
        made = model(
            input_ids=torch.tensor(rows, device=model.device),
            attention_mask=torch.tensor(mask, device=model.device),
        )
    logits = made[0] if isinstance(made, tuple) else made.logits
    return logits.float().reshape(len(prompts), -1).tolist()  # type: ignore[no-any-return]
