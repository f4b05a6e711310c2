"""Swiss system: everyone plays every round, against someone with as many points."""

from __future__ import annotations

from math import ceil, log2

from judge.aggregate.ledger import Ledger
from judge.aggregate.matches import Scoreboard, decided, standing


async def swiss(ledger: Ledger) -> list[float]:
    """Swiss rounds without rematches (ArenaRL's topology, with its index errors mended).

    min(ceil(log2 N), N - 1) rounds of floor(N / 2) matches. A win is a point, a tie half a point.
    A match without a verdict counts for neither side. With odd N the lowest item that has not had
    one gets a bye, a full point for pairing only. Ranks: points a game, then Buchholz (the mean
    points a game of its opponents).
    """
    n = ledger.n
    rounds = min(ceil(log2(n)), n - 1)
    ledger.require(rounds * (n // 2) * ledger.orders)
    board = Scoreboard(ledger)
    order: list[int] = ledger.rng.permutation(n).tolist()
    if ledger.seeds is not None:
        order.sort(key=lambda i: -ledger.seeds[i] if ledger.seeds is not None else 0.0)
    points, games = [0.0] * n, [0] * n
    opponents: list[list[int]] = [[] for _ in range(n)]
    met: list[set[int]] = [{i} for i in range(n)]
    rested: set[int] = set()
    for _ in range(rounds):
        order.sort(key=lambda i: -points[i] - (i in rested))
        active = list(order)
        if n % 2:
            free = next(i for i in reversed(order) if i not in rested)
            active.remove(free)
            rested.add(free)
        matches = _pairing(active, met) or _pairing(active, [set[int]()] * n)
        for (a, b), margin in zip(matches, await board.play(matches), strict=True):
            met[a].add(b)
            met[b].add(a)
            if margin is None:
                continue
            gain = (0.5, 0.5) if not decided(margin) else (1.0, 0.0) if margin > 0 else (0.0, 1.0)
            for item, other, won in ((a, b, gain[0]), (b, a, gain[1])):
                points[item] += won
                games[item] += 1
                opponents[item].append(other)
    rate = [won / played if played else 0.0 for won, played in zip(points, games, strict=True)]
    buchholz = [sum(rate[j] for j in seen) / max(len(seen), 1) for seen in opponents]
    return standing(list(zip(rate, buchholz, strict=True)))


def _pairing(active: list[int], met: list[set[int]]) -> list[tuple[int, int]]:
    """Pair from the top with the nearest new opponent, stepping back where that leads nowhere."""
    if not active:
        return []
    top, rest = active[0], active[1:]
    for k, other in enumerate(rest):
        if other not in met[top]:
            left = rest[:k] + rest[k + 1 :]
            others = _pairing(left, met)
            if others or not left:
                return [(top, other), *others]
    return []
