"""`judge rubric import`: make a rubric file of another tool's rubric."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from judge.cli.shared import USAGE
from judge.files.edit import write_atomically
from judge.rubrics.importers import import_rubric, slug
from judge.rubrics.save import format_rubric

FormName = Literal["auto", "verifiers", "healthbench", "prometheus", "autorubric"]


def import_command(
    file: Annotated[Path, typer.Argument(help="The other tool's file: JSON, TOML or YAML.")],
    form: Annotated[FormName, typer.Option("--from", help="The tool.")] = "auto",
    id: Annotated[
        str | None, typer.Option("--id", help="The new id; by default the file's name.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file, not to stdout.")] = None,
) -> None:
    """Make a rubric of a rubric of verifiers, HealthBench, Prometheus or autorubric."""
    if out is not None and out.exists():
        typer.echo(f"{out} is there already", err=True)
        raise typer.Exit(USAGE)
    name = id if id is not None else slug((out or file).stem) or "imported"
    text = format_rubric(import_rubric(file, form=form, id=name), file=out)
    if out is None:
        typer.echo(text, nl=False)
        return
    write_atomically(out, text)
    typer.echo(out)
