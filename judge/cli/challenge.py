"""`judge challenge`: minimal pairs made by rule, and a judge's accuracy on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from judge.challenge.good import good_groups
from judge.challenge.make import RULES, challenge_pairs
from judge.challenge.score import Accuracy, accuracies, accuracy, seen
from judge.cli.resume import Folder
from judge.cli.rubric_pairs import LabelsFrom, Maps
from judge.cli.shared import Json, Seed, out, percent, print_json
from judge.errors import ConfigError
from judge.exports import write_rows
from judge.files import did_you_mean
from judge.records import plain
from judge.runs.dataset import Columns
from judge.runs.joined import joined
from judge.runs.plan import read_plan


class _MakeByDefault(TyperGroup):
    """`judge challenge FILE` is `judge challenge make FILE`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = self.list_commands(ctx)
        return super().resolve_command(ctx, args if args[0] in known else ["make", *args])


app = typer.Typer(
    cls=_MakeByDefault,
    no_args_is_help=True,
    help="Good responses with one thing made wrong: judge challenge FILE --out SET; then judge run"
    " SET, and judge challenge score RUN.",
)


@app.command("make")
def make(
    data: Annotated[list[Path], typer.Argument(metavar="GOOD", help="Good responses.")],
    to: Annotated[Path, typer.Option("--out", help="File to write.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", help=f"{', '.join(RULES)}; repeatable.")
    ] = None,
    maps: Maps = None,
    labels_from: LabelsFrom = 0,
    seed: Seed = 0,
) -> None:
    """Write pairs of a good response and the same with one thing made wrong.

    GOOD has prompt and response (or completion, chosen), or labelled rows. A rule is used only
    where it surely makes a response worse; the file says what was changed.
    """
    for name in only or ():
        if name not in RULES:
            raise ConfigError(f"--only {name}: no such rule", hint=did_you_mean(name, RULES))
    columns = Columns.of(maps or (), labels_from=labels_from)
    groups = chain.from_iterable(good_groups(path, columns) for path in data)
    counts: Counter[str] = Counter()
    pairs = challenge_pairs(groups, only=only or (), seed=seed)
    try:
        write_rows(to, _counted(pairs, counts))
    except OSError as error:
        raise ConfigError(f"{to} cannot be written: {error}") from error
    for name in only or RULES:
        out.print(f"{name}: {counts[name]}")
    typer.echo(to)


@app.command("score")
def score(folder: Folder, seed: Seed = 0, as_json: Json = False) -> None:
    """Tell how often a run prefers the good response, phenomenon by phenomenon."""
    plan = read_plan(folder)
    found = seen(joined(plan.rows(), folder))
    told = {**accuracies(found, seed=seed), "all": accuracy(found, seed=seed)}
    if as_json:
        print_json(plain(told))
        return
    table = Table("phenomenon", "accuracy", "95 % interval", "strict", box=None)
    for heading in ("pairs", "ties", "not judged"):
        table.add_column(heading, justify="right")
    for name, one in told.items():
        table.add_row(name, *_cells(one))
    out.print(table)


def _counted(rows: Iterable[dict[str, Any]], counts: Counter[str]) -> Iterator[dict[str, Any]]:
    for row in rows:
        counts[row["phenomenon"]] += 1
        yield row


def _cells(one: Accuracy) -> tuple[str, ...]:
    interval = f"{100 * one.low:.1f} to {100 * one.high:.1f}"
    figures = (str(one.n), str(one.ties), str(one.unjudged))
    return (percent(one.accuracy), interval, percent(one.strict), *figures)
