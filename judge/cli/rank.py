"""`judge rank`: a leaderboard of the systems in a run."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from judge.aggregate.rating_methods import Method
from judge.cli.resume import Folder
from judge.cli.rubric_diagnose import read_results
from judge.cli.shared import Json, Seed, out, percent, print_json
from judge.records import plain
from judge.runs.standings import standings


def rank(
    folder: Folder,
    method: Annotated[
        str, typer.Option(envvar="JUDGE_METHOD", help="bradley_terry, newman, elo, ...")
    ] = "bradley_terry",
    bootstrap: Annotated[
        int, typer.Option(envvar="JUDGE_BOOTSTRAP", min=0, help="Resamples; 0: no intervals.")
    ] = 200,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Rank the systems whose responses a run has judged; tied ranks are shared.

    Systems are the columns of `--map responses=A,B`, or what the column `systems` says; otherwise
    places in the group.
    """
    named: Method = method  # type: ignore[assignment]  # checked where it is used
    board = standings(read_results(folder), method=named, bootstrap=bootstrap, seed=seed)
    if as_json:
        print_json(plain(board))
        return
    table = Table("rank", "system", "rating", "95 % interval", "won", "tied", "lost", box=None)
    for row in board.rows:
        known = row.low is not None and row.high is not None
        ends = f"{row.low:.1f} to {row.high:.1f}" if known else "-"
        shares = [percent(share) for share in (row.wins, row.ties, row.losses)]
        table.add_row(f"{row.rank:g}", row.name, f"{row.rating:.1f}", ends, *shares)
    out.print(table)
    out.print(f"{board.comparisons} comparisons; ratings by {board.method}, in {board.unit}")
