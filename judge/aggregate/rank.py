"""`rank`: n items, a judge that compares two of them, and a schedule that decides what to ask."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from msgspec.structs import replace

from judge.aggregate.ledger import Ledger
from judge.aggregate.schedules import SCHEDULES
from judge.aggregate.strength import check_profile, check_seeds, fit
from judge.errors import ConfigError
from judge.types import Compare, FloatArray, JudgeProfile, Ranking


async def rank(
    n: int,
    compare: Compare,
    *,
    method: str = "balanced",
    orders: Literal["one", "both"] = "one",
    seed: int = 0,
    keys: Sequence[str] | None = None,
    budget: int | None = None,
    seeds: Sequence[float] | None = None,
    anchor: int | None = None,
    profile: JudgeProfile | None = None,
) -> Ranking:
    """Rank n items by asking `compare` for some pairs of them.

    `strengths` are always the joint posterior over all comparisons (see `strengths`). `ranks`
    follow them for round_robin, balanced, active and pool. The others rank by their own rule: the
    eliminations and knockout by survival, then mean score; swiss by points a game, then
    Buchholz; copeland by Copeland score; anchor and reference by the margin against the anchor.

    Args:
        n: Number of items. 0 and 1 ask nothing; a lone item gets None.
        compare: Awaited with batches of ordered pairs (first shown, second shown); answers each
            with a `Comparison` or a `Failure`, in the same order.
        method: A name in `SCHEDULES`.
        orders: "one": each pair in one display order, balanced; "both": in both.
        seed: All random draws derive from it.
        keys: A content hash an item. Permuting items then permutes the result and changes nothing
            else; without keys the index order counts.
        budget: The most ordered calls `compare` may be asked, calls asked again included; None:
            what the method needs, for balanced and active 4 (n - 1).
        seeds: A cheap score an item (higher = better), any unit.
        anchor: The fixed opponent of `anchor` and `reference`.
        profile: Pooled properties of the judge; None: estimated inside the group.

    Returns:
        Ranks, strengths and the books. A failed comparison is missing; an item without a single
        valid one has None.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    ledger, standing = await contest(
        n,
        compare,
        method=method,
        orders=orders,
        seed=seed,
        keys=keys,
        budget=budget,
        seeds=seeds,
        anchor=anchor,
        profile=profile,
    )
    if n < 2:
        return Ranking((None,) * n, (None,) * n, None, 0, 0, 0, 0.0, (), method)
    return ranking_of(ledger, standing)


async def contest(
    n: int,
    compare: Compare,
    *,
    method: str,
    orders: Literal["one", "both"] = "one",
    seed: int = 0,
    keys: Sequence[str] | None = None,
    budget: int | None = None,
    seeds: Sequence[float] | None = None,
    anchor: int | None = None,
    profile: JudgeProfile | None = None,
) -> tuple[Ledger, Sequence[float] | None]:
    """Hold the comparisons of `rank` (same arguments) without estimating strengths.

    For rewards that need none, such as the win rate: the estimate costs more than the books.

    Returns:
        The books, and the standing of schedules that rank by a rule of their own.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    _check(n, method, orders, keys, budget, seeds, anchor)
    check_profile(profile)
    places = _canonical(n, keys, seeds, anchor)
    material = hashlib.sha256(f"{seed}|{method}|{n}".encode()).digest()
    cheap = None if seeds is None else np.array([seeds[place] for place in places], dtype=float)
    ledger = Ledger(
        n,
        compare,
        places,
        np.random.default_rng(int.from_bytes(material[:8], "big")),
        method,
        orders == "both",
        budget,
        cheap,
        None if anchor is None else places.index(anchor),
        profile,
    )
    return ledger, None if n < 2 else await SCHEDULES[method](ledger)


def ranking_of(ledger: Ledger, standing: Sequence[float] | None) -> Ranking:
    """Fit the strengths in canonical order, then give every item its own place back."""
    told = tuple(ledger.comparisons)
    seeds = None if ledger.seeds is None else ledger.seeds.tolist()
    result = fit(ledger.n, told, ledger.data(), seeds, ledger.profile, standing)
    back = np.argsort(np.array(ledger.places))
    covariance: FloatArray | None = None
    if result.covariance is not None:
        covariance = result.covariance[np.ix_(back, back)]
    return replace(
        result,
        ranks=tuple(result.ranks[k] for k in back),
        strengths=tuple(result.strengths[k] for k in back),
        covariance=covariance,
        calls=ledger.calls,
        failed=ledger.failed,
        depth=ledger.depth,
        method=ledger.method,
    )


def _canonical(
    n: int, keys: Sequence[str] | None, seeds: Sequence[float] | None, anchor: int | None
) -> list[int]:
    """Canonical to caller's index: by key, then what tells equal keys apart, then occurrence."""
    if keys is None:
        return list(range(n))
    cheap = [0.0] * n if seeds is None else seeds
    return sorted(range(n), key=lambda i: (keys[i], i != anchor, cheap[i], i))


def _check(
    n: int,
    method: str,
    orders: str,
    keys: Sequence[str] | None,
    budget: int | None,
    seeds: Sequence[float] | None,
    anchor: int | None,
) -> None:
    if n < 0:
        raise ConfigError(f"n: {n} is not a number of items")
    if method not in SCHEDULES:
        raise ConfigError(f"method: {method!r} is unknown", hint=f"use one of {sorted(SCHEDULES)}")
    if orders not in ("one", "both"):
        raise ConfigError(f"orders: {orders!r} is neither 'one' nor 'both'")
    if keys is not None and len(keys) != n:
        raise ConfigError(f"keys: {len(keys)} keys for {n} items")
    check_seeds(seeds, n)
    if anchor is not None and not 0 <= anchor < n:
        raise ConfigError(f"anchor: {anchor} is not one of the {n} items")
    if budget is not None and budget < 0:
        raise ConfigError(f"budget: {budget} is not a number of calls")
