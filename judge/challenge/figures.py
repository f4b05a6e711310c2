"""Numbers and dates made wrong; what they look like stays."""

from __future__ import annotations

import re
from random import Random

from judge.challenge.edit import Edit
from judge.challenge.prose import HEDGED, Good

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_UNITS = (
    r"(?:%|\u00b0[CF]?|percent|degrees|(?:square |cubic )?(?:kilo|centi|milli)?met(?:er|re)s"
    r"|km|cm|mm|m|miles|feet|ft|inches|yards|acres|hectares|(?:kilo|milli)?grams|kg|mg|g|pounds|lbs?|tons"
    r"|tonnes|lit(?:er|re)s|ml|gallons|cups|tablespoons|teaspoons|tbsp|tsp|seconds|minutes|hours|days|weeks"
    r"|months|years|centuries|people|inhabitants|times|million|billion|trillion|thousand|dollars"
    r"|euros|[KMGT]i?B|bytes|bits|volts|watts|kW|MW|amps|calories|kcal|joules|Hz|kHz|MHz|GHz"
    r"|km/h|mph|players|members|states|chromosomes|bones|teeth|planets|moons|legs|sides)"
)
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_QUANTITY = re.compile(
    rf"(?<![\w.,/:%#@^*+=<>()\u2013\u2014-])({_NUMBER})(?=[ ]?{_UNITS}(?![\w-]))"
)
_MONEY = re.compile(rf"(?<=[$\u20ac\u00a3])({_NUMBER})(?![\w,.]*\d|[\w-])")
_RANGED = re.compile(r"\b(?:to|and|between|or|than|step|chapter|section|page|version)\s*$", re.I)
_MONTH = "|".join(MONTHS)
_YEAR = r"(?:1[0-9]{3}|20[0-2][0-9])"
_YEARS = re.compile(
    rf"(?:\b(?:{_MONTH})\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+|\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:{_MONTH}),?\s+"
    rf"|\b(?:{_MONTH})\s+|\b(?:[Ii]n|[Ss]ince|[Uu]ntil|[Bb]y)(?:\s+the\s+year)?\s+)({_YEAR})"
    r"(?=[,.;)](?!\d)|\s+(?:by|at|when|with|and|as|to|after|during|it|he|she|they|the|in|on)\b|$)",
    re.M,
)
_ISO = re.compile(rf"(?<![\w-])({_YEAR})(?=-(?:0[1-9]|1[0-2])-(?:[0-2][0-9]|3[01])(?![\w-]))")
_DAY = re.compile(rf"\b({_MONTH})(?=\s+(?:[1-9]|1[0-9]|2[0-8])(?:st|nd|rd|th)?\b(?![,\s]*\d{{4}}))")
LAST_YEAR = 2025
NEAREST, FARTHEST = 3, 25
"""Years by which a year is moved."""
LEAST_CHANGE = 0.5
"""Of a number, relative to it."""


def numbers(good: Good, rng: Random) -> list[Edit]:
    """Change the first digit of a quantity (with a unit or a currency) by half of it or more.

    Signs, separators and the number of digits stay. Left alone: hedged lines, ranges, what is or
    would become a lone 1 (whose unit is singular), percentages that would leave 0 to 100.
    """
    edits = []
    for found in (*_QUANTITY.finditer(good.text), *_MONEY.finditer(good.text)):
        start, end = found.span(1)
        before = good.text[good.text.rfind("\n", 0, start) + 1 : start]
        if not good.is_free(start, end) or HEDGED.search(good.line_of(start)):
            continue
        if _RANGED.search(before) or re.match(r"\s*(?:-|\u2013|to\b)\s*\d", good.text[end:]):
            continue
        is_share = good.text[end:].lstrip(" ").startswith(("%", "percent"))
        others = _others(found[1], is_share)
        if others:
            edits.append(Edit(start, found[1], rng.choice(others)))
    return edits


def _others(number: str, is_share: bool) -> list[str]:
    """The number with other first digits."""
    at = next((k for k, char in enumerate(number) if char in "123456789"), None)
    if at is None or _value(number) == 1.0:
        return []
    digit = int(number[at])
    far = (d for d in range(1, 10) if abs(d - digit) >= LEAST_CHANGE * digit)
    made = [number[:at] + str(d) + number[at + 1 :] for d in far]
    made = [one for one in made if _value(one) != 1.0]
    return [one for one in made if not is_share or _value(one) < 100.0] if is_share else made


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def dates(good: Good, rng: Random) -> list[Edit]:
    """Move the year of a date by 3 to 25 years, or name another month where there is no year.

    Left alone: hedged lines, ranges of years, numbers that may be no year.
    """
    edits = []
    for found in (*_YEARS.finditer(good.text), *_ISO.finditer(good.text)):
        moves = (rng.choice((-1, 1)) * rng.randint(NEAREST, FARTHEST) for _ in range(8))
        years = [int(found[1]) + move for move in moves]
        right = [year for year in years if 1000 <= year <= LAST_YEAR]
        if int(found[1]) <= LAST_YEAR and right:
            edits.append(Edit(found.start(1), found[1], str(right[0])))
    for found in _DAY.finditer(good.text):
        other = rng.choice([month for month in MONTHS if month != found[1]])
        edits.append(Edit(found.start(1), found[1], other))
    return [
        edit
        for edit in edits
        if good.is_free(edit.start, edit.end) and not HEDGED.search(good.line_of(edit.start))
    ]
