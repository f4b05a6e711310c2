"""`judge curate`: preference pairs set right by the saved verdicts of a panel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.table import Table

from judge.cli.rubric_pairs import LabelsFrom, Maps
from judge.cli.shared import Json, log, out, percent, print_json
from judge.curation.curate import Settings, SoftLabel, curate, curated_row
from judge.curation.figures import Curated, Share
from judge.curation.pairs import LabelledRow, read_labelled
from judge.curation.strength import Ambiguous, Decision, Limits, Noisy
from judge.curation.trusted import Trusted
from judge.curation.votes import Panel
from judge.errors import ConfigError
from judge.exports import write_rows
from judge.records import plain
from judge.runs.dataset import Columns
from judge.runs.joined import joined
from judge.runs.plan import read_plan

LIMITS = Limits()


def curate_command(
    data: Annotated[list[Path], typer.Argument(metavar="PAIRS", help="Labelled pairs.")],
    votes: Annotated[
        list[Path], typer.Option("--votes", help="The folder of a run over them; repeatable.")
    ],
    to: Annotated[Path, typer.Option("--out", help="File to write.")],
    dropped: Annotated[
        Path | None, typer.Option("--dropped", help="File for the pairs that are left out.")
    ] = None,
    noisy: Annotated[
        Noisy, typer.Option(help="Pairs whose label the panel contradicts.")
    ] = LIMITS.noisy,
    noisy_below: Annotated[
        float, typer.Option(min=-1.0, max=0.0, help="Mean strength that contradicts, [-1, 0).")
    ] = LIMITS.noisy_below,
    ambiguous: Annotated[
        Ambiguous, typer.Option(help="Pairs that are neither noisy nor clear.")
    ] = LIMITS.ambiguous,
    clear_from: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Mean strength that is clear.")
    ] = LIMITS.clear_from,
    z: Annotated[
        float, typer.Option("--z", min=0.0, help="Standard errors a noisy mean is below 0.")
    ] = LIMITS.z,
    least_votes: Annotated[
        int, typer.Option(min=1, help="Runs that must have judged a pair.")
    ] = LIMITS.least_votes,
    peer_review: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share each of two judges passes.")
    ] = None,
    trusted: Annotated[
        list[Path] | None,
        typer.Option("--trusted", help="Pairs labelled by people, as of judge label."),
    ] = None,
    similar: Annotated[
        int, typer.Option(min=1, help="Trusted pairs a noisy one is compared with.")
    ] = Settings().similar,
    reliable_from: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of them the panel must have right.")
    ] = Settings().reliable_from,
    soft_label: Annotated[
        SoftLabel, typer.Option(help="consistency: CREAM's, of every pair.")
    ] = "strength",
    maps: Maps = None,
    labels_from: LabelsFrom = 0,
    as_json: Json = False,
) -> None:
    """Flip, soften or drop pairs whose label a panel of judges does not bear out.

    PAIRS have two responses and a label, or the columns chosen and rejected. No model is asked: the
    votes are the verdicts of runs over the same texts.
    """
    if {to.resolve(), dropped and dropped.resolve()} & {path.resolve() for path in data}:
        raise ConfigError("the pairs would be written over themselves", hint="another --out")
    columns = Columns.of(maps or (), labels_from=labels_from)
    limits = Limits(noisy, noisy_below, ambiguous, clear_from, z, least_votes)
    panel = _panel(votes)
    people = None if not trusted else Trusted(_rows(trusted, Columns()), panel)
    settings = Settings(limits, peer_review, soft_label, similar, reliable_from)
    decisions, told = curate(_rows(data, columns), panel, settings, people)
    _write(to, dropped, data, columns, decisions)
    if as_json:
        print_json(cast("dict[str, Any]", plain(told)) | {"out": str(to)})
    else:
        _show(told, to)


def _panel(folders: Sequence[Path]) -> Panel:
    """The votes of all runs.

    Raises:
        ConfigError: A folder holds no run, or no vote.
    """
    panel = Panel([str(folder) for folder in folders])
    engines = set()
    for at, folder in enumerate(folders):
        plan = read_plan(folder)
        engines.add(plan.engine_name)
        if not panel.add(at, joined(plan.rows(), folder)):
            raise ConfigError(f"{folder} has no verdict on two responses of one prompt")
    if len(folders) > 1 and len(engines) == 1:
        log.print("all runs have one engine: where it errs, the panel errs", style="yellow")
    return panel


def _rows(paths: Sequence[Path], columns: Columns) -> Iterator[LabelledRow]:
    return chain.from_iterable(read_labelled(path, columns) for path in paths)


def _write(
    to: Path,
    dropped: Path | None,
    data: Sequence[Path],
    columns: Columns,
    decisions: Sequence[Decision],
) -> None:
    def written(out: bool) -> Iterator[dict[str, Any]]:
        for row, decision in zip(_rows(data, columns), decisions, strict=True):
            if (decision.action == "drop") is out:
                yield curated_row(row, decision)

    for path, out_of_it in ((to, False), (dropped, True)):
        if path is not None:
            try:
                write_rows(path, written(out_of_it))
            except (OSError, TypeError, ValueError) as error:
                raise ConfigError(f"{path} cannot be written: {error}") from error


def _show(told: Curated, to: Path) -> None:
    table = Table("pairs", "number", "share", box=None)
    for action, count in told.actions.items():
        table.add_row(action, str(count), percent(count / told.pairs))
    out.print(table)
    typer.echo(f"{told.relabelled} of {told.pairs} pairs have another label")
    for name, share in told.agreement.items():
        typer.echo(f"agrees with the labels as they were: {_said(share)}  {name}")
    for what, checked in (
        ("the panel is right on pairs labelled by people", told.panel_right),
        ("labels as they were, against those of people", told.labels_before),
        ("labels by the panel alone, against those of people", told.labels_after),
    ):
        if checked is not None:
            typer.echo(f"{what}: {_said(checked)}")
    if told.panel_right is None:
        typer.echo("not checked: no pair is labelled by people (--trusted, judge label)")
    typer.echo(to)


def _said(share: Share) -> str:
    ends = f"95 % interval {100 * share.low:.1f} to {100 * share.high:.1f}"
    return f"{percent(share.value)} of {share.n} ({ends})"
