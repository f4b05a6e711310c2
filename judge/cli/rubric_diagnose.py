"""`judge rubric diagnose`: what a run tells about its criteria, without asking anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from judge.cli.shared import Json, log, out, percent, print_json
from judge.errors import ConfigError
from judge.records import plain
from judge.runs.offline import RESULTS
from judge.synthesis.diagnose import CriterionFigures, Diagnosis, Estimate, diagnose

HEADINGS = (
    "criterion",
    "n",
    "mean",
    "saturated",
    "flips",
    "prefers the label",
    "most like",
    "reward share",
    "drift",
    "n/a",
    "label mass",
)


def diagnose_command(
    run: Annotated[Path, typer.Argument(help="A run's folder, or its results.jsonl.")],
    as_json: Json = False,
) -> None:
    """Say what each criterion of a run adds, and which to drop, merge or rewrite."""
    found = diagnose(read_results(run))
    if as_json:
        print_json(plain(found))
        return
    _show(found)


def read_results(run: Path) -> Iterator[dict[str, Any]]:
    """The result rows of a run, one at a time; a torn last line is left out.

    Raises:
        ConfigError: There are none, or a line is no result row.
    """
    path = run / RESULTS if run.is_dir() else run
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                row = _row(line)
                if row is None and not line.endswith(b"\n"):
                    return
                if row is None:
                    raise ConfigError(f"{path}: line {number} is no result row")
                yield row
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error}", hint="give the folder that `judge run` wrote"
        ) from error


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(row, dict) and {"rewards", "scores", "verdicts"} <= set(row)
    return row if whole else None


def _show(found: Diagnosis) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for one in found.criteria:
        table.add_row(*_cells(one))
    out.print(table)
    for suggestion in found.suggestions:
        other = f" with {suggestion.other}" if suggestion.other else ""
        head = f"{suggestion.action} {suggestion.criterion}{other}"
        out.print(f"{head}: {suggestion.why}", markup=False, highlight=False)
    log.print(
        f"{found.groups} groups, {found.responses} responses, {found.labelled} labelled;"
        f" the criteria explain {percent(found.explained)} of the reward's variance"
    )


def _cells(one: CriterionFigures) -> tuple[str, ...]:
    near = "-" if one.correlation is None else f"{one.nearest} {one.correlation:+.2f}"
    return (
        one.id,
        str(one.n),
        _number(one.mean),
        percent(one.saturation),
        _share(one.flips),
        _share(one.preference),
        near,
        percent(one.reward_share),
        _signed(one.drift),
        percent(one.not_applicable),
        _number(one.label_mass),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(told: Estimate | None) -> str:
    return "-" if told is None else f"{told.value:.0%} ({told.low:.0%} to {told.high:.0%})"


def _signed(told: Estimate | None) -> str:
    if told is None:
        return "-"
    return f"{told.value:+.2f} ({told.low:+.2f} to {told.high:+.2f})"
