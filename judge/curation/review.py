"""Judges set against each other: peer review of labels, and how consistent their orders are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.types import FloatArray

LEVEL = 1e-9
"""Leads closer to 0 than this are ties."""


def peer_review(first: FloatArray, second: FloatArray, share: float) -> npt.NDArray[np.int64]:
    """How many of two judges pass each label: 0, 1 or 2, [n]; -1 where one has no verdict.

    After CRM (Collaborative Reward Modeling, Zhang et al. 2025, arXiv 2505.10597): each of two
    models picks the pairs on whose label it has the largest margin, and what one picks the other
    learns from. Nothing is trained here, so each passes its surest `share` once; pairs that
    neither passes are likely noise. (From the abstract and reviews; the paper's schedule of
    shares, its curriculum, belongs to training.)

    Args:
        first: How far the labelled response leads for one judge, [n], in [-1, 1]; NaN: no verdict.
        second: The same for the other.
        share: What each passes, in (0, 1]; pairs that tie with the last one pass too.

    Raises:
        ConfigError: An argument is wrong.
    """
    if not 0.0 < share <= 1.0:
        raise ConfigError(f"peer review: the share {share} is not in (0, 1]")
    if first.shape != second.shape or first.ndim != 1:
        raise ConfigError("peer review: need two lists of one length")
    both = ~(np.isnan(first) | np.isnan(second))
    passed = np.full(len(first), -1)
    if both.any():
        number = max(1, round(share * int(both.sum())))
        picks = [lead[both] >= np.sort(lead[both])[-number] for lead in (first, second)]
        passed[both] = picks[0].astype(np.int64) + picks[1]
    return passed


def consistency(votes: FloatArray, prompts: Sequence[str]) -> FloatArray:
    """How far the members agree on the order of a prompt's responses, C of each pair, [n].

    CREAM (Wang et al. 2024; Raibows/CREAM): C = (Kendall's tau + 1) / 2 between two judgments of
    a prompt's responses, which is the share of its pairs that both put in one order. Here the
    pairs are those of the data, and C is the mean over all two members. The loss becomes
    C * L(chosen over rejected) + (1 - C) * L(rejected over chosen): C is a soft label. Pairs on
    which a member ties say nothing. (`judge.transforms.consistency_weight` is the same number from
    two lists of rewards.)

    Args:
        votes: P(one fixed side is better), [n, members]; NaN: no vote.
        prompts: What each pair shares with the others of its prompt, [n].

    Returns:
        In [0, 1], equal for the pairs of a prompt. Where nothing is known, the mean over the
        prompts that have one, as in the paper's code; NaN if none has.
    """
    names, codes = np.unique(np.array(prompts, dtype=str), return_inverse=True)
    totals, members = np.zeros(len(names)), np.zeros(len(names))
    signs = np.where(abs(votes - 0.5) <= LEVEL, 0.0, np.sign(votes - 0.5))
    for a, b in combinations(range(votes.shape[1]), 2):
        product = signs[:, a] * signs[:, b]
        known = ~np.isnan(product) & (product != 0.0)
        counts = np.bincount(codes[known], minlength=len(names))
        agree = np.bincount(codes[known], product[known] > 0.0, minlength=len(names))
        totals += np.divide(agree, counts, out=np.zeros(len(names)), where=counts > 0)
        members += counts > 0
    shares = np.divide(totals, members, out=np.full(len(names), np.nan), where=members > 0)
    rest = float(np.nanmean(shares)) if (members > 0).any() else np.nan
    return np.where(np.isnan(shares), rest, shares)[codes]
