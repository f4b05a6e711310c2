"""A name put in another's place, and a source that does not exist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from judge.challenge.edit import Edit
from judge.challenge.prose import Good
from judge.files import read_file

NAMES = Path(__file__).with_name("names.yaml")
_CLAIM = re.compile(
    r"\b(?:capital|born|died|founded|invented|discovered|located|lies|won|wrote|written|painted"
    r"|composed|developed|proposed|formulated|published|directed|designed|ruled|largest|smallest"
    r"|highest|tallest|longest|deepest|oldest|hottest|coldest|first)\b"
)
"""Words that make a claim of a sentence, which another name makes false."""
_COPIED = re.compile(r"\b(?:translat|convert|rewrit|proofread|correct the)\w*", re.I)
FIRST = ("Hartwell", "Okonjo", "Lindqvist", "Marchetti", "Szabolcs", "Verhoeven", "Takanashi")
SECOND = ("Osei", "Brandvold", "Castellan", "Devereux", "Ivarsson", "Mukherji", "Pfeiffer")
"""Names of authors; the two of one place are never written about together."""
YEARS = (1994, 2021)
LEAST_WORDS = 8
"""Of a statement that a source is invented for."""
_ADDRESSED = re.compile(r"\b(?:I|we|you|your|my|our|please|let)\b|[(\[)\]:]", re.I)


@cache
def bundled_names() -> Mapping[str, tuple[str, ...]]:
    """The bundled names by kind."""
    raw: Any = read_file(NAMES)[1].data()
    return {kind: tuple(names) for kind, names in raw.items()}


def names(good: Good, rng: Random) -> list[Edit]:
    """Put another country, city, planet or person where one is named.

    Only in a sentence that claims something of it (`_CLAIM`), or where the prompt, the reference
    or the context names it; and that names no other of its kind. The other name occurs nowhere.
    """
    if _COPIED.search(good.prompt):
        return []
    everything = f"{good.text}\n{good.prompt}\n{good.known}"
    edits = []
    for sentence in good.sentences:
        for kind in bundled_names().values():
            there = [found for name in kind for found in _occurrences(name, sentence.text)]
            if len(there) != 1:
                continue
            (found,) = there
            asked = any(_occurrences(found[0], text) for text in (good.prompt, good.known))
            others = [name for name in kind if name not in everything]
            if others and (asked or _CLAIM.search(sentence.text)):
                start = sentence.start + found.start()
                edits.append(Edit(start, found[0], rng.choice(others)))
    return edits


def _occurrences(name: str, text: str) -> list[re.Match[str]]:
    """Where a name stands alone: no capital letter, hyphen or article adjoins it."""
    if name not in text:
        return []
    return [
        found
        for found in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])(?!,? [A-Z])", text)
        if not re.search(
            r"(?:\b(?!The |In |On |At )[A-Z][\w.]* |\b[Aa]n? )$", text[: found.start()]
        )
    ]


def citations(good: Good, rng: Random) -> list[Edit]:
    """Give a statement a source that does not exist, behind its last word.

    The authors are put together from two lists; a pair of which either is named anywhere is not
    taken.
    """
    everything = f"{good.text}\n{good.prompt}\n{good.known}"
    free = [[name for name in side if name not in everything] for side in (FIRST, SECOND)]
    if not all(free):
        return []
    edits = []
    for sentence in good.sentences:
        if len(sentence.text.split()) < LEAST_WORDS or _ADDRESSED.search(sentence.text):
            continue
        if not sentence.text[-2].isalnum():
            continue
        source = f" ({rng.choice(free[0])} & {rng.choice(free[1])}, {rng.randint(*YEARS)})"
        edits.append(Edit(sentence.end - 1, "", source))
    return edits
