"""Two responses compared, in the display order asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from judge.aggregate.criteria import PairValue, pair_weighted_mean, worth
from judge.decoding import OVERALL, PAIR_CODES, PAIR_SCORES, Answer, PairCode, Reading
from judge.judges.base import Asker, Call, Tally
from judge.judges.calls import call_on
from judge.judges.case import Case
from judge.judges.plan import Question
from judge.judges.pointwise import trusted
from judge.judges.samples import mean_parts, sampled
from judge.recipes import Recipe
from judge.types import (
    CriterionVerdict,
    Failure,
    Generation,
    Pairwise,
    Verdict,
)

Checked = Mapping[int, Mapping[str, CriterionVerdict]]
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PairwiseJudge:
    """Asks the questions of a plan about ordered pairs of responses."""

    asker: Asker
    recipe: Recipe
    weights: Mapping[str, float]
    seed: int

    async def judge(
        self,
        case: Case,
        wanted: Sequence[tuple[Pair, Sequence[Question]]],
        checked: Checked,
        tally: Tally,
    ) -> list[Pairwise | Failure]:
        """Compare ordered pairs (first shown, second shown), each by its own questions.

        Args:
            case: The group.
            wanted: Pairs of indices of responses, and what is asked of each; nothing where checks
                decide everything. Equal responses tie without a call.
            checked: The checks' verdicts by response and criterion.
            tally: Where usage and failures go.

        Returns:
            One verdict a pair; a pair is a failure if any of its calls is, or if nothing that
            counts was judged on both sides.
        """
        asked = [
            (pair, question)
            for pair, questions in wanted
            if case.digests[pair[0]] != case.digests[pair[1]]
            for question in questions
        ]
        calls = [self._call(case, pair, question) for pair, question in asked]
        results = await sampled(self.asker, calls, self.recipe.judge.samples, _combined, tally)
        answers: dict[Pair, list[Verdict | Failure]] = {}
        for (pair, _), result in zip(asked, results, strict=True):
            answers.setdefault(pair, []).append(result)
        return [self._joined(case, pair, answers.get(pair, ()), checked) for pair, _ in wanted]

    def _call(self, case: Case, pair: tuple[int, int], question: Question) -> Call:
        shown = {"first": pair[0], "second": pair[1]}
        make = partial(self._verdict, question, pair)
        return call_on(case, question, shown, self.recipe, self.seed, make)

    def _verdict(
        self,
        question: Question,
        pair: Pair,
        answer: Answer,
        generation: Generation,
        call: Call,
    ) -> Pairwise:
        """What one call says, before it is joined with the pair's other calls and checks."""
        read = self._parts(question, answer)
        overall = self.recipe.criteria.combine == "overall"
        weights = [1.0 if overall else self.weights[part.criterion_id] for part, _ in read]
        if not any(weights):
            weights = [1.0] * len(read)
        value = pair_weighted_mean(
            [(w, found) for w, (_, found) in zip(weights, read, strict=True) if w]
        )
        parts = tuple(part for part, _ in read)
        masses = [part.label_mass for part in parts if part.label_mass is not None]
        return Pairwise(
            *pair,
            value.p_first,
            value.p_tie,
            value.p_second,
            parts,
            value.log_odds,
            value.scores,
            all(part.probabilities for part in parts),
            min(masses) if masses else None,
            answer.critique,
            call.key,
            generation.text,
            generation.thinking,
            call.cut,
        )

    def _parts(
        self, question: Question, answer: Answer
    ) -> list[tuple[CriterionVerdict, PairValue]]:
        """What an answer says on each criterion asked about."""
        judge, readings = self.recipe.judge, answer.readings
        for reading in readings:
            trusted(reading, self.recipe)
        names = [criterion.id for criterion in question.criteria]
        if self.recipe.criteria.combine == "overall":
            names = [OVERALL]
        label_only = judge.readout == "label"
        if judge.verdict == "scores":
            return [
                _from_scores(name, readings[2 * at], readings[2 * at + 1], label_only)
                for at, name in enumerate(names)
            ]
        return [
            _from_choice(name, reading, judge.verdict, label_only)
            for name, reading in zip(names, readings, strict=True)
        ]

    def _joined(
        self,
        case: Case,
        pair: Pair,
        answers: Sequence[Verdict | Failure],
        checked: Checked,
    ) -> Pairwise | Failure:
        """One verdict of all calls and checks on a pair; equal responses tie."""
        first, second = pair
        if case.digests[first] == case.digests[second]:
            return Pairwise(first, second, 0.0, 1.0, 0.0)
        broken = [answer for answer in answers if isinstance(answer, Failure)]
        if broken:
            return broken[0]
        verdicts = [answer for answer in answers if isinstance(answer, Pairwise)]
        checks: dict[str, tuple[CriterionVerdict, PairValue]] = {}
        if self.recipe.criteria.combine != "overall":
            checks = _from_checks(case, pair, checked)
        shares = [(self._weight(verdict), _value(verdict)) for verdict in verdicts]
        shares += [(self.weights[name], value) for name, (_, value) in checks.items()]
        shares = [share for share in shares if share[0]]
        if not shares:
            return Failure("aggregate", "not_comparable", "nothing that counts could be judged")
        if len(verdicts) == 1 and not checks:
            only = verdicts[0]
            if (only.first, only.second) == pair:
                return only
            return replace(only, first=first, second=second)
        whole = pair_weighted_mean(shares)
        masses = [v.label_mass for v in verdicts if v.label_mass is not None]
        return replace(
            verdicts[0] if verdicts else Pairwise(first, second, 0.0, 1.0, 0.0),
            first=first,
            second=second,
            p_first=whole.p_first,
            p_tie=whole.p_tie,
            p_second=whole.p_second,
            log_odds=whole.log_odds,
            scores=whole.scores,
            parts=(
                *(part for verdict in verdicts for part in verdict.parts),
                *(part for part, _ in checks.values()),
            ),
            graded=all(verdict.graded for verdict in verdicts),
            label_mass=min(masses) if masses else None,
            critique="\n".join(verdict.critique for verdict in verdicts if verdict.critique),
            cut=max((verdict.cut for verdict in verdicts), default=0),
        )

    def _weight(self, verdict: Pairwise) -> float:
        if self.recipe.criteria.combine == "overall":
            return 1.0
        return math.fsum(self.weights[part.criterion_id] for part in verdict.parts)


def _value(verdict: Pairwise) -> PairValue:
    return PairValue(
        verdict.p_first, verdict.p_tie, verdict.p_second, verdict.log_odds, verdict.scores
    )


def _part(
    name: str, value: PairValue, mean: float, readings: Sequence[Reading], graded: bool
) -> CriterionVerdict:
    row = (value.p_second, value.p_tie, value.p_first)
    masses = [r.label_mass for r in readings if r.label_mass is not None]
    return CriterionVerdict(
        name,
        row.index(max(row)),
        mean,
        row if graded else (),
        " ".join(r.reason for r in readings if r.reason),
        "",
        min(masses) if masses else None,
    )


def _from_choice(
    name: str, reading: Reading, verdict: str, label_only: bool
) -> tuple[CriterionVerdict, PairValue]:
    codes = PAIR_CODES[verdict]
    graded = bool(reading.probabilities) and not label_only
    row = reading.probabilities if graded else _one_hot(_label(reading), len(codes))
    first = math.fsum([p for p, code in zip(row, codes, strict=True) if code.lean > 0.0])
    second = math.fsum([p for p, code in zip(row, codes, strict=True) if code.lean < 0.0])
    odds = None
    if graded:
        odds = _log_sum(reading, codes, 1.0) - _log_sum(reading, codes, -1.0)
        odds = odds if math.isfinite(odds) else None
    value = PairValue(first, max(0.0, 1.0 - first - second), second, odds, None)
    mean = math.fsum([p * (1.0 + code.lean) / 2.0 for p, code in zip(row, codes, strict=True)])
    return _part(name, value, mean, (reading,), graded), value


def _log_sum(reading: Reading, codes: Sequence[PairCode], side: float) -> float:
    logs = [
        value
        for value, code in zip(reading.logprobs, codes, strict=True)
        if code.lean * side > 0.0
    ]
    top = max(logs)
    if top == -math.inf:
        return -math.inf
    return top + math.log(math.fsum([math.exp(value - top) for value in logs]))


def _from_scores(
    name: str, a: Reading, b: Reading, label_only: bool
) -> tuple[CriterionVerdict, PairValue]:
    """Both sides' own distributions over 1..9: P(first) = P(score A > score B) (OPRM, 2602.12660).

    The two scores are taken as independent given the call; equal scores are a tie.
    """
    width = len(PAIR_SCORES)
    graded = bool(a.probabilities and b.probabilities) and not label_only
    row_a = a.probabilities if graded else _one_hot(_label(a), width)
    row_b = b.probabilities if graded else _one_hot(_label(b), width)
    first = math.fsum([row_a[i] * row_b[j] for i in range(width) for j in range(i)])
    second = math.fsum([row_a[i] * row_b[j] for j in range(width) for i in range(j)])
    means = tuple(
        1.0 + math.fsum([k * p for k, p in enumerate(row)]) for row in (row_a, row_b)
    )
    value = PairValue(
        first, max(0.0, 1.0 - first - second), second, None, (means[0], means[1])
    )
    mean = 0.5 + (means[0] - means[1]) / (2 * (width - 1))
    return _part(name, value, mean, (a, b), graded), value


def _label(reading: Reading) -> int:
    if reading.probabilities:
        return reading.probabilities.index(max(reading.probabilities))
    return reading.index or 0


def _one_hot(index: int, width: int) -> tuple[float, ...]:
    return tuple([float(k == index) for k in range(width)])


def _from_checks(
    case: Case, pair: tuple[int, int], checked: Checked
) -> dict[str, tuple[CriterionVerdict, PairValue]]:
    """The preferences of the criteria whose checks gave a verdict on both sides."""
    found = {}
    first, second = (checked.get(index, {}) for index in pair)
    for criterion in case.rubric.checked:
        if criterion.id not in first or criterion.id not in second:
            continue
        lead = worth(criterion, first[criterion.id]) - worth(criterion, second[criterion.id])
        row = (float(lead < 0.0), float(lead == 0.0), float(lead > 0.0))
        value = PairValue(row[2], row[1], row[0], None, None)
        part = CriterionVerdict(
            criterion.id, row.index(1.0), (1.0 + lead) / 2.0, row, by="check"
        )
        found[criterion.id] = (part, value)
    return found


def _combined(verdicts: Sequence[Verdict]) -> Verdict:
    """The mean of several draws' probabilities; the log-odds are then those of the mean."""
    draws = [verdict for verdict in verdicts if isinstance(verdict, Pairwise)]
    masses = [draw.label_mass for draw in draws if draw.label_mass is not None]
    whole = pair_weighted_mean([(1.0, replace(_value(draw), log_odds=None)) for draw in draws])
    return replace(
        draws[0],
        p_first=whole.p_first,
        p_tie=whole.p_tie,
        p_second=whole.p_second,
        log_odds=None,
        scores=whole.scores,
        parts=mean_parts([draw.parts for draw in draws]),
        graded=all(draw.graded for draw in draws),
        label_mass=min(masses) if masses else None,
    )
