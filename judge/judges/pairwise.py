"""Two responses compared, in the display order asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from judge.aggregate.pairs import PAIR_COMBINERS, PairItem, pair_mean
from judge.decoding import Answer
from judge.judges.base import Asker, Call, Tally
from judge.judges.calls import call_on
from judge.judges.case import Case
from judge.judges.pair_parts import Checked, checked_parts, pair_parts, pair_value
from judge.judges.plan import Question
from judge.judges.samples import Bench, Merge, mean_parts, sampled
from judge.recipes import Recipe
from judge.types import (
    CriterionVerdict,
    Failure,
    Generation,
    Pairwise,
    Verdict,
)

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PairwiseJudge:
    """Asks the questions of a plan about ordered pairs of responses."""

    asker: Asker | Bench
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
        """What one call says; its criteria count alike until the recipe's rule joins them."""
        parts = tuple(pair_parts(question, answer, self.recipe))
        value = pair_value(parts[0])
        if len(parts) > 1:
            value = pair_mean([pair_value(part) for part in parts], [1.0] * len(parts))
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
            value.lean,
        )

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
        section = self.recipe.criteria
        checks = [] if section.combine == "overall" else checked_parts(case, pair, checked)
        parts = [part for verdict in verdicts for part in verdict.parts]
        if len(parts) == 1 and not checks and self._stands(parts[0]):
            only = verdicts[0]
            shown = (only.first, only.second) == pair
            return only if shown else replace(only, first=first, second=second)
        items = self._items(case, [*parts, *checks])
        if not items:
            return Failure("aggregate", "not_comparable", "nothing that counts could be judged")
        whole = PAIR_COMBINERS[section.combine](items, section)
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
            lean=whole.lean,
            parts=(*parts, *checks),
            graded=section.combine != "tiers" and all(verdict.graded for verdict in verdicts),
            label_mass=min(masses) if masses else None,
            critique="\n".join(verdict.critique for verdict in verdicts if verdict.critique),
            cut=max((verdict.cut for verdict in verdicts), default=0),
            decided_by=", ".join(dict.fromkeys(v.decided_by for v in verdicts if v.decided_by)),
            thinking_cut=any(verdict.thinking_cut for verdict in verdicts),
        )

    def _stands(self, only: CriterionVerdict) -> bool:
        """Whether a lone criterion's preference is the pair's as it is."""
        combine = self.recipe.criteria.combine
        return combine == "overall" or (
            combine in ("weighted_mean", "layers") and self.weights[only.criterion_id] > 0.0
        )

    def _items(self, case: Case, parts: Sequence[CriterionVerdict]) -> list[PairItem]:
        """What counts on the pair, in the order of the file."""
        if self.recipe.criteria.combine == "overall":
            return [PairItem(part.criterion_id, 1.0, pair_value(part)) for part in parts]
        by_id = {part.criterion_id: part for part in parts}
        return [
            PairItem(c.id, self.weights[c.id], pair_value(by_id[c.id]), c.tier, c.layer)
            for c in case.criteria
            if c.id in by_id and self.weights[c.id]
        ]


def _combined(verdicts: Sequence[Verdict], merge: Merge = mean_parts) -> Verdict:
    """The mean of several draws' probabilities; the log-odds are then those of the mean."""
    draws = [verdict for verdict in verdicts if isinstance(verdict, Pairwise)]
    masses = [draw.label_mass for draw in draws if draw.label_mass is not None]
    parts = merge([draw.parts for draw in draws])
    whole = pair_mean([pair_value(part) for part in parts], [1.0] * len(parts))
    return replace(
        draws[0],
        p_first=whole.p_first,
        p_tie=whole.p_tie,
        p_second=whole.p_second,
        log_odds=None,
        scores=whole.scores,
        lean=whole.lean,
        parts=parts,
        graded=all(part.probabilities for part in parts),
        label_mass=min(masses) if masses else None,
        thinking_cut=any(draw.thinking_cut for draw in draws),
    )
