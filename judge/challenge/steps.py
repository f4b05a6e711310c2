"""A step left out of instructions."""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

from judge.challenge.edit import Edit
from judge.challenge.prose import Good

_ITEM = re.compile(
    r"^(?P<head>[ ]{0,3}(?:\*\*)?(?:Step )?)(?P<number>\d{1,2})(?P<tail>[.):])", re.M
)
_ASKED = re.compile(
    r"\bhow (?:to|do|does|did|can|could|should|would)\b|\bsteps?\b|\binstruct|\brecipe\b|\bguide\b"
    r"|\bprocedure\b|\bprocess\b|\bsolve\b|\bshow your work\b",
    re.I,
)
_LIST = re.compile(
    r"\b(?:ways|tips|reasons|examples|options|ideas|list|best|benefits|facts|things|some steps"
    r"|steps you can take|tell (?:if|whether))\b",
    re.I,
)
"""What asks for a list of things, of which each is of use alone."""
_IN_ORDER = re.compile(
    r"\b(?:(?:the|these|following) steps|instructions|procedure|directions)\b", re.I
)
_THEN = re.compile(r"\b(?:then|next|once|until|after|before|finally|now|again)\b", re.I)
"""What makes steps of a list that is not called so."""
LEAST_THEN = 2
"""Items that say it."""
_NAMED = re.compile(r"[^.\n]{1,60}:")
"""How an item begins that has a title: a thing, not a step."""
_REFERRED = re.compile(r"\bsteps? \d|\b(?:previous|next|last|above|following) steps?\b", re.I)
_OPTIONAL = re.compile(r"\boptional|\bif (?:you|desired|needed|necessary)\b|\benjoy\b", re.I)
LEAST = 4
"""Items of a list from which one can be missing."""


class _Item(NamedTuple):
    start: int
    end: int
    """Where the next one begins, or the list ends."""
    head: str
    number: int
    tail: str


def dropped_steps(good: Good, rng: Random) -> list[Edit]:
    """Leave out one step of a numbered list, not the first or the last; the later ones move up.

    Only in answers to a question for steps, with one list of four or more that is called so, or
    whose items say "then" and the like; none speaks of another by its number. Optional steps stay,
    and lists with code or links from that place on.
    """
    if not _ASKED.search(good.prompt) or _LIST.search(good.prompt):
        return []
    items = _items(good)
    body = _ITEM.sub("", good.text)
    if len(items) < LEAST or _REFERRED.search(body) or not _are_steps(good, items):
        return []
    edits = []
    for at in range(1, len(items) - 1):
        if _OPTIONAL.search(good.text[items[at].start : items[at].end]):
            continue
        start, end = items[at].start, items[-1].end
        if not good.is_free(start, end):
            continue
        later = "".join(_moved_up(good.text, item) for item in items[at + 1 :])
        edits.append(Edit(start, good.text[start:end], later))
    return edits


def _are_steps(good: Good, items: list[_Item]) -> bool:
    """Whether one item of a list must come after another."""
    if "Step" in items[0].head:
        return True
    said = [good.text[one.start : one.end].split(one.tail, 1)[1].strip(" *_") for one in items]
    if sum(_NAMED.match(text) is not None for text in said) * 2 > len(items):
        return False
    before = good.text[: items[0].start]
    if _LIST.search(before):
        return False
    return bool(_IN_ORDER.search(before)) or sum(map(bool, map(_THEN.search, said))) >= LEAST_THEN


def _items(good: Good) -> list[_Item]:
    """The items of the only numbered list, 1, 2, 3, ...; none where there is no such list."""
    found = [one for one in _ITEM.finditer(good.text) if good.is_free(*one.span())]
    numbers = [int(one["number"]) for one in found]
    same = {(one["head"], one["tail"]) for one in found}
    if numbers != [*range(1, len(found) + 1)] or len(same) != 1:
        return []
    starts = [one.start() for one in found]
    ends = [*starts[1:], _end(good.text, starts[-1])]
    return [
        _Item(start, end, one["head"], number, one["tail"])
        for start, end, one, number in zip(starts, ends, found, numbers, strict=True)
    ]


def _end(text: str, start: int) -> int:
    """Where the last item ends: with its line, or the text."""
    end = text.find("\n", start)
    return len(text) if end < 0 else end + 1


def _moved_up(text: str, item: _Item) -> str:
    behind = item.start + len(f"{item.head}{item.number}{item.tail}")
    return f"{item.head}{item.number - 1}{item.tail}{text[behind : item.end]}"
