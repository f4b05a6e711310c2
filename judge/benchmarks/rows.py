"""One row, or several neighbouring ones, as items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from judge.benchmarks.items import Item, cluster_of
from judge.benchmarks.schema import (
    Benchmark,
    ChosenRow,
    ContrastRow,
    FlatRow,
    LabelledRow,
    NumberedRow,
    RatedRow,
    SingleRow,
    Texts,
)
from judge.errors import ConfigError
from judge.files import did_you_mean
from judge.types import Text

Raw = Mapping[str, Any]
TRUTHS = {"first": (1.0, 0.0), "second": (0.0, 1.0), "tie": (1.0, 1.0)}


class Place(NamedTuple):
    """Where a row stands."""

    file: str
    """Its name in the benchmark's file."""
    number: int
    """From 1."""


def items_of(benchmark: Benchmark, rows: Sequence[Raw], place: Place) -> list[Item]:
    """The items of one row; of several neighbouring rows where the benchmark gathers them.

    Raises:
        ConfigError: A column is missing, or has another form.
    """
    row = benchmark.row
    assert row is not None
    made = list(_MAKERS[type(row)](row, rows, place))
    return [_renamed(benchmark, item) for item in made] if benchmark.subsets else made


def value(raw: Raw, column: str) -> Any:
    """A column's value; `info.post` and `texts.0` lead inside mappings and lists.

    Raises:
        ConfigError: There is no such column.
    """
    found: Any = raw
    for step in [column] if column in raw else column.split("."):
        if isinstance(found, Mapping) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            raise ConfigError(f"no column {column!r}", hint=did_you_mean(column, map(str, raw)))
    return found


# --- what a row says ---------------------------------------------------------------------------


def _chosen(row: ChosenRow, rows: Sequence[Raw], place: Place) -> Iterator[Item]:
    (raw,) = rows
    right, wrong = (_several(raw, name) for name in (row.chosen, row.rejected))
    if row.right is not None and value(raw, row.right) != len(right):
        raise ConfigError(f"{row.right} is {raw[row.right]!r}, {row.chosen} has {len(right)}")
    truth = (1.0,) * len(right) + (0.0,) * len(wrong)
    yield _item(row, raw, place, (*right, *wrong), truth)


def _labelled(row: LabelledRow, rows: Sequence[Raw], place: Place) -> Iterator[Item]:
    (raw,) = rows
    votes = [str(value(raw, name)) for name in _names(row.label)]
    label = Counter(votes).most_common(1)[0][0]
    if label not in row.winners:
        raise ConfigError(f"{_names(row.label)[0]} {label!r} is none of {', '.join(row.winners)}")
    responses: tuple[Text, ...]
    if row.turn is None:
        responses = tuple(_text(value(raw, name), name) for name in row.responses)
    else:
        turns = value(raw, row.turn)
        responses = tuple(_conversation(value(raw, name), name, turns) for name in row.responses)
        raw = {**raw, **{name: _question(raw[name], name) for name in _names(row.prompt)}}
    yield _item(row, raw, place, responses, TRUTHS[row.winners[label]])


def _rated(row: RatedRow, rows: Sequence[Raw], place: Place) -> Iterator[Item]:
    (raw,) = rows
    candidates = value(raw, row.candidates)
    texts = tuple(_text(value(one, row.text), row.text) for one in candidates)
    for name in row.dimensions:
        ratings = [value(value(one, row.ratings), name) for one in candidates]
        yield _item(row, raw, place, texts, _numbers(ratings, name), dimension=name)


def _flat(row: FlatRow, rows: Sequence[Raw], place: Place) -> Iterator[Item]:
    texts = tuple(_text(value(raw, row.response), row.response) for raw in rows)
    if row.right is not None:
        column, meant = row.right
        truth = tuple(float(str(value(raw, column)) == meant) for raw in rows)
        # The right response comes first, as in the recorded scores.
        order = sorted(range(len(rows)), key=lambda at: -truth[at])
        texts, truth = tuple(texts[at] for at in order), tuple(truth[at] for at in order)
        yield _item(row, rows[0], place, texts, truth)
    for name in row.dimensions:
        ratings = [value(raw, name) for raw in rows]
        yield _item(row, rows[0], place, texts, _numbers(ratings, name), dimension=name)


def _numbered(row: NumberedRow, rows: Sequence[Raw], place: Place) -> Iterator[Item]:
    (raw,) = rows
    names = [f"{row.prefix}{number}" for number in range(1, row.responses + 1)]
    truth = value(raw, row.truth)
    if len(truth) != len(names):
        raise ConfigError(f"{row.truth} has {len(truth)} entries, for {len(names)} responses")
    texts = tuple(_text(value(raw, name), name) for name in names)
    yield _item(row, raw, place, texts, _numbers(truth, row.truth))


def _single(row: SingleRow, rows: Sequence[Raw], place: Place) -> Iterator[Item]:
    (raw,) = rows
    label = value(raw, row.label)
    if label not in (0, 1):
        raise ConfigError(f"{row.label} {label!r} is neither 0 nor 1")
    yield _item(row, raw, place, (_text(value(raw, row.response), row.response),), (float(label),))


def _contrast(row: ContrastRow, rows: Sequence[Raw], place: Place) -> Iterator[Item]:
    (raw,) = rows
    assert isinstance(row.prompt, str)
    own, other = (_text(value(raw, name), name) for name in (row.response, row.other_response))
    turned = {**raw, row.prompt: value(raw, row.other_prompt)}
    cluster = f"{place.file}/{place.number}"
    for name, told, texts in (("own", raw, (own, other)), ("other", turned, (other, own))):
        made = _item(row, told, place, texts, (1.0, 0.0))
        fields = (made.prompt, made.responses, made.truth)
        yield Item(f"{made.id}/{name}", made.subset, cluster, *fields)


_MAKERS: Mapping[type, Callable[..., Iterator[Item]]] = {
    ChosenRow: _chosen,
    LabelledRow: _labelled,
    RatedRow: _rated,
    FlatRow: _flat,
    NumberedRow: _numbered,
    SingleRow: _single,
    ContrastRow: _contrast,
}


# --- parts -------------------------------------------------------------------------------------


def _item(
    row: Any,
    raw: Raw,
    place: Place,
    responses: tuple[Text, ...],
    truth: tuple[float, ...],
    *,
    dimension: str | None = None,
) -> Item:
    told = [(name, value(raw, name)) for name in _names(row.prompt)]
    said = [_text(text, name) for name, text in told if text is not None]
    if not any(said):
        raise ConfigError(f"{told[0][0]} is not a text")
    prompt = row.before + "\n\n".join(text for text in said if text)
    subset = dimension or (place.file if row.subset is None else str(value(raw, row.subset)))
    named = [] if row.id is None else [str(value(raw, name)) for name in _names(row.id)]
    name = "/".join(named) if named else f"{place.file}/{place.number}"
    reference = None if row.reference is None else _text(value(raw, row.reference), row.reference)
    name = name if dimension is None else f"{name}/{dimension}"
    return Item(name, subset, cluster_of(prompt), prompt, responses, truth, reference)


def _renamed(benchmark: Benchmark, item: Item) -> Item:
    subset = subset_of(benchmark, item.subset)
    if subset is None:
        known = [start for starts in benchmark.subsets.values() for start in starts]
        raise ConfigError(
            f"subset {item.subset!r} is none of the benchmark's",
            hint=did_you_mean(item.subset, known),
        )
    fields = (item.cluster, item.prompt, item.responses, item.truth, item.reference)
    return Item(item.id, subset, *fields)


def subset_of(benchmark: Benchmark, raw: str) -> str | None:
    """The subset that a raw name belongs to; None: none."""
    if not benchmark.subsets:
        return raw
    fits = (name for name, starts in benchmark.subsets.items() if raw.startswith(starts))
    return next(fits, None)


def _names(columns: Texts) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else columns


def _text(raw: Any, column: str) -> str:
    """A text; a list of lines is joined, and a bare number or truth value is as Python prints it.

    PandaLM has responses that are `true` in its JSON, which its authors' prompts show as True.
    """
    if isinstance(raw, str | int | float):
        return str(raw)
    if isinstance(raw, list | tuple) and raw and all(isinstance(one, str) for one in raw):
        return "\n".join(raw)
    raise ConfigError(f"{column} is not a text")


def _several(raw: Raw, column: str) -> list[str]:
    given = value(raw, column)
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
        raise ConfigError(f"{column} is neither a text nor a list of texts")
    if not found:
        raise ConfigError(f"{column} is empty")
    return list(found)


def _conversation(raw: Any, column: str, turns: Any) -> Text:
    """What was said after the first question, up to an assistant's turn."""
    if not isinstance(raw, list | tuple) or not isinstance(turns, int) or len(raw) < 2 * turns:
        raise ConfigError(f"{column} is not a conversation of {turns!r} turns")
    said: Any = raw[1 : 2 * turns]
    return str(said[0]["content"]) if turns == 1 else tuple(said)


def _question(raw: Any, column: str) -> str:
    if not isinstance(raw, list | tuple) or not raw or "content" not in raw[0]:
        raise ConfigError(f"{column} is not a conversation")
    return str(raw[0]["content"])


def _numbers(raw: Sequence[Any], column: str) -> tuple[float, ...]:
    if not all(isinstance(one, int | float) for one in raw):
        raise ConfigError(f"{column} is not a number for every response")
    return tuple(float(one) for one in raw)
