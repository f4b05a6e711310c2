"""Who wrote the better responses: a leaderboard, and who beats whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from judge.aggregate.ratings import Leaderboard
from judge.errors import ConfigError
from judge.report.collected import Collected
from judge.report.figure import Figure, Table
from judge.report.figures.axis import percentage
from judge.report.figures.heat import DRAWN as CELLS
from judge.report.figures.heat import heat
from judge.report.figures.marks import DRAWN, Mark, marks
from judge.report.source import Source
from judge.runs.standings import Game, games, standings

UNNAMED = "responses have no names of systems (map several columns, or give a column `systems`)"
BOARD, WINS = ("leaderboard", "Leaderboard"), ("wins", "Who beats whom")


def systems(source: Source, found: Collected, *, bootstrap: int, seed: int) -> tuple[Figure, ...]:
    """The two figures.

    Args:
        source: The run, read twice more.
        found: What was collected of it.
        bootstrap: Resamples for the intervals; 0: none.
        seed: Of the resamples.
    """
    if not found.named:
        return Figure(*BOARD, missing=UNNAMED), Figure(*WINS, missing=UNNAMED)
    try:
        board = standings(source.rows(), bootstrap=bootstrap, seed=seed)
    except ConfigError as error:
        return Figure(*BOARD, missing=error.message), Figure(*WINS, missing=error.message)
    order = [row.name for row in board.rows]
    return leaderboard_figure(board), wins(games(source.rows()), order)


def leaderboard_figure(board: Leaderboard) -> Figure:
    """Ratings with intervals; tied ranks are shared."""
    lines = [Mark(f"{row.rank:g}. {row.name}", row.rating, row.low, row.high) for row in board.rows]
    best = [row.name for row in board.rows if row.rank == board.rows[0].rank]
    said = f"first: {', '.join(best[:4])}{' and others' if len(best) > 4 else ''}"
    caption = (
        f"Ratings by {board.method}, in {board.unit}, of {board.comparisons} comparisons; {said}."
        " Lines are 95 % intervals over groups. A rank is 1 + how many systems have an interval"
        " wholly above, so those that cannot be told apart share one."
    )
    if len(board.rows) > DRAWN:
        caption += f" The first {DRAWN} of {len(board.rows)} are drawn."
    table = Table.of(
        ("rank", "system", "rating", "low", "high", "won", "tied", "lost", "comparisons"),
        [
            (r.rank, r.name, r.rating, r.low, r.high, r.wins, r.ties, r.losses, r.comparisons)
            for r in board.rows
        ],
    )
    return Figure(*BOARD, caption, marks(BOARD[1], said, lines), table)


def wins(found: Iterable[Game], order: list[str]) -> Figure:
    """How often each system beats each other one; a tie counts half.

    Args:
        found: Comparisons of two systems.
        order: The systems, in the order of rows and columns.
    """
    totals: dict[tuple[str, str], float] = defaultdict(float)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for game in found:
        for pair, share in (
            ((game.first, game.second), game.outcome),
            ((game.second, game.first), 1.0 - game.outcome),
        ):
            totals[pair] += share
            counts[pair] += 1
    shares = {pair: totals[pair] / counts[pair] for pair in totals}
    said = f"{len(order)} systems against each other, best first"
    caption = (
        "The share of comparisons that the system of the row wins against that of the column, a tie"
        " counting half. Blue: it wins more often; orange: it loses. Columns have the numbers of"
        " rows."
    )
    if len(order) > CELLS:
        caption += f" The first {CELLS} of {len(order)} are drawn."
    svg = heat(WINS[1], said, order, shares, middle=0.5, reach=0.5, told=percentage)
    rows = [
        (one, other, shares[one, other], counts[one, other])
        for one in order
        for other in order
        if (one, other) in shares
    ]
    table = Table.of(("system", "against", "share won", "comparisons"), rows)
    return Figure(*WINS, caption, svg, table)
