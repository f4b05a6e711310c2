"""A judge's verdicts joined with what people say: who is better, which level is right."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from judge.errors import ConfigError
from judge.metaeval.calibrate import LabelledPair
from judge.rubrics import Criterion, Rubric
from judge.runs.dataset import Row
from judge.runs.labels import Ranks
from judge.types import Comparison, Group, text_key

Levels = Mapping[str, int]
"""The right level of each criterion that is labelled, from 0, in the criterion's own order."""
Labelled = tuple[Mapping[str, Any], "Labels"]
"""A result row (see `judge.records.result_row`), and what is known of its group."""


class Labels(NamedTuple):
    """What people say of one group; indices follow its responses."""

    prompt: str
    """What the group shares with others of its prompt."""
    n: int
    """How many responses it has."""
    order: int | Ranks | None = None
    """The best response, or all from best to worst."""
    levels: Sequence[Levels] = ()
    """By response."""


class LabelledLevel(NamedTuple):
    """One verdict on one criterion, and the level that is right; levels run worst to best."""

    probabilities: tuple[float, ...]
    level: int
    prompt: str


def labels_of(
    row: Row, rubric: Rubric | None = None, *, column: str = "levels", start: int = 0
) -> Labels:
    """What a row of a data set says.

    Args:
        row: The row.
        rubric: Whose levels are labelled; None: none are.
        column: Where they stand: a list with an entry a response, each a level, or a mapping from
            a criterion to one. A level is its name or its number; None is not known.
        start: What their numbers count from, 0 or 1; where names are numbers, those count.

    Raises:
        ConfigError: The column has another form, or names what is not there.
    """
    group, raw = row.group, row.group.meta.get(column)
    if rubric is None or raw is None:
        return Labels(prompt_key(group), len(group.responses), row.order)
    place = f"{row.source}: row {row.number}: {column}"
    if not isinstance(raw, list | tuple) or len(raw) != len(group.responses):
        raise ConfigError(f"{place} is not a list of one entry a response")
    judged = {criterion.id: criterion for criterion in rubric.judged}
    levels = tuple(_levels(one, judged, start, place) for one in raw)
    return Labels(prompt_key(group), len(group.responses), row.order, levels)


def prompt_key(group: Group) -> str:
    """The name of a group's prompt; equal prompts have equal names."""
    return hashlib.sha256(text_key(group.prompt)).hexdigest()[:16]


def joined(
    rows: Iterable[Mapping[str, Any]], labels: Mapping[str, Labels] | None = None
) -> Iterator[Labelled]:
    """Result rows with their labels, by the group's id; those without are left out.

    Args:
        rows: Lines of `results.jsonl`.
        labels: By group id; None: each row's own `label`.

    Raises:
        ConfigError: The labels are of another number of responses.
    """
    for row in rows:
        name, n = str(row["group_id"]), len(row["values"])
        if labels is None:
            if row.get("label") is not None:
                yield row, Labels(name, n, row["label"])
        elif name in labels:
            if labels[name].n != n:
                raise ConfigError(f"group {name!r} has {n} responses, its labels {labels[name].n}")
            yield row, labels[name]


def by_id(rows: Iterable[tuple[str, Labels]]) -> dict[str, Labels]:
    """Labels by the id of their group.

    Raises:
        ConfigError: Two groups of one id have different labels.
    """
    found: dict[str, Labels] = {}
    for name, labels in rows:
        if found.setdefault(name, labels) != labels:
            raise ConfigError(f"two groups have the id {name!r}, and different labels")
    return found


def labelled_pairs(rows: Iterable[Labelled]) -> list[LabelledPair]:
    """The comparisons by a judge of two responses of which the labels say who is better.

    Pairs judged in both orders alone, where there are any, so that the better response was shown
    first as often as second; pairs that checks have decided without a call are left out.
    """
    once: list[LabelledPair] = []
    twice: list[LabelledPair] = []
    for row, labels in rows:
        told: dict[tuple[int, int], LabelledPair] = {}
        for verdict in row["verdicts"]:
            if verdict["kind"] != "pairwise" or not verdict["call"]:
                continue
            names = ("first", "second", "p_first", "p_tie", "p_second", "log_odds")
            shown = Comparison(*(verdict[name] for name in names))
            better = _first_better(labels.order, shown.first, shown.second)
            if better is not None:
                told[shown.first, shown.second] = LabelledPair(shown, better, labels.prompt)
        once += told.values()
        twice += [one for (a, b), one in told.items() if (b, a) in told]
    return twice or once


def labelled_levels(rows: Iterable[Labelled], rubric: Rubric) -> list[LabelledLevel]:
    """A judge's verdicts on the criteria whose level is labelled, pitfalls turned round.

    Verdicts without probabilities, and those of checks, are left out.
    """
    judged = {criterion.id: criterion for criterion in rubric.judged}
    found = []
    for row, labels in rows:
        for index, part in _parts(row["verdicts"]):
            right = labels.levels[index].get(part["criterion_id"]) if labels.levels else None
            if right is None or part["by"] != "judge" or not part["probabilities"]:
                continue
            chances, top = tuple(part["probabilities"]), len(part["probabilities"]) - 1
            if judged[part["criterion_id"]].is_pitfall:
                chances, right = chances[::-1], top - right
            found.append(LabelledLevel(chances, right, labels.prompt))
    return found


def _parts(verdicts: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(response, verdict on a criterion), of verdicts on whole responses."""
    for verdict in verdicts:
        if verdict["kind"] == "pointwise":
            yield from ((verdict["response"], part) for part in verdict["parts"])
        elif verdict["kind"] == "listing":
            for index, parts in zip(verdict["responses"], verdict["parts"], strict=True):
                yield from ((index, part) for part in parts)


def _first_better(order: int | Ranks | None, first: int, second: int) -> bool | None:
    """Whether the first is the better one; None: not said."""
    if order is None:
        return None
    if isinstance(order, int):
        return first == order if order in (first, second) else None
    place = {index: at for at, tier in enumerate(order) for index in tier}
    return None if place[first] == place[second] else place[first] < place[second]


def _levels(raw: Any, judged: Mapping[str, Criterion], start: int, place: str) -> Levels:
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        if len(judged) != 1:
            raise ConfigError(
                f"{place}: {raw!r} names no criterion",
                hint=f"give a mapping from {', '.join(judged)} to levels",
            )
        raw = {next(iter(judged)): raw}
    unknown = sorted(set(raw) - set(judged))
    if unknown:
        raise ConfigError(f"{place}: {', '.join(unknown)} is not judged by the rubric")
    named = {name: level for name, level in raw.items() if level is not None}
    return {name: _level(judged[name], level, start, place) for name, level in named.items()}


def _level(criterion: Criterion, raw: Any, start: int, place: str) -> int:
    names = [level.name.casefold() for level in criterion.levels]
    level = -1
    if isinstance(raw, bool):
        level = int(raw) if len(names) == 2 else -1
    elif str(raw).casefold() in names:
        level = names.index(str(raw).casefold())
    elif isinstance(raw, int) and not all(name.isdecimal() for name in names):
        level = raw - start
    if not 0 <= level < len(names):
        raise ConfigError(
            f"{place}: {raw!r} is not a level of {criterion.id}",
            hint=f"{', '.join(names)}; or their numbers, see --labels-from",
        )
    return level
