"""More reward for what the policy seldom says: by its own likelihood, or by unlikeness to siblings.

Both scale rewards down, which is only sensible where they are not negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.transforms.judged import Values, check_range, judged, mean_ranks
from judge.types import FloatArray


def unlikeliness(
    values: Values, mean_logprobs: Values, *, beta: float = 0.25
) -> list[float | None]:
    """r_i * (1 - beta * rank_i / G), rank 0 = the response the policy found least likely.

    Source: the unlikeliness reward of AndreHe02's Lean trainer (beta .25, G 32).

    Args:
        values: N rewards >= 0.
        mean_logprobs: N means of the tokens' log-probabilities under the policy. Equal ones share
            their mean rank. A response without one has no value and takes no rank.
        beta: In [0, 1].

    Raises:
        ConfigError: A reward is negative, or `beta` is out of range.
    """
    if not 0.0 <= beta <= 1.0:
        raise ConfigError(f"beta: {beta} is not in [0, 1]")
    known = judged(values=values, mean_logprobs=mean_logprobs)
    r, logprobs = known.columns
    check_range("values", r, 0.0)
    return known.back(r * (1.0 - beta * mean_ranks(logprobs) / max(len(r), 1)))


def diversity(
    values: Values,
    *,
    embeddings: npt.ArrayLike | None = None,
    similarity: npt.ArrayLike | None = None,
) -> list[float | None]:
    """r_i / sum_j max(0, cos(e_i, e_j)) over the judged group, i itself included (DRA-GRPO).

    Two equal responses get half each. Unlike the released code the sum is over the group, not the
    process's batch, negative similarities count as 0, and there is no 1e-6 in the denominator: a
    response's similarity with itself is 1, so it is at least 1.

    Args:
        values: N rewards in [0, 1].
        embeddings: [N, D], any length; a zero vector is like nothing but itself.
        similarity: [N, N] cosines instead (`text_similarity` needs no encoder): symmetric, 1 on
            the diagonal. Exactly one of the two is given.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    if (embeddings is None) is (similarity is None):
        raise ConfigError("similarity: give either embeddings or a similarity matrix")
    known = judged(values=values)
    (r,) = known.columns
    check_range("values", r, 0.0, 1.0)
    if embeddings is not None:
        table = _cosines(_table("embeddings", embeddings, known.n))
    else:
        table = _similarities(_table("similarity", similarity, known.n))
    at = list(known.at)
    return known.back(r / np.maximum(table[np.ix_(at, at)], 0.0).sum(axis=1))


def text_similarity(texts: Sequence[str], *, n: int = 3) -> FloatArray:
    """Cosines of character n-gram counts, [N, N] in [0, 1], 1 on the diagonal.

    A text shorter than n is one n-gram; an empty one is like nothing but itself and empty ones.

    Raises:
        ConfigError: n is below 1.
    """
    if n < 1:
        raise ConfigError(f"n: {n} is not at least 1")
    grams = [[text[i : i + n] for i in range(max(1, len(text) - n + 1))] for text in texts]
    place = {gram: at for at, gram in enumerate(dict.fromkeys(chain.from_iterable(grams)))}
    counts = np.zeros((len(grams), len(place)))
    for row, found in zip(counts, grams, strict=True):
        row += np.bincount([place[gram] for gram in found], minlength=len(place))
    return _cosines(counts)


def _table(name: str, given: npt.ArrayLike | None, n: int) -> FloatArray:
    table = np.asarray(given, dtype=np.float64)
    if n == 0:
        return np.zeros((0, 0))
    if table.ndim != 2 or len(table) != n:
        raise ConfigError(f"{name}: the shape is {table.shape}, not {n} rows")
    if not np.isfinite(table).all():
        raise ConfigError(f"{name}: not all numbers are finite")
    return table


def _cosines(vectors: FloatArray) -> FloatArray:
    norm = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    unit = vectors / np.where(norm > 0.0, norm, 1.0)
    table: FloatArray = np.clip(unit @ unit.T, -1.0, 1.0)
    np.fill_diagonal(table, 1.0)
    return table


def _similarities(table: FloatArray) -> FloatArray:
    if table.shape[0] != table.shape[1]:
        raise ConfigError(f"similarity: the shape is {table.shape}, not [N, N]")
    if not np.allclose(table.diagonal(), 1.0, atol=1e-3) or not np.allclose(table, table.T):
        raise ConfigError("similarity: must be symmetric with 1 on the diagonal")
    check_range("similarity", table, -1.001, 1.001)
    return table
