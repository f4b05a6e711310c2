"""Likeness in meaning by a neural encoder that the rubric names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from judge.checks.base import CheckParams, CheckResult, Inputs
from judge.checks.text import has_alphanumeric
from judge.errors import CheckError
from judge.types import FloatArray

_ONE = Lock()
"""A fast tokenizer cannot be used by two threads at once."""
_LONG = 32
"""Characters a token has at most, on average: longer texts are cut before they are tokenized."""


class SemanticRelevance(CheckParams):
    """How much the response is about what the prompt, or the reference, is about, in [0, 1].

    The relevance of R^3 (arXiv 2402.03469, by a review of the paper) with any encoder whose texts
    are the means of their tokens' last hidden states, as Contriever, E5 and GTE are (one trained on
    its first token is not). R^3 takes the dot product, which has no bounds; here it is the cosine,
    negative ones 0. `relevance` is the same without a model. Nothing is downloaded.
    """

    positional: ClassVar[str | None] = "encoder"
    starts_process: ClassVar[bool] = True  # it starts none, but takes as long

    encoder: str
    """Path of a model's folder, as `transformers` writes it."""
    to: Literal["prompt", "reference"] = "prompt"
    """What the response is compared with."""
    prefix: str = ""
    """Put before what the response is compared with, as in "query: " of E5."""
    response_prefix: str = ""
    """Put before the response, as in "passage: " of E5."""
    max_tokens: Annotated[int, Field(ge=8, le=8192, strict=True)] = 512
    """Where texts are cut, at most what the encoder takes."""
    min: Annotated[float, Field(gt=0.0, le=1.0, strict=True)] | None = None
    """With it the check passes or fails: the smallest value that passes."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Encode both and compare.

        Raises:
            CheckError: torch, transformers or the encoder is missing.
        """
        other = inputs.prompt if self.to == "prompt" else inputs.reference
        if not has_alphanumeric(other or ""):
            return CheckResult(None, f"the {self.to} has no words")
        if not has_alphanumeric(text):
            return CheckResult.of(False, "no words")
        texts = (f"{self.prefix}{other}", f"{self.response_prefix}{text}")
        first, second = encoded(texts, self.encoder, self.max_tokens)
        value = min(1.0, max(0.0, float(first @ second)))
        evidence = f"similarity {value:.3f}"
        if self.min is None:
            return CheckResult(value, evidence)
        return CheckResult.of(value >= self.min, evidence)

    def sentence(self) -> str:
        """Say what it is about."""
        return f"is about what the {self.to} is about"


def encoded(texts: Sequence[str], path: str, max_tokens: int) -> FloatArray:
    """[n, d] unit vectors: the means of the tokens' last hidden states.

    Raises:
        CheckError: torch, transformers or the encoder is missing.
    """
    with _ONE:
        tokenizer, model = _loaded(path)
        places = int(getattr(model.config, "max_position_embeddings", max_tokens))
        room = min(max_tokens, places, tokenizer.model_max_length)
        # One at a time: filled up to one length, texts would change each other's last digits.
        rows = [_vector(tokenizer, model, text[: _LONG * room], room) for text in texts]
    vectors: FloatArray = np.stack(rows)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: FloatArray = vectors / np.where(lengths > 0.0, lengths, 1.0)
    return unit


def _vector(tokenizer: Any, model: Any, text: str, room: int) -> FloatArray:
    import torch

    # A lone surrogate is no text to a tokenizer.
    clean = text.encode("utf-8", "replace").decode()
    batch = tokenizer(clean, truncation=True, max_length=room, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**batch).last_hidden_state[0].double().mean(dim=0)
    vector: FloatArray = hidden.numpy()
    return vector


@lru_cache(maxsize=2)
def _loaded(path: str) -> tuple[Any, Any]:
    """The tokenizer and the model, on the CPU in float32."""
    try:
        import torch
        import transformers
    except (ImportError, RuntimeError) as cause:
        raise CheckError(
            f"the check semantic_relevance needs torch and transformers: {cause}",
            hint="pip install 'judge-rm[transformers]'",
        ) from cause
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise CheckError(f"the encoder {path} is no folder", hint="nothing is downloaded")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = transformers.AutoModel.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32
        )
    except (OSError, ValueError) as cause:
        raise CheckError(f"the encoder {path} cannot be loaded: {cause}") from cause
    return tokenizer, model.eval()
