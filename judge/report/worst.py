"""The texts of a run: how long its responses are, and the worst disagreements in full."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from judge.errors import JudgeError
from judge.judges.case import said
from judge.report.collected import Collected, Disagreement, Place
from judge.report.figure import Figure, Table
from judge.report.source import Row, Source
from judge.runs.dataset import Row as DataRow
from judge.types import Record, Text


class Passage(Record, frozen=True):
    """One text, with what stands above it."""

    heading: str
    text: str


class Case(Record, frozen=True):
    """A disagreement with its texts."""

    summary: str
    passages: tuple[Passage, ...]


@dataclass(slots=True)
class Texts:
    """What was read of a run's data."""

    lengths: array[int] = field(default_factory=lambda: array("q"))
    """Characters of the responses that have a reward."""
    values: array[float] = field(default_factory=lambda: array("d"))
    """Their rewards."""
    cases: dict[Place, tuple[DataRow, Row]] = field(default_factory=dict)
    missing: str = ""
    """Why they are not known."""


def read_texts(source: Source, wanted: Collection[Place]) -> Texts:
    """Read a run's data once.

    Args:
        source: The run.
        wanted: Groups whose texts are kept.
    """
    found = Texts()
    try:
        for row, result in source.joined():
            for response, value in zip(row.group.responses, result["values"], strict=True):
                if value is not None:
                    found.lengths.append(len(said(response.text)))
                    found.values.append(value)
            if (row.source, row.number) in wanted:
                found.cases[row.source, row.number] = row, result
    except JudgeError as error:
        return Texts(missing=f"the data cannot be read beside the results: {error.message}")
    return found


def disagreements(
    found: Collected, texts: Texts, *, shown: bool
) -> tuple[Figure, tuple[Case, ...]]:
    """The list as a figure without a drawing of its own, and the texts.

    Args:
        found: What was collected.
        texts: Of the data.
        shown: Whether texts may be shown; the run may have been told to keep none.
    """
    title, labelled = "Worst disagreements", bool(found.against_label)
    before = "No disagreement with a label." if found.summary.labelled else "Nothing is labelled."
    listed = found.against_label or found.against_itself
    if not listed:
        known = found.summary.labelled or found.summary.both_orders
        why = "the judge contradicts neither the labels nor itself"
        if not known:
            why = "there are neither labels nor pairs in both orders to disagree with"
        return Figure("disagreements", title, missing=why), ()
    caption = (
        "Groups in which another response than the labelled one has the higher reward, the largest"
        " difference first."
        if labelled
        else f"{before} These are pairs whose two display orders prefer different sides, the surest"
        " first."
    )
    if not shown:
        caption += " The run keeps no texts, so none are shown."
    elif texts.missing:
        caption += f" Texts are not shown: {texts.missing}."
    columns = ("group", "file", "row", "labelled" if labelled else "response", "against", "by")
    rows = [(one.group, *one.place, one.better, one.worse, one.size) for one in listed]
    figure = Figure("disagreements", title, caption, table=Table.of(columns, rows))
    return figure, tuple(_cases(listed, texts, labelled)) if shown else ()


def _cases(listed: Sequence[Disagreement], texts: Texts, labelled: bool) -> Iterator[Case]:
    for one in listed:
        if one.place not in texts.cases:
            continue
        row, result = texts.cases[one.place]
        a, b = one.better, one.worse
        if labelled:
            values = [result["values"][at] for at in (b, a)]
            head = (
                f"{one.group}: response {b} gets {values[0]:.3g}, the labelled response {a} only"
                f" {values[1]:.3g}"
            )
        else:
            head = f"{one.group}: responses {a} and {b}, whichever is shown {_place(result, a, b)}"
        yield Case(head, tuple(_passages(row, result, a, b, labelled)))


def _place(result: Row, a: int, b: int) -> str:
    for verdict in result["verdicts"]:
        if verdict["kind"] == "pairwise" and {verdict["first"], verdict["second"]} == {a, b}:
            return "first" if verdict["p_first"] > verdict["p_second"] else "second"
    return "first"


def _passages(row: DataRow, result: Row, a: int, b: int, labelled: bool) -> Iterator[Passage]:
    yield Passage("Prompt", _flat(row.group.prompt))
    for name in ("reference", "context"):
        text = getattr(row.group, name)
        if text:
            yield Passage(name.capitalize(), text)
    for at in (a, b):
        system = row.group.responses[at].id
        by = f" by {system}" if system else ""
        told = ", labelled the best" if labelled and at == a else ""
        yield Passage(f"Response {at}{by}{told}", _flat(row.group.responses[at].text))
    for verdict in result["verdicts"]:
        said_of = _critique(verdict, {a, b})
        if said_of is not None:
            yield said_of


def _critique(verdict: Row, about: set[int]) -> Passage | None:
    """What the judge wrote of the two responses, or of one of them."""
    if verdict["kind"] == "pairwise":
        shown = {verdict["first"], verdict["second"]}
        if shown != about:
            return None
        heading = f"The judge, {verdict['first']} shown before {verdict['second']}"
        heading += f" ({verdict['p_first']:.2f} to {verdict['p_second']:.2f})"
    elif verdict.get("response") in about:
        heading = f"The judge on response {verdict['response']}"
    else:
        return None
    parts: list[dict[str, Any]] = [*verdict.get("parts", ())]
    lines = [verdict.get("critique", "")]
    lines += [f"{part['criterion_id']}: {part['reason']}" for part in parts if part["reason"]]
    text = "\n".join(line for line in lines if line)
    return Passage(heading, text) if text else None


def _flat(text: Text) -> str:
    """A text as it is; a chat with its roles and calls."""
    if isinstance(text, str):
        return text
    turns = msgspec.to_builtins(text)
    return "\n\n".join(
        "\n".join([f"[{turn['role']}]", turn["content"], *turn["tool_calls"]]) for turn in turns
    )
