"""What stands behind the sources that a response cites: passages of its tool history.

Nothing is fetched. A source counts only where the history holds it: a search result, an opened page
or an entry of a numbered list (CaRR, arXiv 2601.06021, as its repository does it).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from judge.checks.citations import cited
from judge.types import Text

MOST_CITED = 20
"""Sources of one response that are looked up, the first ones (CaRR)."""
_ADDRESS = r"https?://(?:[^\s<>\"'\]\[)(}{\\^`|]|\([^\s()<>\"']{0,200}\)){1,2000}"
_URL = re.compile(_ADDRESS)
_OWN_LIST = re.compile(
    rf"(?m)\[(\d{{1,4}})\]\(?:?[ \t]{{0,4}}(?={_ADDRESS})"
    rf"|^[ \t]{{0,8}}\[(\d{{1,4}})\][^\n]{{0,500}}?(?={_ADDRESS})"
)
_NUMBERED = re.compile(r"(?m)^[ \t]{0,8}\[(\d{1,4})\](?=\s)|(?<=[ \t])\[(\d{1,4})\](?=\s)")
_ENTRY = re.compile(r"(?m)^[ \t]{0,8}(\d{1,4})[.)](?=\s)")
_URL_LINE = re.compile(
    rf"(?m)^[ \t>*-]{{0,8}}(?:[A-Za-z]{{1,12}}:[ \t]{{0,4}})?[<(]?(?={_ADDRESS})"
)
_LAST = ".,;:!?*/"


class Page(NamedTuple):
    """One piece of a history: what a tool was asked, and what it answered."""

    asked: str
    text: str


class Passage(NamedTuple):
    """A text with what it can be cited by: numbers as digits, and addresses."""

    names: frozenset[str]
    text: str


def pages_of(response: Text, context: str | None) -> list[Page]:
    """The history: what tools answered in the response's own turns, and the group's context.

    The calls of an assistant's turn are answered by the tool turns after it, in their order.
    """
    pages = [] if context is None else [Page("", context)]
    asked: list[str] = []
    for turn in () if isinstance(response, str) else response:
        if turn.role == "assistant":
            asked = list(turn.tool_calls)
        elif turn.role == "tool":
            pages.append(Page(asked.pop(0) if asked else "", turn.content))
    return pages


def passages_of(pages: Sequence[Page]) -> list[Passage]:
    """The history cut into what can be cited.

    A page that a call names by its address is one passage. Search results as JSON are one passage
    an object that holds an address. Otherwise a passage is an entry of a numbered list ([n], or n.
    at a line's start) with the addresses that its first line or a line of their own give, or
    what follows a line that begins with an address.
    """
    found = []
    for page in pages:
        opened = _addresses(page.asked)
        if opened:
            found.append(Passage(frozenset(opened), page.text))
        found += _records(page.text) or _entries(page.text)
    return found


def cited_passages(text: str, passages: Sequence[Passage]) -> list[str]:
    """The passages behind what a text cites, each once, in the order of the history.

    A number to which the text itself gives an address, as in [1](https://...), means that address
    and no entry of the history. A number that several lists use names all of those entries.
    """
    own = {str(int(number)) for pair in _OWN_LIST.findall(text) for number in pair if number}
    numbers = [number for number in cited(text, "number") if number not in own]
    sources = {*[*_addresses(text), *numbers][:MOST_CITED]}
    return list(dict.fromkeys(p.text for p in passages if not sources.isdisjoint(p.names)))


def _addresses(text: str) -> list[str]:
    return list(dict.fromkeys(_bare(url) for url in _URL.findall(text)))


def _bare(url: str) -> str:
    """An address as it is compared: without a fragment and what ends a sentence."""
    return url.partition("#")[0].rstrip(_LAST)


def _records(text: str) -> list[Passage]:
    """The objects of a JSON text that hold an address; none where it is no JSON."""
    if text.lstrip()[:1] not in ("[", "{"):
        return []
    try:
        return list(_objects(json.loads(text)))
    except (ValueError, RecursionError):
        return []


def _objects(value: Any) -> Iterator[Passage]:
    if isinstance(value, dict):
        parts = [p for v in value.values() for p in (v if isinstance(v, list) else [v])]
        texts = [part for part in parts if isinstance(part, str)]
        names = [_bare(part.strip()) for part in texts if _URL.fullmatch(part.strip())]
        if names:
            yield Passage(frozenset(names), "\n".join(texts))
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _objects(part)


def _entries(text: str) -> Iterator[Passage]:
    marks = list(_marks(text))
    if marks:
        for (start, number), (stop, _) in pairwise([*marks, (len(text), "")]):
            entry = text[start:stop]
            names = {number, *_addresses(entry.partition("\n")[0]), *_own_lines(entry)}
            yield Passage(frozenset(names), entry.strip())
        return
    starts = [match.start() for match in _URL_LINE.finditer(text)]
    for start, stop in pairwise([*starts, len(text)]):
        yield Passage(frozenset(_own_lines(text[start:stop])), text[start:stop].strip())


def _own_lines(text: str) -> list[str]:
    """The addresses that begin a line."""
    found = [_URL.match(text, line.end()) for line in _URL_LINE.finditer(text)]
    return [_bare(match[0]) for match in found if match]


def _marks(text: str) -> Iterator[tuple[int, str]]:
    """Where entries begin, with their numbers.

    [n] begins one at a line's start, or inside a line where n follows the entry before it; n. does
    at a line's start where no entry is written as [n].
    """
    last, any_found = 0, False
    for match in _NUMBERED.finditer(text):
        number = int(match[1] or match[2])
        if match[1] or number == last + 1:
            any_found, last = True, number
            yield match.start(), str(number)
    if not any_found:
        for match in _ENTRY.finditer(text):
            yield match.start(), str(int(match[1]))
