"""`judge label`: pairs of a run judged by a person, blind, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from unicodedata import category

import typer
from rich.panel import Panel
from rich.text import Text as Shown

from judge.cli.resume import Folder
from judge.cli.shared import Seed, log, out, percent
from judge.curation.label_file import LabelFile
from judge.curation.labelling import KEYS, Item, Sitting, waiting
from judge.runs.joined import joined
from judge.runs.plan import read_plan
from judge.statistics import wilson
from judge.types import Text

NAME = "labels.jsonl"
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of what is no ink: controls, marks of direction, lone surrogates."""
JOINERS = "\n\t\u200c\u200d"
INSTEAD = "\N{REPLACEMENT CHARACTER}"


def label_command(
    folder: Folder,
    to: Annotated[
        Path | None, typer.Option("--out", envvar="JUDGE_LABELS", help=f"Else DIR/{NAME}.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Pairs that wait in this sitting.")] = 200,
    at_random: Annotated[
        bool, typer.Option("--at-random", help="A sample of all pairs, not the hardest first.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Say yourself which response is better, without seeing what the judge said.

    Where the judge contradicts the data, or itself, comes first, then what it found close. Start
    again to go on: pairs with a label do not come back.
    """
    plan = read_plan(folder)
    path = to if to is not None else folder / NAME
    with LabelFile(path) as file:
        rows = joined(plan.rows(), folder)
        items = waiting(rows, done=file.done, most=limit, seed=seed, at_random=at_random)
        sitting = Sitting(items, file)
        log.print(f"{len(sitting.items)} pairs wait; {len(file.done)} have a label")
        _keys()
        _ask(sitting)
        _tell(sitting, len(file.done), at_random)
    typer.echo(path)


def _ask(sitting: Sitting) -> None:
    said = "next"
    while said != "quit":
        item = sitting.current
        if item is None:
            log.print("that was the last one: u to undo, any other key to end")
        elif said in ("next", "undone"):
            _show(item)
        said = sitting.press(_pressed())
        if said == "unknown":
            _keys()
        elif said == "nothing":
            log.print("there is nothing to undo in this sitting")


def _pressed() -> str:
    """A key; Ctrl-C, Ctrl-D and the end of the input quit."""
    try:
        return typer.getchar().lower()
    except (KeyboardInterrupt, EOFError):
        return "q"


def _keys() -> None:
    log.print(", ".join(f"{key}: {what}" for key, what in KEYS.items()), markup=False)


def _show(item: Item) -> None:
    out.rule()
    out.print(Panel(_shown(item.group.prompt), title="Prompt", title_align="left"))
    for title, given in (("Context", item.group.context), ("Reference", item.group.reference)):
        if given is not None:
            out.print(Panel(_shown(given), title=title, title_align="left"))
    for number, response in enumerate(item.shown, 1):
        out.print(Panel(_shown(response.text), title=f"Response {number}", title_align="left"))


def _shown(text: Text) -> Shown:
    """A text without what could move the cursor, colour the screen or turn the direction."""
    if not isinstance(text, str):
        turns = (
            f"[{turn.role}] {turn.content}" + "".join(f"\n{call}" for call in turn.tool_calls)
            for turn in text
        )
        text = "\n\n".join(turns)
    text = text.replace("\r\n", "\n")
    return Shown("".join(c if c in JOINERS or category(c) not in HIDDEN else INSTEAD for c in text))


def _tell(sitting: Sitting, all_done: int, at_random: bool) -> None:
    out.print(f"{sitting.labelled} labels in this sitting, {all_done} in the file")
    hits, n = sitting.agreement()
    if n:
        low, high = wilson(hits, n)
        of = "a sample of all pairs" if at_random else "the hardest pairs, no sample of all"
        out.print(
            f"the judge agrees with {percent(hits / n)} of {n} (95 % interval {100 * low:.1f} to"
            f" {100 * high:.1f}): {of}"
        )
