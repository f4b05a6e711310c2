"""The one table of schedules: a name, and the coroutine that decides what is asked next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType

from judge.aggregate.adaptive import active, copeland
from judge.aggregate.brackets import double_elimination, knockout, single_elimination
from judge.aggregate.designs import anchor, balanced, pool, round_robin
from judge.aggregate.ledger import Ledger
from judge.aggregate.swiss import swiss

Schedule = Callable[[Ledger], Awaitable[Sequence[float] | None]]
"""Asks through the ledger; returns one standing an item (higher = better) if it ranks by its own
rule, None if the posterior strengths decide."""

SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {
        "round_robin": round_robin,
        "anchor": anchor,
        "reference": anchor,
        "pool": pool,
        "swiss": swiss,
        "single_elimination": single_elimination,
        "double_elimination": double_elimination,
        "knockout": knockout,
        "balanced": balanced,
        "active": active,
        "copeland": copeland,
    }
)
