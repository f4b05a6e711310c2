"""Tournaments that knock out: seeded single elimination, double elimination, knockout.

All rank by survival and, inside one depth, by mean own score so far. Only a verdict earns depth:
who went on by a tie's draw, by seed or by a bye has earned nothing yet. The joint strengths of the
same comparisons are in the `Ranking` too.
"""

from __future__ import annotations

import numpy as np

from judge.aggregate.ledger import Ledger
from judge.aggregate.matches import Scoreboard, decided, standing


def bracket(n: int) -> list[int | None]:
    """Seed places in bracket order, top seeds apart; None where a top seed has a bye."""
    order = [0]
    while len(order) < n:
        order = [place for top in order for place in (top, 2 * len(order) - 1 - top)]
    return [place if place < n else None for place in order]


async def seeding(ledger: Ledger, board: Scoreboard) -> list[int]:
    """Items best first: by `seeds` if given, otherwise by one match each against the anchor.

    Ties, and items whose match got no verdict, are placed by draw (the latter at the mean).
    """
    n = ledger.n
    if ledger.seeds is not None:
        value = ledger.seeds.tolist()
    else:
        anchor = ledger.draw_anchor()
        await board.play([(i, anchor) for i in range(n) if i != anchor])
        board.count_once(anchor)
        known = [board.mean(i) for i in range(n) if board.heard(i)]
        middle = sum(known) / len(known) if known else 0.0
        value = [board.mean(i) if board.heard(i) else middle for i in range(n)]
    drawn: list[int] = ledger.rng.permutation(n).tolist()
    level = np.round(value, 9).tolist()
    return sorted(drawn, key=lambda i: -level[i])


async def single_elimination(ledger: Ledger) -> list[float]:
    """Seeded single elimination (ArenaRL, arXiv 2601.06487, section 3.3).

    Calls in one order: N - 1 matches after an anchor phase of N - 1 (none if `seeds` are given);
    twice that in both. Depth ceil(log2 N), plus 1 for the anchor phase. Byes go to the top seeds.
    """
    n = ledger.n
    ledger.require((n - 1) * ledger.orders * (2 if ledger.seeds is None else 1))
    board = Scoreboard(ledger)
    order = await seeding(ledger, board)
    board.places = np.argsort(order).tolist()
    slots = [None if place is None else order[place] for place in bracket(n)]
    depth, byes, level = [0] * n, set[int](), 0
    while len(slots) > 1:
        level += 1
        meetings = list(zip(slots[::2], slots[1::2], strict=True))
        matches = [(a, b) for a, b in meetings if a is not None and b is not None]
        margins = dict(zip(matches, await board.play(matches), strict=True))
        slots = []
        for a, b in meetings:
            if a is None or b is None:
                free = a if b is None else b
                if free is not None:
                    byes.add(free)
                slots.append(free)
                continue
            margin = margins[a, b]
            winner = board.winner(a, b, margin)
            if decided(margin):
                loser = b if winner == a else a
                depth[winner] = level
                depth[loser] = max(depth[loser], int(loser in byes))
            slots.append(winner)
    return standing([(float(depth[i]), board.mean(i)) for i in range(n)])


async def double_elimination(ledger: Ledger) -> list[float]:
    """Double elimination with pools drawn anew each round (ArenaRL, arXiv 2601.06487).

    2 N - 2 matches. An item is out at its second loss; one grand final, no reset. The rounds of
    both brackets that do not wait for each other share a batch. `seeds` only settle matches that
    got no verdict. Ranks: champion, runner-up, then the round of the exit.
    """
    n = ledger.n
    ledger.require((2 * n - 2) * ledger.orders)
    board = Scoreboard(ledger)
    board.places = _places(ledger)
    upper, lower, dropped = list(range(n)), list[int](), list[int]()
    reached, level = [0.0] * n, 0
    while len(upper) + len(lower) + len(dropped) > 1:
        level += 1
        if len(upper) == 1 and len(lower) + len(dropped) == 1:
            upper, lower, dropped = upper + lower + dropped, [], []
            final = True
        else:
            final, lower, dropped = False, lower + dropped, []
        games = _draw(ledger, upper) + _draw(ledger, lower)
        top = len(upper) // 2
        margins = await board.play(games)
        for k, ((a, b), margin) in enumerate(zip(games, margins, strict=True)):
            winner = board.winner(a, b, margin)
            loser = b if winner == a else a
            if decided(margin):
                reached[winner], reached[loser] = level + 1.0, float(level)
            home = upper if k < top else lower
            home.remove(loser)
            if k < top and not final:
                dropped.append(loser)
    return standing([(reached[i], board.mean(i)) for i in range(n)])


async def knockout(ledger: Ledger) -> list[float]:
    """Unseeded knockout for best-of-N (PairJudge RM, arXiv 2501.13007): only the top counts.

    N - 1 matches, ceil(log2 N) rounds drawn anew, a bye by draw. A tie asked in one order is asked
    again in the other if the budget allows; never are both items knocked out.
    """
    n = ledger.n
    ledger.require((n - 1) * ledger.orders)
    board = Scoreboard(ledger)
    board.places = _places(ledger)
    left, depth, level = list(range(n)), [0] * n, 0
    while len(left) > 1:
        level += 1
        games = _draw(ledger, left)
        margins = await board.play(games)
        if not ledger.both:
            tied = [k for k, m in enumerate(margins) if m is not None and not decided(m)]
            tied = tied[: ledger.spare(len(tied), reserved=len(left) - len(games) - 1)]
            second = await board.swap([games[k] for k in tied])
            for k, margin in zip(tied, second, strict=True):
                margins[k] = margin
        for (a, b), margin in zip(games, margins, strict=True):
            winner = board.winner(a, b, margin)
            left.remove(b if winner == a else a)
            if decided(margin):
                depth[winner] = level
    return standing([(float(depth[i]), board.mean(i)) for i in range(n)])


def _draw(ledger: Ledger, pool: list[int]) -> list[tuple[int, int]]:
    """Pair the pool at random; with an odd number the last one drawn sits out."""
    drawn: list[int] = ledger.rng.permutation(pool).tolist()
    return list(zip(drawn[::2], drawn[1::2], strict=False))


def _places(ledger: Ledger) -> list[int] | None:
    if ledger.seeds is None:
        return None
    places: list[int] = np.argsort(np.argsort(-ledger.seeds, kind="stable")).tolist()
    return places
