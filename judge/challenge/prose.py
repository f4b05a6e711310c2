"""What of a response is prose that a rule may touch: not code, links, formulas, quotations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from judge.checks.text import SENTENCE_END, words
from judge.types import Record

_PROTECTED = re.compile(
    r"""
      ^[ \t]*(?P<fence>`{3,}+|~{3,}+)[^\n]*+\n(?s:.*?)(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)  # code
    | (?<!`)(?P<ticks>`{1,9})(?!`)(?s:.{1,2000}?)(?<!`)(?P=ticks)(?!`)     # code in a line
    | ^(?:[ ]{4}|\t)[^\n]*$                                               # indented code
    | ^[ ]{0,3}(?:>|\#{1,6}[ ]|\|)[^\n]*$                                 # quotation, title, table
    | \$\$(?s:.{1,2000}?)\$\$ | \$[^$\n]{1,400}\$                           # formulas
    | \\\((?s:.{1,2000}?)\\\) | \\\[(?s:.{1,2000}?)\\\]
    | \]\([^)\n]{0,400}\) | <[^<>\n]{1,300}>                              # link targets, tags
    | \b[a-z][a-z0-9+.-]{1,20}://\S+ | \bwww\.\S+                         # addresses
    | (?<![\w.+-])[\w.+-]{1,64}@[\w.-]{1,255}
    | (?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.(?:com|org|net|edu|gov|io|dev|ai)\b(?:/\S*)?
    | (?<![\w/])[.~]{0,2}(?:/[\w.-]{1,255}){2,}/? | \b[A-Za-z]:\\\S+         # paths
    | "[^"\n]{1,400}" | \u201c[^\u201d\n]{1,400}\u201d                    # quotations
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
_MARKER = re.compile(r"[ \t]*(?:(?:[-*+\u2022]|\d{1,3}[.)])[ \t]+)?(?:\*\*|__)?")
_ABBREVIATED = re.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|St|vs|etc|No|Fig|Eq|al|Inc|Ltd|Jr|Sr|approx|cf|e\.g|i\.e)"
    r"|(?<![A-Za-z])[A-Za-z](?:\.[A-Za-z])*)\.$"
)
HEDGED = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|circa|maybe|perhaps|might|may|could"
    r"|would|probably|likely|usually|typically|often|sometimes|generally|estimated?|up to|at least"
    r"|at most|over|under|above|below|(?:more|less|fewer|other) than|for (?:example|instance)"
    r"|e\.g|i\.e|such as|including|like|say|suppose|assum\w+|imagine|hypothetical\w*|optional\w*"
    r"|if|whether|unless|depend\w*|recommend\w*|suggest\w*|prefer\w*|or)\b|~|\u2248|\u00b1",
    re.IGNORECASE,
)
"""Words after which another number, name or date may be as right."""
_INVENTED = re.compile(
    r"\b(?:stor(?:y|ies)|poe(?:ms?|try)|haiku|limerick|song|lyrics|fiction\w*|novel|jokes?|fairy"
    r"|role-?play|imagin\w*|pretend|brainstorm|slogans?|names? for|taglines?|screenplay|dialogue"
    r"|creative|suggest|ideas?|examples?|opinion|recommend\w*|writ(?:e|ten)|compose|create|design"
    r"|generate|blog|press release|advert\w*|announce\w*|persua\w*|arguments?|letter|e-?mail|quiz"
    r"|false|fake|made-up|wrong|incorrect|unreasonable|humou?r\w*|funny|amusing)\b",
    re.IGNORECASE,
)
"""Words of prompts that leave open, or wish, what is not so."""
_ENGLISH = frozenset(
    [*("the", "a", "an", "of", "and", "to", "in", "is"), *("are", "was", "it", "that", "for", "by")]
)
ENGLISH_SHARE = 0.1


class Sentence(NamedTuple):
    """A whole sentence of prose that begins with a capital letter and ends with a full stop."""

    start: int
    end: int
    """Behind the full stop; offsets are characters of the response."""
    text: str


class Good(Record, frozen=True, gc=True, dict=True):
    """A good response, and what it was asked."""

    text: str
    prompt: str
    known: str = ""
    """The reference and the context, where there are any."""

    @property
    def is_checkable(self) -> bool:
        """Whether rules apply at all: English prose, that was not asked to be invented."""
        said = [word.casefold() for word in words(self.text)]
        english = sum(word in _ENGLISH for word in said)
        return english >= ENGLISH_SHARE * len(said) > 0 and not _INVENTED.search(self.prompt)

    @cached_property
    def protected(self) -> list[tuple[int, int]]:
        """Where no rule may touch it."""
        return [found.span() for found in _PROTECTED.finditer(self.text)]

    def is_free(self, start: int, end: int) -> bool:
        """Whether a stretch, and what adjoins it, is prose."""
        return all(end < low or high < start for low, high in self.protected)

    def line_of(self, at: int) -> str:
        """The line around a place."""
        start = self.text.rfind("\n", 0, at) + 1
        end = self.text.find("\n", at)
        return self.text[start : len(self.text) if end < 0 else end]

    @cached_property
    def sentences(self) -> list[Sentence]:
        """The sentences that stand in one line each, unhedged and outside of what is protected."""
        found = []
        at = 0
        for line in self.text.split("\n"):
            found += [one for one in _sentences(line, at) if self.is_free(one.start, one.end)]
            at += len(line) + 1
        return [one for one in found if not HEDGED.search(one.text)]


def _sentences(line: str, offset: int) -> Iterator[Sentence]:
    marker = _MARKER.match(line)
    start = 0 if marker is None else marker.end()
    torn = False
    for stop in SENTENCE_END.finditer(line):
        text = line[start : stop.end()]
        broken = _ABBREVIATED.search(text) is not None
        if not (torn or broken) and text.endswith(".") and text[:1].isupper():
            yield Sentence(offset + start, offset + stop.end(), text)
        torn = broken
        rest = line[stop.end() :]
        start = stop.end() + len(rest) - len(rest.lstrip())
