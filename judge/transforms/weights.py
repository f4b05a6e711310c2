"""How much a pair, a ranked list or a group should count in a preference loss."""

from __future__ import annotations

from typing import Literal

import numpy as np

from judge.errors import ConfigError
from judge.transforms.judged import Values, check_range, judged, mean_ranks
from judge.types import FloatArray

GREATEST_LABEL = 100.0
"""2^label is taken of labels; larger ones are a mistake."""


def margin_scaling(
    margins: Values, *, beta: float = 0.1, w: float = 0.5, k: float = 0.5
) -> list[float | None]:
    """DPO's beta for each pair: beta * (1 + w * (1 - exp(-k * margin))) (MM-RLHF, MM-DPO).

    The paper's bounded form; its released code computes something else. w = .5 and k = .5 are
    recalled and not checked (its script has w = .1).

    Args:
        margins: One reward of the chosen less that of the rejected a pair, >= 0.
        beta: At margin 0, >= 0.
        w: The largest relative increase, >= 0.
        k: How fast it is reached, per unit of reward, >= 0.

    Returns:
        In [beta, beta * (1 + w)], growing with the margin.

    Raises:
        ConfigError: A margin or a parameter is negative.
    """
    for name, number in (("beta", beta), ("w", w), ("k", k)):
        if not number >= 0.0:
            raise ConfigError(f"{name}: {number} is negative")
    known = judged(margins=margins)
    check_range("margins", known.columns[0], 0.0)
    return known.back(beta * (1.0 - w * np.expm1(-k * known.columns[0])))


def lambda_weights(labels: Values, scores: Values | None = None) -> list[list[float | None]]:
    """LiPO-lambda's weights of all pairs of a list: what swapping the two would cost in DCG.

    |2^label_i - 2^label_j| * |1 / log2(1 + rank_i) - 1 / log2(1 + rank_j)|, as recalled from the
    paper and not checked.

    Args:
        labels: N rewards, at most 100.
        scores: N scores the ranks come from, the highest first: the paper uses the policy's own,
            beta * log-ratio, which move in training. None: by label. Ties share their mean rank.

    Returns:
        [N, N], symmetric, 0 on the diagonal; None where one of the two is not judged.

    Raises:
        ConfigError: A label is above 100, or the lengths differ.
    """
    known = judged(labels=labels, scores=labels if scores is None else scores)
    psi, order = known.columns
    check_range("labels", psi, -np.inf, GREATEST_LABEL)
    gain, discount = np.exp2(psi), 1.0 / np.log2(2.0 + mean_ranks(-order))
    table = np.abs(gain[:, None] - gain) * np.abs(discount[:, None] - discount)
    rows: list[list[float | None]] = [[None] * known.n for _ in range(known.n)]
    for i, row in zip(known.at, table, strict=True):
        rows[i] = known.back(row)
    return rows


def consistency_weight(
    first: Values, second: Values, *, form: Literal["kendall", "spearman", "ends"] = "kendall"
) -> float | None:
    """How far two judgments of one group agree on its order (CREAM, Raibows/CREAM).

    The loss becomes C * L(chosen over rejected) + (1 - C) * L(rejected over chosen).

    Args:
        first: N rewards, by one judge, checkpoint, seed or order of showing.
        second: N rewards by another.
        form: `kendall`: (tau-b + 1) / 2. `spearman`: (rho + 1) / 2. `ends`: 1 if both have the
            same best and the same worst, else 0. The paper's code breaks ties by position; here
            tied responses stay tied.

    Returns:
        C in [0, 1] over the responses judged twice. None with fewer than two of them, or where one
        side has them all tied: take the data set's mean there, as the paper does.

    Raises:
        ConfigError: The lengths differ, or the form is unknown.
    """
    a, b = judged(first=first, second=second).columns
    if np.unique(a).size < 2 or np.unique(b).size < 2:
        return None
    if form == "ends":
        best = ((a == a.max()) == (b == b.max())).all()
        return float(best and ((a == a.min()) == (b == b.min())).all())
    if form == "spearman":
        return (_cosine(_centred(mean_ranks(a)), _centred(mean_ranks(b))) + 1.0) / 2.0
    if form == "kendall":
        signs = (np.sign(x[:, None] - x).ravel() for x in (a, b))
        return (_cosine(*signs) + 1.0) / 2.0
    raise ConfigError(f"form: {form!r} is not kendall, spearman or ends")


def _centred(numbers: FloatArray) -> FloatArray:
    centred: FloatArray = numbers - numbers.mean()
    return centred


def _cosine(a: FloatArray, b: FloatArray) -> float:
    """Of signs of differences this is tau-b; of centred ranks it is Spearman's rho."""
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1.0, 1.0))
