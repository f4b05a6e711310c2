"""What an answer about a pair says on each criterion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from judge.aggregate.criteria import worth
from judge.aggregate.pairs import PairValue
from judge.decoding import OVERALL, PAIR_CODES, Answer, PairCode, Reading
from judge.judges.case import Case
from judge.judges.plan import TWO_SIDED, Question
from judge.judges.pointwise import trusted
from judge.recipes import Recipe
from judge.types import CriterionVerdict

Checked = Mapping[int, Mapping[str, CriterionVerdict]]


class Scale(NamedTuple):
    """How the k-th code of one side becomes its score, low + step k."""

    low: float
    step: float
    is_turned: bool
    """Whether the last code is the worst: the levels of a pitfall."""


def pair_parts(question: Question, answer: Answer, recipe: Recipe) -> list[CriterionVerdict]:
    """What an answer says on each criterion asked about.

    Raises:
        VerdictError: The model gave the allowed codes too little probability.
    """
    judge, readings = recipe.judge, answer.readings
    for reading in readings:
        trusted(reading, recipe)
    names = [criterion.id for criterion in question.criteria]
    if recipe.criteria.combine == "overall":
        names = [OVERALL]
    label_only = judge.readout == "label"
    if judge.verdict not in TWO_SIDED:
        return [
            _from_choice(name, reading, judge.verdict, label_only)
            for name, reading in zip(names, readings, strict=True)
        ]
    parts = []
    for at, name in enumerate(names):
        width = len(question.spec.slots[2 * at].codes)
        scale = Scale(1.0, 1.0, False)
        if judge.verdict == "levels":
            scale = Scale(0.0, 1.0 / (width - 1), question.criteria[at].is_pitfall)
        sides = readings[2 * at : 2 * at + 2]
        parts.append(_from_sides(name, sides, width, label_only, scale))
    return parts


def pair_value(part: CriterionVerdict) -> PairValue:
    """A criterion's verdict on a pair, whose rows run from the second to the first shown."""
    assert part.level is not None
    assert part.value is not None
    row = part.probabilities or _one_hot(part.level, 3)
    lean = 2.0 * part.value - 1.0
    return PairValue(row[2], row[1], row[0], part.log_odds, part.scores, lean)


def _part(
    name: str,
    row: tuple[float, float, float],
    mean: float,
    readings: Sequence[Reading],
    graded: bool,
    log_odds: float | None = None,
    scores: tuple[float, float] | None = None,
) -> CriterionVerdict:
    masses = [r.label_mass for r in readings if r.label_mass is not None]
    return CriterionVerdict(
        name,
        row.index(max(row)),
        mean,
        row if graded else (),
        " ".join([r.reason for r in readings if r.reason]),
        "",
        min(masses) if masses else None,
        "judge",
        log_odds,
        scores,
    )


def _from_choice(name: str, reading: Reading, verdict: str, label_only: bool) -> CriterionVerdict:
    codes = PAIR_CODES[verdict]
    graded = bool(reading.probabilities) and not label_only
    row = reading.probabilities if graded else _one_hot(_label(reading), len(codes))
    first = math.fsum([p for p, code in zip(row, codes, strict=True) if code.lean > 0.0])
    second = math.fsum([p for p, code in zip(row, codes, strict=True) if code.lean < 0.0])
    odds = None
    if graded:
        odds = _log_sum(reading, codes, 1.0) - _log_sum(reading, codes, -1.0)
        odds = odds if math.isfinite(odds) else None
    mean = math.fsum([p * (1.0 + code.lean) / 2.0 for p, code in zip(row, codes, strict=True)])
    told = (second, max(0.0, 1.0 - first - second), first)
    return _part(name, told, min(1.0, mean), (reading,), graded, odds)


def _log_sum(reading: Reading, codes: Sequence[PairCode], side: float) -> float:
    logs = [
        value for value, code in zip(reading.logprobs, codes, strict=True) if code.lean * side > 0.0
    ]
    top = max(logs)
    if top == -math.inf:
        return -math.inf
    return top + math.log(math.fsum([math.exp(value - top) for value in logs]))


def _from_sides(
    name: str, sides: Sequence[Reading], width: int, label_only: bool, scale: Scale
) -> CriterionVerdict:
    """Both sides' own distributions: P(first) = P(score A > score B) (OPRM, 2602.12660).

    The two are taken as independent given the call; equal ones are a tie.
    """
    graded = all(side.probabilities for side in sides) and not label_only
    rows = [side.probabilities if graded else _one_hot(_label(side), width) for side in sides]
    if scale.is_turned:
        rows = [row[::-1] for row in rows]
    first = math.fsum([rows[0][i] * rows[1][j] for i in range(width) for j in range(i)])
    second = math.fsum([rows[0][i] * rows[1][j] for j in range(width) for i in range(j)])
    a, b = (math.fsum([k * p for k, p in enumerate(row)]) for row in rows)
    told = (second, max(0.0, 1.0 - first - second), first)
    scores = (scale.low + scale.step * a, scale.low + scale.step * b)
    mean = 0.5 + (a - b) / (2 * (width - 1))
    return _part(name, told, mean, sides, graded, None, scores)


def _label(reading: Reading) -> int:
    if reading.probabilities:
        return reading.probabilities.index(max(reading.probabilities))
    return reading.index or 0


def _one_hot(index: int, width: int) -> tuple[float, ...]:
    return tuple([float(k == index) for k in range(width)])


def checked_parts(case: Case, pair: tuple[int, int], checked: Checked) -> list[CriterionVerdict]:
    """The preferences of the criteria whose checks gave a verdict on both sides."""
    found = []
    first, second = (checked.get(index, {}) for index in pair)
    for criterion in case.rubric.checked:
        if criterion.id not in first or criterion.id not in second:
            continue
        lead = worth(criterion, first[criterion.id]) - worth(criterion, second[criterion.id])
        row = (float(lead < 0.0), float(lead == 0.0), float(lead > 0.0))
        found.append(
            CriterionVerdict(criterion.id, row.index(1.0), (1.0 + lead) / 2.0, row, by="check")
        )
    return found
