"""From calls to pairs: both display orders of a pair joined into one preference."""

from __future__ import annotations

from collections.abc import Iterable

from judge.types import Comparison, Preference


def preferences(comparisons: Iterable[Comparison], *, band: float = 0.0) -> list[Preference]:
    """Join all comparisons of each unordered pair, in order of (i, j).

    Orders count equally, however often each was asked: the order effect then cancels. `flipped`
    says whether the two orders prefer different sides, and is None where one order is missing.

    Args:
        comparisons: Valid comparisons; a failed call is simply not among them.
        band: A pair with |p_i - p_j| at or below this becomes a certain tie, if `band` > 0.
    """
    pairs: dict[tuple[int, int], dict[bool, list[Comparison]]] = {}
    for comparison in comparisons:
        ascending = comparison.first < comparison.second
        pair = (comparison.first, comparison.second)
        key = pair if ascending else (pair[1], pair[0])
        pairs.setdefault(key, {}).setdefault(ascending, []).append(comparison)
    return [_joined(i, j, orders, band) for (i, j), orders in sorted(pairs.items())]


def _joined(i: int, j: int, orders: dict[bool, list[Comparison]], band: float) -> Preference:
    sides = []
    weight = 0.0
    for ascending, asked in orders.items():
        total = sum(c.weight for c in asked)
        weight += total
        if total > 0.0:
            first = sum(c.weight * c.p_first for c in asked) / total
            second = sum(c.weight * c.p_second for c in asked) / total
            sides.append((first, second) if ascending else (second, first))
    if not sides:
        return Preference(i, j, 0.0, 1.0, 0.0, None, 0.0)
    p_i = sum(side[0] for side in sides) / len(sides)
    p_j = sum(side[1] for side in sides) / len(sides)
    flipped = None
    if len(sides) == 2:
        (a, b), (c, d) = sides
        flipped = (a - b) * (c - d) < 0.0
    if band > 0.0 and abs(p_i - p_j) <= band:
        p_i = p_j = 0.0
    return Preference(i, j, p_i, max(0.0, 1.0 - p_i - p_j), p_j, flipped, weight)
