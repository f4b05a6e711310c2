"""One-round plans: which pairs to ask, and who is shown first, before any answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, gcd, sqrt

import numpy as np

from judge.aggregate.gaussian import moments, potential
from judge.aggregate.ledger import Ledger, Pair


def orient(pairs: Sequence[Pair], n: int) -> list[Pair]:
    """Choose display orders so that each item is first as often as second, +-1.

    Walks Euler circuits of the graph (items of odd degree are joined to one extra node) and shows
    each pair in the direction of the walk.

    Args:
        pairs: Distinct or repeated pairs of 0..n-1, in any order.
        n: Number of items.

    Returns:
        The same pairs, same order, each as (first shown, second shown).
    """
    edges = list(pairs)
    degree = [0] * n
    for i, j in edges:
        degree[i] += 1
        degree[j] += 1
    edges += [(i, n) for i in range(n) if degree[i] % 2]
    at: list[list[int]] = [[] for _ in range(n + 1)]
    for index, (i, j) in enumerate(edges):
        at[i].append(index)
        at[j].append(index)
    oriented: list[Pair | None] = [None] * len(edges)
    for start in range(n + 1):
        node = start
        while at[node]:
            index = at[node].pop()
            if oriented[index] is None:
                i, j = edges[index]
                other = j if node == i else i
                oriented[index] = (node, other)
                node = other
    return [pair for pair in oriented[: len(pairs)] if pair is not None]


@lru_cache(maxsize=512)
def circle_rounds(n: int) -> tuple[tuple[Pair, ...], ...]:
    """All pairs of n items as rounds of disjoint pairs (circle method).

    The rounds come in a fixed shuffled order whose first two form one Hamiltonian path or cycle,
    so that any n - 1 leading pairs connect all items.
    """
    size = n + n % 2
    rounds = []
    for r in range(size - 1):
        games = [(r, size - 1)] + [
            ((r + d) % (size - 1), (r - d) % (size - 1)) for d in range(1, size // 2)
        ]
        rounds.append(tuple(pair for pair in games if max(pair) < n))
    order = np.random.default_rng(n).permutation(len(rounds)).tolist()
    for k in range(1, len(order)):
        if gcd(order[k] - order[0], size - 1) == 1:
            order[1], order[k] = order[k], order[1]
            break
    return tuple(rounds[r] for r in order)


@lru_cache(maxsize=512)
def balanced_plan(n: int, pairs: int, start: int = 0) -> tuple[Pair, ...]:
    """The first `pairs` pairs of the circle rounds, in display orders balanced for each item.

    Every item is in as many pairs as any other (+-1 for even n) and is first as often as second,
    +-1. With `pairs` >= n - 1 the graph is connected; with n (n - 1) / 2 it is complete. With
    `start`, only the pairs from there on, balanced among themselves.
    """
    flat = [pair for games in circle_rounds(n) for pair in games]
    return tuple(orient(flat[start:pairs], n))


def relabel_to(plan: Sequence[Pair], names: Sequence[int]) -> list[Pair]:
    """The same plan on other items."""
    return [(names[i], names[j]) for i, j in plan]


def relabel(plan: Sequence[Pair], rng: np.random.Generator, n: int) -> list[Pair]:
    """The same plan on randomly renamed items."""
    return relabel_to(plan, rng.permutation(n).tolist())


def mirrored(pairs: Sequence[Pair]) -> list[Pair]:
    """The same pairs in the other display order."""
    return [(j, i) for i, j in pairs]


def pair_count(n: int) -> int:
    """Pairs of n items."""
    return n * (n - 1) // 2


async def _ask_all(ledger: Ledger, plan: list[Pair]) -> None:
    await ledger.ask(plan + mirrored(plan) if ledger.both else plan)


async def round_robin(ledger: Ledger) -> None:
    """Every pair in one batch: N (N - 1) / 2 calls, or twice that in both orders; depth 1."""
    n, pairs = ledger.n, pair_count(ledger.n)
    ledger.require(pairs * ledger.orders)
    await _ask_all(ledger, relabel(balanced_plan(n, pairs), ledger.rng, n))


async def balanced(ledger: Ledger) -> None:
    """As many pairs as the budget pays for, in one batch, every item in equally many, +-1.

    The default budget is 4 (N - 1) calls, what seeded single elimination takes, at most one call
    a pair (two in both orders). Each item is first as often as second, +-1. In one order a budget
    beyond all pairs asks for the other orders; no ordered pair is asked twice.
    """
    n, pairs = ledger.n, pair_count(ledger.n)
    ledger.require((n - 1) * ledger.orders)
    budget = min(4 * (n - 1), pairs * ledger.orders) if ledger.budget is None else ledger.budget
    count = budget // ledger.orders
    plan = relabel(balanced_plan(n, min(count, pairs)), ledger.rng, n)
    if not ledger.both and count > pairs:
        plan += mirrored(plan[: count - pairs])
    await _ask_all(ledger, plan)


async def anchor(ledger: Ledger) -> list[float]:
    """Every item against one: N - 1 calls, or twice that in both orders; depth 1.

    Ranks follow the margin against the anchor, the anchor's own being 0. In one order the anchor
    is always shown second: an order effect then shifts all margins alike and cannot change the
    order of the others, only the anchor's place. Without an `anchor` one is drawn.
    """
    n = ledger.n
    ledger.require((n - 1) * ledger.orders)
    fixed = ledger.draw_anchor()
    await _ask_all(ledger, [(i, fixed) for i in range(n) if i != fixed])
    strengths: list[float] = potential(moments(ledger.data()))[0].tolist()
    return strengths


async def pool(ledger: Ledger) -> None:
    """New items meet only a small pool that is renewed (Reasoning Arena, arXiv 2606.09380).

    The paper's abstract fixes the idea, not the numbers. As built here: a pool of m items plays
    all its pairs; the other items meet all of it in two waves, and before the second wave the pool
    becomes the m items that divide the strengths so far evenly. m (m - 1) / 2 + m (N - m) pairs
    with m = ceil(sqrt(N)), or the largest m <= N the budget pays for; depth 3.
    """
    n, rng = ledger.n, ledger.rng
    cost = [m * (m - 1) // 2 + m * (n - m) for m in range(n + 1)]
    ledger.require(cost[1] * ledger.orders)
    limit = cost[ceil(sqrt(n))] if ledger.budget is None else ledger.budget // ledger.orders
    size = max(m for m in range(1, n + 1) if cost[m] <= limit)
    drawn: list[int] = rng.permutation(n).tolist()
    members, rest = drawn[:size], drawn[size:]
    if size > 1:
        await _ask_all(ledger, relabel_to(balanced_plan(size, pair_count(size)), members))
    half = (len(rest) + 1) // 2
    for wave in (rest[:half], rest[half:]):
        plan = orient([(i, member) for i in wave for member in members], n)
        await _ask_all(ledger, plan)
        met = [i for i in drawn if i not in rest[half:]]
        strength = potential(moments(ledger.data()))[0]
        met.sort(key=lambda i: -strength[i])
        members = [met[k] for k in np.linspace(0, len(met) - 1, size).round().astype(int)]
