"""Rules that set the responses of a group against each other by their criteria.

The responses were judged alone; their values on the criteria are the columns of a table. No call is
asked. All values are in [0, 1], higher = better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from judge.aggregate import voting
from judge.aggregate.competitive import competitive_swiss
from judge.aggregate.pareto import hierarchy, hierarchy_margins, maxmin, pareto_fronts
from judge.recipes import CriteriaSection
from judge.types import FloatArray

Rule = Callable[[FloatArray, FloatArray, CriteriaSection, int], FloatArray]
"""Table [N, K] (NaN = not judged), weights [K], settings, seed -> values [N], NaN = none."""


def group_values(
    table: Sequence[Sequence[float | None]],
    weights: Sequence[float],
    section: CriteriaSection,
    seed: int,
) -> list[float | None]:
    """Each response's value by the recipe's rule, in [0, 1].

    Args:
        table: [N, K], rows in a canonical order where the rule draws at random; None = not judged.
        weights: [K], >= 0; columns in the file's order. Those with weight 0 do not count.
        section: The rule and its settings.
        seed: Of the draws of competitive_swiss.

    Returns:
        [N]; None for a response of which nothing was judged, and for a lone one.
    """
    values = np.array(
        [[np.nan if v is None else v for v in row] for row in table], dtype=np.float64
    ).reshape(len(table), len(weights))
    counted = np.asarray(weights, dtype=np.float64) > 0.0
    values, counts = values[:, counted], np.asarray(weights, dtype=np.float64)[counted]
    known = ~np.isnan(values).all(1) if values.shape[1] else np.zeros(len(values), dtype=bool)
    found = np.full(len(values), np.nan)
    if known.sum() > 1:
        found[known] = GROUP_RULES[section.combine](values[known], counts, section, seed)
    return [None if value != value else value for value in found.tolist()]


def _votes(rule: Callable[[FloatArray, FloatArray], FloatArray], low: float, high: float) -> Rule:
    """A voting rule whose values lie in [low, high] times the sum of weights."""

    def scaled(
        table: FloatArray, weights: FloatArray, section: CriteriaSection, seed: int
    ) -> FloatArray:
        total = float(weights.sum())
        result: FloatArray = (rule(table, weights) / total - low) / (high - low)
        return result

    return scaled


def _borda(
    table: FloatArray, weights: FloatArray, section: CriteriaSection, seed: int
) -> FloatArray:
    result: FloatArray = voting.borda(table, weights) / (weights.sum() * (len(table) - 1))
    return result


def _copeland(
    table: FloatArray, weights: FloatArray, section: CriteriaSection, seed: int
) -> FloatArray:
    result: FloatArray = 0.5 + voting.copeland(table, weights) / (2.0 * (len(table) - 1))
    return result


def _condorcet(
    table: FloatArray, weights: FloatArray, section: CriteriaSection, seed: int
) -> FloatArray:
    """1 for the Condorcet winner, 0 for the rest, 1/2 for all where there is none."""
    winner = voting.condorcet(table, weights)
    if winner is None:
        return np.full(len(table), 0.5)
    values: FloatArray = (np.arange(len(table)) == winner).astype(np.float64)
    return values


def _pareto(
    table: FloatArray, weights: FloatArray, section: CriteriaSection, seed: int
) -> FloatArray:
    """1 on the first front, then down in equal steps; 1/2 where there is one front only."""
    fronts = np.array(pareto_fronts(table), dtype=np.float64)
    last = float(fronts.max())
    if last == 1.0:
        return np.full(len(table), 0.5)
    values: FloatArray = 1.0 - (fronts - 1.0) / (last - 1.0)
    return values


def _maxmin(
    table: FloatArray, weights: FloatArray, section: CriteriaSection, seed: int
) -> FloatArray:
    """The value on the criterion whose mean over the group is lowest (MaxMin-RLHF)."""
    return np.array(
        [np.nan if value is None else value for value in maxmin(table).values], dtype=np.float64
    )


def _hierarchy(
    table: FloatArray, weights: FloatArray, section: CriteriaSection, seed: int
) -> FloatArray:
    """HERON's comparator on all pairs, as the share won, ties half."""
    duels = hierarchy(table, hierarchy_margins(table, section.margin))
    result: FloatArray = 0.5 + duels.sum(1) / (2.0 * (len(table) - 1))
    return result


def _competitive_swiss(
    table: FloatArray, weights: FloatArray, section: CriteriaSection, seed: int
) -> FloatArray:
    """Expected Swiss score, criteria being the rounds (arXiv 2512.21010), as a share of the rounds.

    A tie is half a point each; where a response was not judged, neither side gets any.
    """
    gaps = table[:, None, :] - table[None, :, :]
    wins = np.where(np.isnan(gaps), np.nan, 0.5 + 0.5 * np.sign(gaps))
    scores = competitive_swiss(wins, eliminate=section.eliminate, seed=seed).score
    result: FloatArray = scores / table.shape[1]
    return result


GROUP_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "hierarchy": _hierarchy,
        "plurality": _votes(voting.plurality, 0.0, 1.0),
        "borda": _borda,
        "dowdall": _votes(voting.dowdall, 0.0, 1.0),
        "copeland": _copeland,
        "minimax": _votes(voting.minimax, -1.0, 0.0),
        "condorcet": _condorcet,
        "pareto": _pareto,
        "maxmin": _maxmin,
        "competitive_swiss": _competitive_swiss,
    }
)
