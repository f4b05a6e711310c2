"""`judge export`: a run with its texts, for other programs and for training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from judge.adapters.wire import result_from_row
from judge.cli.resume import Folder
from judge.cli.shared import log
from judge.errors import ConfigError
from judge.exports import Strategy, preference_pairs, to_dataset, write_rows
from judge.runs.joined import flat, joined
from judge.runs.parquet import write_parquet
from judge.runs.plan import Plan, read_plan

Form = Literal["jsonl", "parquet", "datasets", "pairs"]
NAMES = {
    "jsonl": "export.jsonl",
    "parquet": "export.parquet",
    "datasets": "export",
    "pairs": "pairs.jsonl",
}


def export(
    folder: Folder,
    to: Annotated[Form, typer.Option("--to", envvar="JUDGE_TO", help="The form.")] = "jsonl",
    out: Annotated[
        Path | None, typer.Option("--out", envvar="JUDGE_EXPORT", help="Else in DIR.")
    ] = None,
    strategy: Annotated[
        str, typer.Option(envvar="JUDGE_STRATEGY", help="Pairs: best_vs_worst, adjacent, all.")
    ] = "best_vs_worst",
    margin: Annotated[
        float, typer.Option(envvar="JUDGE_MARGIN", min=0.0, help="Pairs: least difference.")
    ] = 0.0,
) -> None:
    """Write a run's rewards with prompts and responses, one line a response, or pairs."""
    plan = read_plan(folder)
    path = out if out is not None else folder / NAMES[to]
    try:
        count = _written(to, path, plan, folder, strategy, margin)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error
    told = ", those within one standard error of their difference left out" if to == "pairs" else ""
    log.print(f"{count} rows{told}")
    typer.echo(path)


def _written(to: Form, path: Path, plan: Plan, folder: Path, strategy: str, margin: float) -> int:
    if to == "pairs":
        return write_rows(path, _pairs(plan, folder, strategy, margin))
    rows = (line for row, result in joined(plan.rows(), folder) for line in flat(row, result))
    if to == "jsonl":
        return write_rows(path, rows)
    if to == "parquet":
        return write_parquet(path, rows)
    made = to_dataset(rows)
    made.save_to_disk(str(path))
    return len(made)


def _pairs(plan: Plan, folder: Path, strategy: str, margin: float) -> Iterator[dict[str, Any]]:
    named: Strategy = strategy  # type: ignore[assignment]  # checked where it is used
    for row, result in joined(plan.rows(), folder):
        yield from preference_pairs(
            row.group, result_from_row(result), strategy=named, margin=margin
        )
