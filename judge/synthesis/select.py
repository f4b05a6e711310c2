"""Which criteria of a long list to keep: those that move, differ, know something, and are enough.

All of it reads leads, [pairs, criteria] in [-1, 1], above 0 where a criterion ranks a labelled pair
rightly and NaN where it was not judged (`evidence.leads_table`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.statistics import EVEN, cluster_codes, holm, sign_test
from judge.synthesis.evidence import check_leads
from judge.types import FloatArray, Record


class Redundant(Record, frozen=True):
    """Criteria that say the same."""

    keep: str
    """The most informative of them."""
    drop: tuple[str, ...]
    """Each agrees with the one that is kept."""


class Signal(Record, frozen=True):
    """How often a criterion agrees with the labels."""

    criterion: str
    right: int
    """Clusters in which it ranks more pairs rightly than wrongly; pairs, where none are given."""
    wrong: int
    p_value: float
    """Two-sided, exact, adjusted for the number of criteria (Holm): of a share this far from 1/2
    if it knew nothing. A criterion that is wrong more often than right is misleading."""


class Committee(Record, frozen=True):
    """A few criteria that stand for all pairs."""

    members: tuple[str, ...]
    """In the order they were chosen: the first k are the committee of k."""
    represented: tuple[float, ...]
    """Share of the pairs that the members so far, or one of them, rank rightly."""


def idle(
    leads: npt.ArrayLike, criteria: Sequence[str], *, tolerance: float = 0.01
) -> dict[str, str]:
    """Criteria that never tell two responses apart, and why.

    A criterion that always leads the same way is not idle: it is always right, or always wrong.

    Args:
        leads: [P, K]; NaN = missing.
        criteria: [K] ids.
        tolerance: A lead of at most this either way is none, in [0, 1].

    Returns:
        Reasons by id, in the order of the criteria.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    table = check_leads(leads, criteria)
    if not 0.0 <= tolerance <= 1.0:
        raise ConfigError(f"tolerance: {tolerance} is not in [0, 1]")
    reasons = {}
    for name, column in zip(criteria, table.T, strict=True):
        known = column[~np.isnan(column)]
        if not len(known):
            reasons[name] = f"never judged in {len(column)} pairs"
        elif abs(known).max() <= tolerance:
            reasons[name] = f"even within {tolerance:g} in all {len(known)} pairs judged"
    return reasons


def redundant(
    leads: npt.ArrayLike,
    criteria: Sequence[str],
    *,
    agreement: float = 0.95,
    correlation: float = 0.95,
    least: int = 20,
) -> tuple[Redundant, ...]:
    """Groups of criteria that say the same, and which one of each to keep.

    Two criteria say the same if their leads correlate and have the same sign, both at least so
    much, over the pairs where both are judged and one of them leads. The correlation is taken about
    0, which is Pearson's if each pair counts with its mirror: it does not matter which response
    is called better. The more informative is kept: more pairs right than wrong, then larger leads,
    then the id. All that are dropped agree with it, if not with each other.

    Args:
        leads: [P, K]; NaN = missing.
        criteria: [K] ids.
        agreement: Share of equal signs, in [0, 1].
        correlation: In [0, 1].
        least: Pairs without which nothing is said, >= 1.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    table = check_leads(leads, criteria)
    for name, limit in (("agreement", agreement), ("correlation", correlation)):
        if not 0.0 <= limit <= 1.0:
            raise ConfigError(f"{name}: {limit} is not in [0, 1]")
    if least < 1:
        raise ConfigError(f"least: {least} is not a number of pairs >= 1")
    filled, signs = np.nan_to_num(table), _signs(table)
    order = sorted(
        range(len(criteria)),
        key=lambda k: (-signs[:, k].sum(), -round(math.fsum(filled[:, k]), 9), criteria[k]),
    )
    found = []
    while order:
        best, *others = order
        limits = (agreement, correlation, least)
        alike = [k for k in others if _alike(table[:, best], table[:, k], limits)]
        if alike:
            found.append(Redundant(criteria[best], tuple(sorted(criteria[k] for k in alike))))
        order = [k for k in others if k not in alike]
    return tuple(found)


def signals(
    leads: npt.ArrayLike, criteria: Sequence[str], *, clusters: Sequence[str] | None = None
) -> tuple[Signal, ...]:
    """How often each criterion agrees with the labels, tested against chance.

    Args:
        leads: [P, K]; NaN = missing. A lead of 0 is neither right nor wrong.
        criteria: [K] ids.
        clusters: [P], such as the prompt of each pair: a cluster counts once, by its majority.
            None: every pair counts.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    table = check_leads(leads, criteria)
    codes = cluster_codes(clusters, len(table))
    votes = [np.bincount(codes, column) for column in _signs(table).T]
    right = [int((vote > 0.0).sum()) for vote in votes]
    wrong = [int((vote < 0.0).sum()) for vote in votes]
    p_values = holm([sign_test(*counts) for counts in zip(right, wrong, strict=True)])
    return tuple(map(Signal, criteria, right, wrong, p_values))


def uninformative(
    leads: npt.ArrayLike,
    criteria: Sequence[str],
    *,
    clusters: Sequence[str] | None = None,
    level: float = 0.05,
) -> tuple[str, ...]:
    """Criteria whose agreement with the labels cannot be told from a coin's, in their order.

    Not having shown anything is not the same as knowing nothing: with few pairs it is all of them.

    Args:
        leads: [P, K]; NaN = missing.
        criteria: [K] ids.
        clusters: See `signals`.
        level: Chance, in (0, 1), that any criterion that knows nothing is left out of the answer.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    if not 0.0 < level < 1.0:
        raise ConfigError(f"level: {level} is not in (0, 1)")
    found = signals(leads, criteria, clusters=clusters)
    return tuple(signal.criterion for signal in found if signal.p_value > level)


def committee(leads: npt.ArrayLike, criteria: Sequence[str], size: int) -> Committee:
    """A few criteria that represent the pairs in proportion: Phragmen's sequential rule.

    A pair supports the criteria that rank it rightly. Each member costs 1, borne by its supporters;
    the next is the one whose supporters would bear least, all alike, earlier costs included. Any
    share s of the pairs that agree on enough criteria gets its s * size of them (Brill, Freeman,
    Janson and Lackner 2024, Mathematical Programming 203: proportional justified representation).
    A criterion that knows nothing is supported by half of the pairs, so leave those out before.

    Args:
        leads: [P, K], leads (NaN = missing), or bools: whether the pair supports the criterion.
        criteria: [K] ids; the first by name is chosen of those that cost the same.
        size: Members wanted; fewer are chosen where no other criterion has a supporter.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    if size < 0:
        raise ConfigError(f"size: {size} is negative")
    supports = check_leads(leads, criteria) > EVEN
    loads = np.zeros(len(supports))
    reached = np.zeros(len(supports), dtype=np.bool_)
    columns = dict(zip(criteria, supports.T, strict=True))
    left = {name: columns[name] for name in sorted(columns) if columns[name].any()}
    members: list[str] = []
    represented: list[float] = []
    while left and len(members) < size:
        costs = {name: _cost(loads[backers]) for name, backers in left.items()}
        limit = min(costs.values()) + EVEN
        chosen = next(name for name, cost in costs.items() if cost <= limit)
        backers = left.pop(chosen)
        loads[backers] = costs[chosen]
        reached |= backers
        members.append(chosen)
        represented.append(float(reached.mean()))
    return Committee(tuple(members), tuple(represented))


def _cost(loads: FloatArray) -> float:
    # fsum: the order of the pairs must not decide between criteria that cost the same
    return (1.0 + math.fsum(loads)) / len(loads)


def _signs(table: FloatArray) -> FloatArray:
    """1 = right, -1 = wrong, 0 = even or missing."""
    signs: FloatArray = np.where(abs(table) > EVEN, np.sign(table), 0.0)
    return signs


def _alike(first: FloatArray, second: FloatArray, limits: tuple[float, float, int]) -> bool:
    agreement, correlation, least = limits
    both = ~np.isnan(first) & ~np.isnan(second)
    signs = _signs(np.stack([first[both], second[both]]))
    moving = signs.any(0)
    a, b = first[both][moving], second[both][moving]
    length = math.sqrt(float(a @ a) * float(b @ b))
    if len(a) < least or length == 0.0:
        return False
    same = float((signs[0] == signs[1])[moving].mean())
    return same >= agreement - EVEN and float(a @ b) / length >= correlation - EVEN
