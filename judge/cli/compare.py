"""`judge compare`: what is different between two runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from judge.cli.rubric_diagnose import read_results
from judge.cli.shared import Json, Seed, print_json
from judge.errors import ConfigError
from judge.records import plain
from judge.runs.changes import Changes, changes
from judge.runs.folder import MANIFEST

SHOWN = 10
"""Groups with another winner that are named."""


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="The folder of a run.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another, over the same data.")],
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Show only what changed from run A to run B, in paired differences with intervals."""
    plans = _plan(first), _plan(second)
    found = changes(plans, (read_results(first), read_results(second)), seed=seed)
    if as_json:
        print_json(plain(found))
        return
    _show(found)


def _plan(folder: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder} is not the folder of a run: {error}") from error
    return told


def _show(found: Changes) -> None:
    typer.echo(f"{found.groups} groups in both runs")
    if found.only_first or found.only_second:
        typer.echo(f"in A alone: {found.only_first}; in B alone: {found.only_second}")
    for name, (before, after) in found.settings.items():
        typer.echo(f"{name}: {_short(before)} -> {_short(after)}")
    for name, (before, after) in found.figures.items():
        typer.echo(f"{name}: {_short(before)} -> {_short(after)}")
    if found.accuracy is not None and found.accuracy.difference is not None:
        test = found.accuracy
        typer.echo(
            f"accuracy, B - A: {100 * test.difference:+.1f} points"  # type: ignore[operator]
            f" (95 % interval {100 * test.low:+.1f} to {100 * test.high:+.1f},"
            f" p = {test.p_value:.4f}, {test.n} groups)"
        )
    if found.reward is not None:
        one = found.reward
        typer.echo(
            f"mean reward, B - A: {one.value:+.4f} (95 % interval {one.low:+.4f} to"
            f" {one.high:+.4f}, {one.n} responses)"
        )
    if found.winners is not None:
        one = found.winners
        typer.echo(
            f"another winner in {100 * one.value:.1f} % of groups (95 % interval"
            f" {100 * one.low:.1f} to {100 * one.high:.1f}): {', '.join(found.changed[:SHOWN])}"
            f"{' ...' if len(found.changed) > SHOWN else ''}"
        )
    if found.gained or found.lost:
        typer.echo(f"responses with a reward in B alone: {found.gained}; in A alone: {found.lost}")
    if not (found.settings or found.figures or found.reward or found.winners):
        typer.echo("nothing changed")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
