"""Comparisons of named models as arrays, tables of who won, and whether these hang together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.types import FloatArray

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
TIE = 0.5
SHOWN = 5
"""Names that an error message lists of one set of models."""


class Games(NamedTuple):
    """Comparisons as arrays over [rows]; `first` and `second` count in `names`, first < second."""

    names: tuple[str, ...]
    """Of the n models, in alphabetical order."""
    first: IntArray
    second: IntArray
    outcome: FloatArray
    """Of the first, in [0, 1]: 1 = win, .5 = tie."""
    weight: FloatArray
    """Above 0."""

    def take(self, rows: IntArray | BoolArray) -> Games:
        """Only these rows, in this order."""
        return Games(
            self.names,
            self.first[rows],
            self.second[rows],
            self.outcome[rows],
            self.weight[rows],
        )

    def cells(self) -> tuple[Games, IntArray]:
        """The rows that differ, in an order that does not depend on theirs, and their counts."""
        _, outcome = np.unique(self.outcome, return_inverse=True)
        _, weight = np.unique(self.weight, return_inverse=True)
        key = self.first * len(self.names) + self.second
        key = (key * (int(outcome.max()) + 1) + outcome) * (int(weight.max()) + 1) + weight
        _, rows, counts = np.unique(key, return_index=True, return_counts=True)
        return self.take(rows), counts

    def table(self, times: npt.NDArray[np.int64] | None = None) -> tuple[FloatArray, FloatArray]:
        """Weight of wins of i over j and of ties of i with j, [n, n] each.

        An outcome that is not a tie counts as a win in part and as a loss in part.

        Args:
            times: How often each row counts, [rows]; None: once.
        """
        weight = self.weight if times is None else self.weight * times
        n = len(self.names)
        place = self.first * n + self.second
        tied = self.outcome == TIE

        def total(values: FloatArray) -> FloatArray:
            return np.bincount(place, values, n * n).astype(np.float64).reshape(n, n)

        decided, tie = np.where(tied, 0.0, weight), total(np.where(tied, weight, 0.0))
        won, lost = total(decided * self.outcome), total(decided * (1.0 - self.outcome))
        return won + lost.T, tie + tie.T


def read_games(
    first: Iterable[str],
    second: Iterable[str],
    outcome: npt.ArrayLike,
    weights: npt.ArrayLike | None,
) -> tuple[Games, BoolArray]:
    """Checked columns without the rows of weight 0, and which rows [given] were kept.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    left, right = items("first", first), items("second", second)
    if not left:
        raise ConfigError("first: there are no comparisons")
    if len(left) != len(right):
        raise ConfigError(f"second: {len(right)} models, but first has {len(left)}")
    names = {*left, *right}
    if odd := [name for name in names if not isinstance(name, str)]:
        side = "first" if odd[0] in left else "second"
        raise ConfigError(f"{side}: {odd[0]!r} is not the name of a model")
    result = numbers("outcome", outcome, len(left))
    if not ((result >= 0.0) & (result <= 1.0)).all():
        raise ConfigError("outcome: need numbers in [0, 1], 1 = the first wins")
    weight = numbers("weights", np.ones(len(left)) if weights is None else weights, len(left))
    if (weight < 0.0).any() or not weight.any():
        raise ConfigError("weights: need numbers >= 0, not all of them 0")
    order = tuple(sorted(map(str, names)))
    a, b = encode(left, order), encode(right, order)
    if (same := np.flatnonzero(a == b)).size:
        raise ConfigError(f"second: {left[same[0]]!r} is compared with itself in row {same[0]}")
    flip, kept = a > b, weight > 0.0
    games = Games(
        order,
        np.where(flip, b, a),
        np.where(flip, a, b),
        np.where(flip, 1.0 - result, result),
        weight,
    )
    return (games if kept.all() else games.take(kept)), kept


def items(argument: str, values: Iterable[Hashable]) -> list[Hashable]:
    """The values as a list; `ConfigError` for a lone string."""
    if isinstance(values, str):
        raise ConfigError(f"{argument}: need a sequence, not the string {values!r}")
    return list(values.tolist() if isinstance(values, np.ndarray) else values)


def encode(values: Sequence[Hashable], order: Iterable[Hashable]) -> IntArray:
    """The place of each value in an order that has all of them."""
    place = {value: k for k, value in enumerate(order)}
    return np.fromiter(map(place.__getitem__, values), dtype=np.int64, count=len(values))


def numbers(argument: str, values: npt.ArrayLike, n: int) -> FloatArray:
    """The values as n finite numbers.

    Raises:
        ConfigError: They are not.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{argument}: need numbers ({error})") from None
    if array.shape != (n,):
        raise ConfigError(f"{argument}: the shape is {array.shape}, but first has {n} models")
    if (odd := np.flatnonzero(~np.isfinite(array))).size:
        raise ConfigError(f"{argument}: row {odd[0]} is {array[odd[0]]}")
    return array


def check_connected(names: Sequence[str], met: BoolArray) -> None:
    """Raise `ConfigError`, naming the parts, unless every model is linked with every other.

    Args:
        names: Of the n models.
        met: Whether i and j were compared, [n, n], symmetric.
    """
    left, parts = np.ones(len(names), dtype=np.bool_), []
    while left.any():
        part = reached(met, int(left.argmax()))
        parts.append(part)
        left &= ~part
    if len(parts) > 1:
        told = "; ".join(listed(names, part) for part in parts)
        raise ConfigError(
            f"first: no chain of comparisons links these {len(parts)} groups of models: {told}",
            hint="compare models across the groups, or make a leaderboard of each",
        )


def unbeaten(scored: BoolArray) -> BoolArray | None:
    """Models, [n], from whom the others never took anything; None if there are no such models.

    There are none exactly where the graph is strongly connected, which is where the maximum of
    the Bradley-Terry likelihood is finite (Ford 1957).

    Args:
        scored: Whether i won or tied against j, [n, n].
    """
    if not (below := reached(scored, 0)).all():
        return ~below
    above = reached(scored.T, 0)
    return None if above.all() else above


def check_beaten(names: Sequence[str], scored: BoolArray, where: str = "") -> None:
    """Raise `ConfigError`, naming the models, if some are `unbeaten`; `where` says in what."""
    if (top := unbeaten(scored)) is not None:
        raise ConfigError(
            f"prior: without one there is no finite rating, as nobody took anything{where} from"
            f" {listed(names, top)}",
            hint="use prior=0.1",
        )


def reached(edges: BoolArray, start: int) -> BoolArray:
    """Nodes, [n], that can be reached from one along the edges, [n, n]; itself included."""
    seen = np.zeros(len(edges), dtype=np.bool_)
    seen[start] = True
    front = seen
    while front.any():
        front = edges[front].any(0) & ~seen
        seen = seen | front
    return seen


def listed(names: Sequence[str], which: BoolArray) -> str:
    """The first few of the names, and how many there are."""
    chosen = [names[i] for i in np.flatnonzero(which)]
    more = f", ... ({len(chosen)} models)" if len(chosen) > SHOWN else ""
    return ", ".join(chosen[:SHOWN]) + more
