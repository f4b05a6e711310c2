"""Two responses compared, in the display order asked for."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from judge.aggregate.criteria import PairValue, pair_weighted_mean, worth
from judge.decoding import OVERALL, PAIR_CODES, PAIR_SCORES, Answer, PairCode, Reading
from judge.judges.base import Asker, Call, Tally
from judge.judges.case import Case
from judge.judges.plan import Question
from judge.judges.pointwise import LIMITS, trusted
from judge.judges.samples import mean_parts, sampled
from judge.recipes import Recipe
from judge.types import (
    CriterionVerdict,
    Failure,
    Generation,
    Message,
    Pairwise,
    Verdict,
)

Checked = Mapping[int, Mapping[str, CriterionVerdict]]
TIE = PairValue(0.0, 1.0, 0.0, None, None)


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
        pairs: Sequence[tuple[int, int]],
        questions: Sequence[Question],
        checked: Checked,
        tally: Tally,
    ) -> list[Pairwise | Failure]:
        """Compare ordered pairs (first shown, second shown).

        Args:
            case: The group.
            pairs: Indices of responses; equal responses tie without a call.
            questions: What is asked of each pair; empty where checks decide everything.
            checked: The checks' verdicts by response and criterion.
            tally: Where usage and failures go.

        Returns:
            One verdict a pair; a pair is a failure if any of its calls is.
        """
        shared = case.shared_texts()
        ready = [replace(q, skeleton=q.skeleton.filled(shared)) for q in questions]
        asked = [pair for pair in pairs if case.digests[pair[0]] != case.digests[pair[1]]]
        calls = [self._call(case, pair, question) for pair in asked for question in ready]
        results = await sampled(self.asker, calls, self.recipe.judge.samples, _combined, tally)
        answers: dict[tuple[int, int], list[Verdict | Failure]] = {}
        for at, pair in enumerate(asked):
            answers[pair] = results[at * len(ready) : (at + 1) * len(ready)]
        return [self._joined(case, pair, answers.get(pair), checked) for pair in pairs]

    def _call(self, case: Case, pair: tuple[int, int], question: Question) -> Call:
        first, second = pair
        digest = hashlib.sha256(question.key + case.inputs_digest)
        digest.update((case.digests[first] + case.digests[second]).encode())
        sampling = question.sampling
        if sampling.temperature:
            digest.update(str(self.seed).encode())
            sampling = replace(sampling, seed=int.from_bytes(digest.digest()[:4], "big"))
        key = digest.hexdigest()

        def make(answer: Answer, generation: Generation, cut: int) -> Verdict:
            return self._verdict(question, answer, generation, cut, key)

        def shorten(step: int) -> tuple[tuple[Message, ...], int]:
            texts = {
                name: case.fence(case.responses[index].text, LIMITS[step])
                for name, index in (("first", first), ("second", second))
            }
            whole = len(case.fenced(first)) + len(case.fenced(second))
            cut = max(0, whole - sum(map(len, texts.values())))
            return question.skeleton.render(texts), cut

        return Call(
            key,
            question.skeleton.render(
                {"first": case.fenced(first), "second": case.fenced(second)}
            ),
            question.spec,
            make,
            sampling,
            question.constraint,
            shorten if self.recipe.judge.overflow == "cut_middle" else None,
        )

    def _verdict(
        self,
        question: Question,
        answer: Answer,
        generation: Generation,
        cut: int,
        key: str,
    ) -> Pairwise:
        """What one call says, before it is joined with the pair's other calls and checks."""
        for reading in answer.readings:
            trusted(reading, self.recipe)
        names = [criterion.id for criterion in question.criteria]
        overall = self.recipe.criteria.combine == "overall"
        if overall:
            names = [OVERALL]
        label_only = self.recipe.judge.readout == "label"
        if self.recipe.judge.verdict == "scores":
            readings = answer.readings
            read = [
                _from_scores(name, readings[2 * at], readings[2 * at + 1], label_only)
                for at, name in enumerate(names)
            ]
        else:
            read = [
                _from_choice(name, reading, self.recipe.judge.verdict, label_only)
                for name, reading in zip(names, answer.readings, strict=True)
            ]
        weights = [1.0 if overall else self.weights[name] for name in names]
        if not any(weights):
            weights = [1.0] * len(names)
        value = pair_weighted_mean(
            [(w, found) for w, (_, found) in zip(weights, read, strict=True) if w]
        )
        parts = tuple(part for part, _ in read)
        masses = [part.label_mass for part in parts if part.label_mass is not None]
        return Pairwise(
            0,
            1,
            value.p_first,
            value.p_tie,
            value.p_second,
            parts,
            value.log_odds,
            value.scores,
            all(part.probabilities for part in parts),
            min(masses) if masses else None,
            answer.critique,
            key,
            generation.text,
            generation.thinking,
            cut,
        )

    def _joined(
        self,
        case: Case,
        pair: tuple[int, int],
        answers: Sequence[Verdict | Failure] | None,
        checked: Checked,
    ) -> Pairwise | Failure:
        """One verdict of all calls and checks on a pair; equal responses (no answers) tie."""
        first, second = pair
        if answers is None:
            return Pairwise(first, second, 0.0, 1.0, 0.0)
        verdicts = []
        for answer in answers:
            if isinstance(answer, Failure):
                return answer
            assert isinstance(answer, Pairwise)
            verdicts.append(answer)
        checks = {}
        if self.recipe.criteria.combine != "overall":
            checks = _from_checks(case, pair, checked)
        if len(verdicts) == 1 and not checks:
            return replace(verdicts[0], first=first, second=second)
        shares = [(sum(self.weights[p.criterion_id] for p in v.parts), _value(v)) for v in verdicts]
        shares += [(self.weights[name], value) for name, (_, value) in checks.items()]
        shares = [share for share in shares if share[0]]
        whole = pair_weighted_mean(shares) if shares else TIE
        masses = [v.label_mass for v in verdicts if v.label_mass is not None]
        base = verdicts[0] if verdicts else Pairwise(first, second, 0.0, 1.0, 0.0)
        return replace(
            base,
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
        )


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
    whole = pair_weighted_mean([(1.0, replace(_value(draw), log_odds=None)) for draw in draws])
    return replace(
        draws[0],
        p_first=whole.p_first,
        p_tie=whole.p_tie,
        p_second=whole.p_second,
        log_odds=None,
        scores=whole.scores,
        parts=mean_parts([draw.parts for draw in draws]),
    )
