"""Likeness in meaning by vectors of words: to the reference, and to the prompt.

Without a table each word is like itself alone. A table is a NumPy archive (`.npz`) with `words`
[n], case-folded, and `vectors` [n, d]: the input embeddings of a language model, or static ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from judge.checks.base import CheckParams, CheckResult, Inputs
from judge.checks.text import folded, words
from judge.errors import CheckError
from judge.types import FloatArray

_MAX_WORDS = 1_000
Smallest = Annotated[float, Field(gt=0.0, le=1.0, strict=True)]


class _Likeness(CheckParams):
    table: str | None = None
    """Path of the vectors; without it words are compared as they are written."""
    min: Smallest | None = None
    """With it the check passes or fails: the smallest value that passes."""

    def _verdict(self, value: float, evidence: str) -> CheckResult:
        value = min(1.0, max(0.0, value))
        if self.min is None:
            return CheckResult(value, evidence)
        return CheckResult.of(value >= self.min, evidence)


class EmbeddingMatch(_Likeness):
    """How well the words of the response and of the reference match one another, in [0, 1].

    BMAS, the bidirectional max-average similarity of Mixed-R1 (arXiv 2505.24164): for every word of
    one text the largest cosine with a word of the other, averaged, in both directions; the mean of
    the two. The paper matches tokens by a tokenizer's embeddings: give those as the table. Negative
    cosines count 0; texts are cut after 1,000 words.
    """

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Match the words."""
        if inputs.reference is None:
            return CheckResult(None, "there is no reference to compare with")
        said, right = _words(text), _words(inputs.reference)
        if not right:
            return CheckResult(None, "the reference has no words")
        if not said:
            return CheckResult.of(False, "no words")
        value = bmas(_cosines(said, right, self.table))
        return self._verdict(value, f"similarity {value:.3f}")

    def sentence(self) -> str:
        """Say what it is like."""
        return "says the same as the reference"


class Relevance(_Likeness):
    """How much the response is about what the prompt, or the reference, is about, in [0, 1].

    The cosine of the mean word vectors (of the counts of words without a table), in place of the
    encoder of R^3, the regularised relevance reward, which `semantic_relevance` has. A copy of the
    prompt is the most relevant of all: use it with `echo`.
    """

    to: Literal["prompt", "reference"] = "prompt"
    """What the response is compared with."""

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Compare the means."""
        other = inputs.prompt if self.to == "prompt" else inputs.reference
        right = _words(other or "")
        if not right:
            return CheckResult(None, f"the {self.to} has no words")
        said = _words(text)
        if not said:
            return CheckResult.of(False, "no words")
        inside = _cosines(said, said, self.table).sum(), _cosines(right, right, self.table).sum()
        value = float(_cosines(said, right, self.table).sum() / np.sqrt(inside[0] * inside[1]))
        return self._verdict(value, f"similarity {value:.3f}")

    def sentence(self) -> str:
        """Say what it is about."""
        return f"is about what the {self.to} is about"


def bmas(cosines: FloatArray) -> float:
    """Bidirectional max-average similarity (Mixed-R1, arXiv 2505.24164), in [0, 1].

    Args:
        cosines: [n, m], of each unit of one text with each of the other; n, m >= 1.
    """
    near = np.clip(cosines, 0.0, 1.0)
    return float((near.max(axis=1).mean() + near.max(axis=0).mean()) / 2.0)


def _words(text: str) -> list[str]:
    # A word has at least one character, so nothing beyond this is needed for the words kept.
    found = words(folded(text[: _MAX_WORDS * 20], case=False))
    kept = ("".join(filter(str.isalnum, word)) for word in found[:_MAX_WORDS])
    return [word for word in kept if word]


def _cosines(first: Sequence[str], second: Sequence[str], table: str | None) -> FloatArray:
    """[len(first), len(second)]; a word is like itself, and like nothing else without a vector."""
    numbers = {word: number for number, word in enumerate({*first, *second})}
    codes = [np.array([numbers[word] for word in side]) for side in (first, second)]
    same: FloatArray = (codes[0][:, None] == codes[1][None, :]).astype(np.float64)
    if table is None:
        return same
    rows, vectors = _loaded(table)
    sides = [
        np.stack([vectors[rows[word]] if word in rows else vectors[-1] for word in side])
        for side in (first, second)
    ]
    cosines: FloatArray = np.maximum(same, sides[0] @ sides[1].T)
    return cosines


@lru_cache(maxsize=4)
def _loaded(path: str) -> tuple[dict[str, int], FloatArray]:
    """Rows by word, and unit vectors with a zero vector as the last."""
    try:
        with np.load(Path(path).expanduser(), allow_pickle=False) as file:
            listed, given = file["words"], np.asarray(file["vectors"], dtype=np.float64)
    except (OSError, KeyError, ValueError) as cause:
        raise CheckError(f"the table {path} cannot be read: {cause}") from cause
    if given.ndim != 2 or listed.shape != (len(given),) or not np.isfinite(given).all():
        raise CheckError(f"the table {path}: need words [n] and finite vectors [n, d]")
    lengths = np.linalg.norm(given, axis=1, keepdims=True)
    unit = given / np.where(lengths > 0.0, lengths, 1.0)
    rows = {str(word): row for row, word in enumerate(listed)}
    return rows, np.vstack([unit, np.zeros((1, given.shape[1]))])
