"""What is wrong with a criterion's wording. The word lists are English; other languages pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from judge.rubrics.criterion import Criterion

_VAGUE = re.compile(
    r"\b(good|bad|nice|great|best|high[- ]quality|quality|appropriate(ly)?|adequate(ly)?|suitable"
    r"|proper(ly)?|reasonable|reasonably|well[- ]written|interesting|satisf(ying|actory)|sufficient"
    r"|sufficiently|effective(ly)?|decent|optimal|professional|nuanced)\b",
    re.IGNORECASE,
)
_VERBS = (
    "is|are|was|does|do|has|have|can|avoid|avoids|include|includes|use|uses|provide|provides|give"
    "|gives|contain|contains|state|states|explain|explains|cite|cites|answer|answers|follow|follows"
    "|stay|stays|show|shows|mention|mentions|keep|keeps|make|makes|remain|remains"
)
_DOUBLE = re.compile(
    rf"(\band/or\b|\bas well as\b|[,;]? (and|or|but) (also |it )?({_VERBS})\b)", re.I
)
_PRESUPPOSES = re.compile(
    r"^(why|since)\b|\b(still|again|any longer|continues? to|no longer)\b",
    re.IGNORECASE,
)
_MEASURES = re.compile(r"^(how (?!many)\w+|to what (extent|degree))\b", re.IGNORECASE)
_NEGATIVE = re.compile(
    r"^(does|do|is|are|has|have|can)(n't| not)\b|^(does|is|has) the (response|answer|text) not\b",
    re.I,
)
_VIRTUE = re.compile(
    r"\b(avoids?|free (of|from)|without|refrains?|correct(ly)?|accurate(ly)?|complete(ly)?"
    r"|clear(ly)?)\b",
    re.IGNORECASE,
)
_MISTAKE = re.compile(
    r"\b(errors?|mistakes?|fails? to|failed to|hallucinat\w*|invents?|invented|fabricat\w*|false"
    r"|falsely|irrelevant|redundant|contradicts?|misleading|harmful|offensive|padding|filler)\b",
    re.IGNORECASE,
)
_GUARDED = re.compile(
    r"\b(avoids?|free (of|from)|without|no|not|corrects?|points? out)\b", re.IGNORECASE
)
_COMPARES = re.compile(
    r"\b(which (response|answer|one)|better than|worse than|more \w+ than the other|both responses"
    r"|the other (response|answer)|response [ab]\b)",
    re.IGNORECASE,
)
_SMALL_WORDS = (
    "a an the is are was does do did has have can of to in on for it its that this which with and"
    " or as by from be at any all not response answer text question prompt"
)
_SMALL = frozenset(_SMALL_WORDS.split())


class Remark(NamedTuple):
    """One thing wrong with a wording."""

    code: str
    message: str
    suggestion: str


def remarks(criterion: Criterion) -> Iterator[Remark]:
    """All that is wrong with one criterion's question."""
    question = criterion.question
    if question is None:
        return
    if not question.rstrip("\"')").endswith(("?", "\uff1f")) and criterion.kind not in (
        "statement",
        "metric",
        "step",
        "span",
    ):
        yield Remark("R013", "the question has no question mark", "end it with ?")
    yield from _clarity(criterion, question)
    yield from _direction(criterion, question)


def _clarity(criterion: Criterion, question: str) -> Iterator[Remark]:
    explained = any(level.meaning for level in criterion.levels) or bool(
        criterion.examples.good or criterion.examples.bad
    )
    if (match := _VAGUE.search(question)) and not explained:
        yield Remark(
            "R001",
            f"{match.group()!r} means something else to every reader",
            "say what can be seen in the text, or give the levels meanings",
        )
    if question.count("?") > 1 or (len(criterion.levels) == 2 and _DOUBLE.search(question)):
        yield Remark(
            "R002",
            "it asks two things at once, and one answer cannot serve both",
            "split it into two criteria, or give levels for the cases in between",
        )
    measure = None if explained else _MEASURES.search(question)
    if match := _PRESUPPOSES.search(question) or measure:
        yield Remark(
            "R009",
            f"{match.group().strip()!r} takes for granted what is to be found out",
            "ask whether, not how well or why",
        )
    if match := _NEGATIVE.search(question):
        yield Remark(
            "R009",
            "a question with a negation is answered both ways",
            "ask for the thing itself; for a mistake set kind: pitfall",
        )


def _direction(criterion: Criterion, question: str) -> Iterator[Remark]:
    if criterion.is_pitfall and (match := _VIRTUE.search(question)):
        yield Remark(
            "R011",
            f"a pitfall names a mistake, but {match.group()!r} sounds like a virtue",
            "word it so that yes is bad, or drop kind: pitfall",
        )
    plain = criterion.kind in ("principle", "hard_rule") and len(criterion.levels) == 2
    names = [level.name for level in criterion.levels]
    match = _MISTAKE.search(question)
    if plain and names == ["no", "yes"] and match and not _GUARDED.search(question):
        yield Remark(
            "R012", f"{match.group()!r} is a mistake, yet yes earns the points", "set kind: pitfall"
        )
    if criterion.scope != "pair" and (match := _COMPARES.search(question)):
        yield Remark(
            "R016",
            f"{match.group()!r} compares responses, but each is judged by itself",
            "ask about one response, or set scope: pair",
        )


def overlap(first: str, second: str) -> float:
    """Share of content words that two questions have in common (Jaccard), in [0, 1]."""
    one, two = _content_words(first), _content_words(second)
    return len(one & two) / len(one | two) if one and two else 0.0


def _content_words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold())) - _SMALL
