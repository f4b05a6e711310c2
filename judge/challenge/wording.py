"""Statements turned round: negated, or with cause and effect exchanged."""

from __future__ import annotations

import re
from random import Random

from judge.challenge.edit import Edit
from judge.challenge.prose import Good

_ALREADY = re.compile(
    r"n['\u2019]t\b|\b(?:not|never|no|none|nothing|nobody|neither|nor|hardly|rarely|without|cannot"
    r"|only|false|untrue|incorrect|wrong|myth|misconception|fail\w*|lack\w*|deny|denies)\b",
    re.I,
)
_UNCLEAR = re.compile(
    r"\b(?:all|every\w*|each|some\w*|any\w*|most|many|few|both|either|several|one of|also|just|even"
    r"|always|that|which|who\w*|because|although|though|while|when\w*|where\w*|but|however|so|than"
    r"|as|I|we|my|our|there|here|what|how|why|let|please|very|quite|more|less|mostly|mainly|largely|partly)\b|[;:()\u2014!?]",
    re.I,
)
"""What a negation might not reach, or might not turn round."""
_SAID = re.compile(r"(?<=[a-z0-9)] )(is|are|was|were|can|will|must)(?= (?!to )[a-z0-9])")
_DENIED = re.compile(
    r"(?<=[a-z0-9)] )(?:(is|are|was|were|will|must|does|do|did|can)(?:n['\u2019]t| not)|(cannot))"
    r"(?= [a-z0-9])"
)
_HALF_DENIED = re.compile(r"\bnot (?:only|just|necessarily|always|all|yet|entirely|merely)\b", re.I)
_CAUSES = re.compile(
    r"(?P<cause>[A-Z][\w-]*(?: [a-z][\w-]*){0,4}) (?P<verb>causes|cause|leads to|lead to|triggers"
    r"|trigger|produces|produce|results in|result in)"
    r" (?P<effect>[a-z][\w-]*(?: [a-z][\w-]*){0,4})\."
)
_NO_NOUNS = re.compile(
    r"\b(?:it|its|this|that|these|those|they|their|them|he|she|his|her|you|your|which|who|when|and"
    r"|or|but|to|by|not|can|will|be|is|are|was|were|what|directly|often|also)\b",
    re.I,
)


def negations(good: Good, rng: Random) -> list[Edit]:
    """Put a "not" into a plain statement, or take it out of one.

    Only where one verb alone can be meant: no second verb of its kind, no quantifier, no clause,
    no other negation, nothing hedged.
    """
    edits = []
    for sentence in good.sentences:
        said = list(_SAID.finditer(sentence.text))
        denied = list(_DENIED.finditer(sentence.text))
        if _UNCLEAR.search(sentence.text) or _HALF_DENIED.search(sentence.text):
            continue
        if len(denied) == 1 and len(_ALREADY.findall(sentence.text)) == 1:
            (found,) = denied
            others = [one for one in said if one.start() != found.start()]
            if not others:
                plain = "can" if found[2] else found[1]
                edits.append(Edit(sentence.start + found.start(), found[0], plain))
        elif len(said) == 1 and not denied and not _ALREADY.search(sentence.text):
            (found,) = said
            turned = "cannot" if found[1] == "can" else f"{found[1]} not"
            edits.append(Edit(sentence.start + found.start(), found[1], turned))
    return edits


def causes(good: Good, rng: Random) -> list[Edit]:
    """Exchange cause and effect of a sentence that says no more than "A causes B.".

    Both are short and name things, not clauses or pronouns. The first word of the cause must be
    known to be written small inside a sentence, and both must be singular or both plural, so that
    the verb still fits.
    """
    edits = []
    for sentence in good.sentences:
        found = _CAUSES.fullmatch(sentence.text)
        if found is None or _NO_NOUNS.search(f"{found['cause']} {found['effect']}"):
            continue
        cause, effect = found["cause"], found["effect"]
        first = cause.split()[0]
        small = first[0].lower() + first[1:]
        is_common = first in ("The", "A", "An") or re.search(
            rf"\b{small}\b", good.text + good.prompt
        )
        if not is_common or _is_plural(cause) != _is_plural(effect) or first.casefold() == effect:
            continue
        if _is_plural(cause) == found["verb"].split()[0].endswith("s"):
            continue
        turned = f"{effect[0].upper()}{effect[1:]} {found['verb']} {cause[0].lower()}{cause[1:]}."
        edits.append(Edit(sentence.start, sentence.text, turned))
    return edits


def _is_plural(phrase: str) -> bool:
    """By the last word's ending: diseases, but not gas, virus, illness, analysis."""
    last = phrase.split()[-1]
    return last.endswith("s") and not last.endswith(("ss", "us", "is", "gas", "ics"))
