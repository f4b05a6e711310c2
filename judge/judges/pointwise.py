"""One response against the levels of every criterion."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from judge.decoding import Answer, Reading
from judge.errors import VerdictError
from judge.judges.base import Asker, Call, Tally
from judge.judges.case import Case, quoted_in
from judge.judges.plan import Question
from judge.judges.samples import mean_parts, sampled
from judge.recipes import Recipe
from judge.rubrics import Criterion
from judge.types import CriterionVerdict, Failure, Generation, Message, Pointwise, Verdict

LIMITS = tuple(4000 >> step for step in range(8))
"""Characters kept of a response that does not fit, at each further try (`cut_middle`)."""


@dataclass(frozen=True, slots=True)
class PointwiseJudge:
    """Asks the questions of a plan about single responses."""

    asker: Asker
    recipe: Recipe
    seed: int

    async def judge(
        self,
        case: Case,
        wanted: Sequence[tuple[int, Sequence[Question]]],
        tally: Tally,
    ) -> list[tuple[int, Pointwise | Failure]]:
        """Judge responses, each by its own questions.

        Returns:
            One (response, verdict) a question; samples are already combined.
        """
        asked: list[tuple[int, Call]] = []
        shared = case.shared_texts()
        filled: dict[bytes, Question] = {}
        for index, questions in wanted:
            for question in questions:
                ready = filled.get(question.key)
                if ready is None:
                    skeleton = question.skeleton.filled(shared)
                    ready = filled[question.key] = replace(question, skeleton=skeleton)
                asked.append((index, self._call(case, index, ready)))
        calls = [call for _, call in asked]
        results = await sampled(self.asker, calls, self.recipe.judge.samples, _combined, tally)
        return [
            (index, _of(result, index)) for (index, _), result in zip(asked, results, strict=True)
        ]

    def _call(self, case: Case, index: int, question: Question) -> Call:
        digest = hashlib.sha256(question.key + case.inputs_digest)
        digest.update(case.digests[index].encode())
        sampling = question.sampling
        if sampling.temperature:
            digest.update(str(self.seed).encode())
            sampling = replace(sampling, seed=int.from_bytes(digest.digest()[:4], "big"))

        def make(answer: Answer, generation: Generation, cut: int) -> Verdict:
            parts = [
                self._part(criterion, reading, case, index)
                for criterion, reading in zip(question.criteria, answer.readings, strict=True)
            ]
            return Pointwise(
                index,
                tuple(parts),
                answer.critique,
                digest.hexdigest(),
                generation.text,
                generation.thinking,
                cut,
            )

        def shorten(step: int) -> tuple[tuple[Message, ...], int]:
            text = case.responses[index].text
            fenced = case.fence(text, LIMITS[step])
            cut = max(0, len(case.fenced(index)) - len(fenced))
            return question.skeleton.render({"response": fenced}), cut

        return Call(
            digest.hexdigest(),
            question.skeleton.render({"response": case.fenced(index)}),
            question.spec,
            make,
            sampling,
            question.constraint,
            shorten if self.recipe.judge.overflow == "cut_middle" else None,
        )

    def _part(
        self, criterion: Criterion, reading: Reading, case: Case, index: int
    ) -> CriterionVerdict:
        trusted(reading, self.recipe)
        if criterion.evidence == "quote" and not quoted_in(
            reading.evidence, case.responses[index].text
        ):
            raise VerdictError(
                f"{criterion.id}: the evidence is not in the response", kind="void_evidence"
            )
        if reading.index is None:
            return CriterionVerdict(
                criterion.id, None, None, (), reading.reason, "", reading.label_mass
            )
        level, probabilities = reading.index, reading.probabilities
        if self.recipe.judge.readout == "label":
            probabilities = ()
        top = len(criterion.levels) - 1
        value = level / top
        if probabilities:
            level = probabilities.index(max(probabilities))
            value = sum([k * p for k, p in enumerate(probabilities)]) / top
        return CriterionVerdict(
            criterion.id,
            level,
            value,
            probabilities,
            reading.reason,
            reading.evidence,
            reading.label_mass,
        )


def trusted(reading: Reading, recipe: Recipe) -> None:
    """Refuse a verdict whose codes the model itself gave too little probability.

    Raises:
        VerdictError: `low_mass`; trying again cannot help.
    """
    mass = reading.label_mass
    if mass is not None and mass < recipe.guards.min_label_mass:
        raise VerdictError(
            f"the model gave the allowed codes a probability of {mass:.3f}", kind="low_mass"
        )


def _of(result: Verdict | Failure, index: int) -> Pointwise | Failure:
    if isinstance(result, Failure):
        return result
    assert isinstance(result, Pointwise)
    return result if result.response == index else replace(result, response=index)


def _combined(verdicts: Sequence[Verdict]) -> Verdict:
    first = verdicts[0]
    assert isinstance(first, Pointwise)
    parts = mean_parts([v.parts for v in verdicts if isinstance(v, Pointwise)])
    return replace(first, parts=parts)
