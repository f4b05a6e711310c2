"""A leaderboard of the systems in a run, over all its groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

from judge.aggregate.rating_methods import Method
from judge.aggregate.ratings import Leaderboard, leaderboard
from judge.errors import ConfigError

REFERENCE = "reference"
"""What a reference answer is called that competes."""


class Game(NamedTuple):
    """One comparison of two systems."""

    first: str
    second: str
    outcome: float
    """Probability that the first is better, a tie counting half."""
    group: str


def games(rows: Iterable[Mapping[str, Any]]) -> Iterator[Game]:
    """What result rows say of who is better.

    Where pairs were judged, each verdict is one game. Elsewhere each two responses of a group with
    a reward are: the higher reward wins. Responses have the name of their system, or else of their
    place in the group; two of one system do not meet.
    """
    for row in rows:
        names = _names(row)
        group = f"{row.get('source')} {row['group_id']}"
        for first, second, outcome in _met(row):
            if names[first] != names[second]:
                yield Game(names[first], names[second], outcome, group)


def _names(row: Mapping[str, Any]) -> list[str]:
    given = row.get("systems") or [None] * len(row["values"])
    names = [f"response {at}" if name is None else name for at, name in enumerate(given)]
    return [*names, REFERENCE]


def _met(row: Mapping[str, Any]) -> Iterator[tuple[int, int, float]]:
    pairs = [verdict for verdict in row["verdicts"] if verdict["kind"] == "pairwise"]
    for pair in pairs:
        yield pair["first"], pair["second"], pair["p_first"] + pair["p_tie"] / 2.0
    if not pairs:
        known = [(at, value) for at, value in enumerate(row["values"]) if value is not None]
        for (i, a), (j, b) in combinations(known, 2):
            yield i, j, 0.5 if a == b else float(a > b)


def standings(
    rows: Iterable[Mapping[str, Any]],
    *,
    method: Method = "bradley_terry",
    bootstrap: int = 200,
    seed: int = 0,
) -> Leaderboard:
    """Rate the systems of a run; intervals are drawn over groups (see `leaderboard`).

    Raises:
        ConfigError: Nothing is compared, or the comparisons do not link all systems.
    """
    found = list(games(rows))
    if not found:
        raise ConfigError("no two systems were judged in one group")
    outcomes = [game.outcome for game in found]
    if method == "newman":
        outcomes = [0.5 if p == 0.5 else float(p > 0.5) for p in outcomes]
    several = len({game.group for game in found}) > 1
    return leaderboard(
        [game.first for game in found],
        [game.second for game in found],
        outcomes,
        method=method,
        clusters=[game.group for game in found] if several else None,
        bootstrap=bootstrap if several else 0,
        seed=seed,
    )
