"""`judge report`: runs as one HTML page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from judge.cli.rubric_diagnose import read_results
from judge.cli.shared import Json, Seed, print_json
from judge.errors import ConfigError
from judge.report.page import Page, page_of, render
from judge.report.probes import read_probe
from judge.report.run import run_report
from judge.report.source import Joined, Source, named, read_manifest
from judge.runs.joined import joined
from judge.runs.plan import read_plan


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders that `judge run` wrote.")
    ],
    out_file: Annotated[
        Path, typer.Option("--out", envvar="JUDGE_REPORT", help="The page.")
    ] = Path("report.html"),
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv", envvar="JUDGE_CSV", help="Folder for the figures' numbers as CSV files."
        ),
    ] = None,
    probe: Annotated[
        list[Path] | None,
        typer.Option("--probe", help="What `judge probe --json` printed; repeatable."),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write a page with what runs have come to, and with the card of each judge.

    The page is one file that loads nothing. Each figure has its numbers beside it as CSV.
    """
    probes = [read_probe(path) for path in probe or ()]
    names = named(runs)
    sources = [_source(folder, name) for folder, name in zip(runs, names, strict=True)]
    page = page_of([run_report(source, probes, seed=seed) for source in sources], probes)
    files = _written(page, out_file, csv)
    if as_json:
        print_json({"finding": page.finding, "out": str(out_file), "csv": files})
        return
    typer.echo(page.finding)
    typer.echo(f"page: {out_file}")
    if csv is not None:
        typer.echo(f"numbers: {len(files)} files in {csv}")


def _source(folder: Path, name: str) -> Source:
    return Source(name, read_manifest(folder), partial(read_results, folder), _joins(folder))


def _joins(folder: Path) -> Callable[[], Joined]:
    def read() -> Joined:
        if folder.is_file():
            raise ConfigError(f"{folder} is a file of results without a plan")
        yield from joined(read_plan(folder).rows(), folder)

    return read


def _written(page: Page, path: Path, csv: Path | None) -> list[str]:
    """Write the page and the numbers; returns the names of the files of numbers.

    Raises:
        ConfigError: A file cannot be written.
    """
    told = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(page), "utf-8")
        if csv is None:
            return []
        csv.mkdir(parents=True, exist_ok=True)
        for name, table in page.tables():
            (csv / name).write_text(table.csv, "utf-8")
            told.append(str(csv / name))
    except OSError as error:
        raise ConfigError(f"the report cannot be written: {error}") from error
    return told
