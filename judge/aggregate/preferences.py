"""From calls to pairs: both display orders of a pair joined into one preference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from judge.types import Comparison, Preference

Sides = dict[bool, list[Comparison]]
"""A pair's comparisons by whether the lower index was shown first."""


def preferences(
    comparisons: Iterable[Comparison], *, band: float = 0.0, keys: Sequence[str] | None = None
) -> list[Preference]:
    """Join all comparisons of each unordered pair, in order of (i, j).

    Orders count equally, however often each was asked: the order effect then cancels. `flipped`
    says whether the two orders prefer different sides, and is None where one order is missing.

    Args:
        comparisons: Valid comparisons; a failed call is simply not among them.
        band: A pair with |p_i - p_j| at or below this becomes a certain tie, if `band` > 0.
        keys: A content hash an item. What was said of one item is then said of all with its key.
    """
    pairs: dict[tuple[int, int], Sides] = {}
    for comparison in comparisons:
        ascending = comparison.first < comparison.second
        pair = (comparison.first, comparison.second)
        key = pair if ascending else (pair[1], pair[0])
        pairs.setdefault(key, {}).setdefault(ascending, []).append(comparison)
    if keys is not None and len(set(keys)) < len(keys):
        pairs = _shared(pairs, keys)
    return [_joined(i, j, orders, band) for (i, j), orders in sorted(pairs.items())]


def _shared(
    pairs: dict[tuple[int, int], Sides], keys: Sequence[str]
) -> dict[tuple[int, int], Sides]:
    """All pairs of items equal to a pair's two, each with the comparisons of all of these."""
    pools: dict[tuple[str, str], Sides] = {}
    for (i, j), sides in pairs.items():
        a, b = keys[i], keys[j]
        for ascending, asked in sides.items():
            pools.setdefault((a, b), {}).setdefault(ascending, []).extend(asked)
            if a != b:
                pools.setdefault((b, a), {}).setdefault(not ascending, []).extend(asked)
    return {
        (i, j): pools[keys[i], keys[j]]
        for i in range(len(keys))
        for j in range(i + 1, len(keys))
        if (keys[i], keys[j]) in pools
    }


def _joined(i: int, j: int, orders: Sides, band: float) -> Preference:
    sides = []
    weight = 0.0
    for ascending, asked in orders.items():
        if len(asked) == 1 and asked[0].weight > 0.0:
            (only,) = asked
            weight += only.weight
            pair = (only.p_first, only.p_second)
            sides.append(pair if ascending else pair[::-1])
            continue
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
