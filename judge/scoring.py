"""One group from its rubric to its rewards: checks, schedule, calls, aggregation, guards."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from judge.aggregate import rank
from judge.aggregate.criteria import (
    criterion_weights,
    gates,
    settled,
    weighted_mean,
    worth,
)
from judge.aggregate.preferences import preferences
from judge.aggregate.rewards import Valued, beats_reference, win_rate
from judge.errors import JudgeError, RubricError
from judge.judges.base import Asker, Tally, failure_of
from judge.judges.case import DEGENERATE, Case
from judge.judges.pairwise import PairwiseJudge
from judge.judges.plan import Question, questions
from judge.judges.pointwise import PointwiseJudge
from judge.metrics import metrics
from judge.prompts import PromptTemplate, control_pattern
from judge.recipes import Recipe
from judge.rubrics import Criterion, Rubric, load_rubric, parse_rubric
from judge.types import (
    Comparison,
    CriterionVerdict,
    Engine,
    Failure,
    Group,
    GroupResult,
    JudgeProfile,
    Pairwise,
    Ranking,
    Reward,
    Score,
    Verdict,
)

RubricSource = Callable[[Group], Awaitable[Rubric]]
"""Gives a group its rubric; raises RubricError where it has none."""

MAX_PLANS = 1024
"""Rubrics (with a set of applicable criteria) whose prompts and grammars are kept."""


@dataclass(slots=True)
class Outcome:
    """What one group has come to so far; lists are by response."""

    rewards: list[Reward]
    scores: list[Score | None]
    ranking: Ranking | None = None
    verdicts: list[Verdict] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


class GroupScorer:
    """Scores groups with a started engine; all calls run on the judging loop.

    Args:
        engine: A started engine.
        asker: Asks it.
        recipe: How to judge.
        rubric: The rubric of every group without its own, what finds one, or None.
        templates: Prompt templates by mode.
        profile: The judge's pooled properties.
        seed: The run's seed.
        version: The package's version, for the record.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        asker: Asker,
        recipe: Recipe,
        rubric: Rubric | RubricSource | None,
        templates: Mapping[str, PromptTemplate],
        profile: JudgeProfile | None,
        seed: int,
        version: str,
    ) -> None:
        self._engine = engine
        self._asker = asker
        self._recipe = recipe
        self._rubric = rubric
        self._templates = templates
        self._profile = profile
        self._seed = seed
        self._control = control_pattern(engine.control_tokens)
        self._plans: dict[tuple[object, ...], tuple[Question, ...]] = {}
        self._record = {
            "recipe": recipe.digest,
            "template": templates[recipe.judge.mode].digest,
            "engine": engine.digest,
            "engine_name": engine.name,
            "profile": "" if profile is None else profile.digest,
            "seed": str(seed),
            "version": version,
        }

    def prepare(self, rubric: Rubric) -> None:
        """Make the rubric's plan, so that what is wrong with it is raised here and now.

        Raises:
            RecipeError, ConfigError, TemplateError: See `judge.judges.plan.questions`.
        """
        case = Case(Group("", "", (), reference="", context=""), rubric, self._seed, None)
        self._questions(case, case.rubric.judged, pairs=self._recipe.judge.mode == "pairwise")

    async def score(self, group: Group) -> GroupResult:
        """Score one group; what goes wrong is in the result and never raised."""
        tally = Tally()
        rubric: Rubric | None = None
        try:
            rubric = await self._rubric_of(group)
            case = Case(group, rubric, self._seed, self._control)
            outcome = await self._outcome(case, tally)
        except JudgeError as error:
            outcome = _nothing(group, failure_of(error))
        return GroupResult(
            group.id,
            tuple(outcome.rewards),
            tuple(outcome.scores),
            outcome.ranking,
            tuple(outcome.verdicts),
            tuple(outcome.failures),
            metrics(outcome.rewards, outcome.verdicts, outcome.failures, tally),
            tally.usage,
            {"rubric": "" if rubric is None else rubric.digest, **self._record},
        )

    async def compare(
        self, group: Group, pairs: Sequence[tuple[int, int]]
    ) -> list[Comparison | Failure]:
        """Judge ordered pairs of one group's responses, whatever the recipe's schedule."""
        try:
            case = Case(group, await self._rubric_of(group), self._seed, self._control)
            missing = case.missing_inputs()
            if missing:
                raise RubricError(f"the group has no {', '.join(missing)}")
            checked = {i: case.checked(i, self._recipe)[0] for pair in pairs for i in pair}
            verdicts = await self._compared(case, pairs, checked, Tally())
        except JudgeError as error:
            return [failure_of(error)] * len(pairs)
        return [v if isinstance(v, Failure) else v.comparison() for v in verdicts]

    # --- rubric and plan ---------------------------------------------------------------------

    async def _rubric_of(self, group: Group) -> Rubric:
        if group.rubric is not None:
            if isinstance(group.rubric, str):
                return load_rubric(group.rubric)
            return parse_rubric(group.rubric, file=f"group {group.id}")
        if self._rubric is None or self._recipe.rubric.source == "row":
            raise RubricError(
                f"group {group.id!r} has no rubric of its own",
                hint="give its row a `rubric`, or pass one to build()",
            )
        return self._rubric if isinstance(self._rubric, Rubric) else await self._rubric(group)

    def _questions(
        self, case: Case, criteria: Sequence[Criterion], *, pairs: bool
    ) -> tuple[Question, ...]:
        has = (case.group.reference is not None, case.group.context is not None)
        key = (case.rubric.digest, tuple(c.id for c in criteria), pairs, *has)
        plan = self._plans.get(key)
        if plan is None:
            plan = questions(
                case.rubric,
                criteria,
                self._recipe,
                self._templates["pairwise" if pairs else "pointwise"],
                self._engine,
                pairs=pairs,
                has_reference=has[0],
                has_context=has[1],
            )
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            self._plans[key] = plan
        return plan

    # --- one group ---------------------------------------------------------------------------

    async def _outcome(self, case: Case, tally: Tally) -> Outcome:
        group = case.group
        missing = case.missing_inputs()
        if missing:
            text = f"the rubric requires {', '.join(missing)}, which the group lacks"
            return _nothing(group, Failure("rubric", "missing_input", text))
        checked: dict[int, dict[str, CriterionVerdict]] = {}
        failures = []
        for index in range(len(group.responses)):
            checked[index], broken = case.checked(index, self._recipe)
            failures += broken
        relative = self._recipe.judge.mode == "pairwise"
        if relative and (len(group.responses) > 1 or self._recipe.group.single is None):
            outcome = await self._relative(case, checked, tally)
        else:
            outcome = await self._absolute(case, checked, tally)
        outcome.failures = failures + outcome.failures
        return outcome

    async def _absolute(
        self, case: Case, checked: dict[int, dict[str, CriterionVerdict]], tally: Tally
    ) -> Outcome:
        criteria = case.applicable()
        wanted = []
        for index, parts in checked.items():
            if self._settled(criteria, parts) is None:
                asked = [c for c in criteria if c.id not in parts and c in case.rubric.judged]
                wanted.append((index, self._questions(case, asked, pairs=False)))
        judge = PointwiseJudge(self._asker, self._recipe, self._seed)
        answers = await judge.judge(case, wanted, tally)
        verdicts: list[Verdict] = []
        broken: dict[int, Failure] = {}
        critiques: dict[int, list[str]] = {}
        for index, answer in answers:
            if isinstance(answer, Failure):
                broken.setdefault(index, answer)
                continue
            verdicts.append(answer)
            checked[index] |= {part.criterion_id: part for part in answer.parts}
            critiques.setdefault(index, []).append(answer.critique)
        weights = criterion_weights(criteria, self._recipe.criteria.tiers)
        rewards, scores = [], []
        for index, parts in checked.items():
            score = self._settled(criteria, parts) or weighted_mean(criteria, parts, weights)
            critique = "\n".join(filter(None, critiques.get(index, ())))
            scores.append(score)
            rewards.append(self._reward(criteria, score, broken.get(index), critique))
        return Outcome(rewards, list(scores), None, verdicts, list(tally.failures))

    def _settled(
        self, criteria: Sequence[Criterion], parts: Mapping[str, CriterionVerdict]
    ) -> Score | None:
        """The score of a response that needs no judge: it has no content, or a gate settles it."""
        if DEGENERATE in parts and parts[DEGENERATE].value == 0.0:
            return Score(0.0, 0.0, 1.0, tuple(parts.values()))
        gate = settled(gates(criteria, parts))
        if gate is None:
            return None
        return Score(None if gate.then == "drop" else 0.0, 0.0, 1.0, tuple(parts.values()))

    def _reward(
        self,
        criteria: Sequence[Criterion],
        score: Score,
        broken: Failure | None,
        critique: str,
    ) -> Reward:
        by_id = {criterion.id: criterion for criterion in criteria}
        parts = {
            part.criterion_id: worth(by_id[part.criterion_id], part)
            for part in score.parts
            if part.criterion_id in by_id and part.value is not None
        }
        held = {part.criterion_id: part for part in score.parts}
        gated = DEGENERATE in held or bool(gates(criteria, held))
        if gated and score.value is None and score.coverage == 1.0:
            reason = Failure("aggregate", "dropped", "a gate took the response out")
            return Reward(None, "gated", None, 1.0, parts, (), critique or None, reason)
        value = Valued(score.value, score.standard_error, score.coverage)
        reward = self._ranged(value, broken, parts, critique)
        if gated and reward.value is not None:
            return replace(reward, status="gated")
        return reward

    def _ranged(
        self,
        valued: Valued,
        broken: Failure | None,
        parts: Mapping[str, float],
        critique: str | None,
    ) -> Reward:
        """A value under the guards, in the recipe's range; None where too little was judged."""
        low, high = self._recipe.output.range
        enough = valued.coverage >= self._recipe.guards.min_coverage
        if valued.value is None or not enough:
            reason = broken or Failure(
                "aggregate",
                "not_comparable",
                f"only {valued.coverage:.0%} of what counts could be judged",
            )
            return Reward(
                None, "failed", None, valued.coverage, parts, (), critique or None, reason
            )
        error = valued.standard_error
        return Reward(
            low + (high - low) * valued.value,
            "ok",
            None if error is None else (high - low) * error,
            valued.coverage,
            parts,
            (),
            critique or None,
        )

    # --- relative ----------------------------------------------------------------------------

    async def _compared(
        self,
        case: Case,
        pairs: Sequence[tuple[int, int]],
        checked: Mapping[int, Mapping[str, CriterionVerdict]],
        tally: Tally,
    ) -> list[Pairwise | Failure]:
        criteria = [c for c in case.applicable() if c in case.rubric.judged]
        judge = PairwiseJudge(
            self._asker,
            self._recipe,
            criterion_weights(case.rubric.enabled, self._recipe.criteria.tiers),
            self._seed,
        )
        asked = self._questions(case, criteria, pairs=True) if criteria else ()
        return await judge.judge(case, pairs, asked, checked, tally)

    async def _relative(
        self, case: Case, checked: dict[int, dict[str, CriterionVerdict]], tally: Tally
    ) -> Outcome:
        group, recipe = case.group, self._recipe
        n = len(group.responses)
        against_reference = recipe.group.schedule == "reference" and group.reference is not None
        if n == 1 and not against_reference:
            why = "a group of one has nothing to be compared with"
            reason = Failure("aggregate", "not_comparable", why)
            return Outcome([Reward(None, "skipped", None, 0.0, reason=reason)], [None])
        criteria = case.applicable()
        scores = [self._settled(criteria, checked[index]) for index in range(n)]
        playing = [index for index in range(n) if scores[index] is None]
        anchor = group.anchor
        if against_reference:
            anchor = case.with_reference()
            checked[anchor] = {}
            playing.append(anchor)
        elif recipe.group.schedule == "reference" and anchor is None:
            text = "no reference and no anchor to compare with"
            return _nothing(group, Failure("rubric", "missing_input", text))
        verdicts: list[Verdict] = []
        broken: dict[int, Failure] = {}

        async def compare(pairs: Sequence[tuple[int, int]]) -> list[Comparison | Failure]:
            shown = [(playing[a], playing[b]) for a, b in pairs]
            answers = await self._compared(case, shown, checked, tally)
            told: list[Comparison | Failure] = []
            for (a, b), answer in zip(pairs, answers, strict=True):
                if isinstance(answer, Failure):
                    broken.setdefault(playing[a], answer)
                    broken.setdefault(playing[b], answer)
                    told.append(answer)
                else:
                    verdicts.append(answer)
                    told.append(replace(answer.comparison(), first=a, second=b))
            return told

        draw = f"{self._seed}\0{group.id}\0{group.attempt}".encode("utf-8", "surrogatepass")
        local_anchor = playing.index(anchor) if anchor in playing else None
        ranking = await rank(
            len(playing),
            compare,
            method="anchor" if recipe.group.schedule == "reference" else recipe.group.schedule,
            orders=recipe.group.orders,
            seed=int.from_bytes(hashlib.sha256(draw).digest()[:8], "big"),
            keys=[case.digests[index] for index in playing],
            budget=recipe.group.budget,
            anchor=local_anchor,
            profile=self._profile,
        )
        pairs = preferences(ranking.comparisons, band=recipe.group.ties.band)
        if recipe.group.reward == "beats_reference" and local_anchor is not None:
            values = beats_reference(len(playing), pairs, local_anchor)
        else:
            values = win_rate(len(playing), pairs, beaten=n - len(playing))
        rewards = []
        for index in range(n):
            score = scores[index]
            if score is not None:
                rewards.append(self._reward(criteria, score, None, ""))
                continue
            parts, critique = _seen(index, verdicts)
            rewards.append(
                self._ranged(values[playing.index(index)], broken.get(index), parts, critique)
            )
        whole = _widened(ranking, playing, n)
        return Outcome(rewards, scores, whole, verdicts, list(tally.failures))


def _nothing(group: Group, failure: Failure) -> Outcome:
    n = len(group.responses)
    reward = Reward(None, "failed", None, 0.0, reason=failure)
    return Outcome([reward] * n, [None] * n, failures=[failure])


def _seen(index: int, verdicts: Sequence[Verdict]) -> tuple[dict[str, float], str]:
    """A response's mean value on each criterion over its comparisons, and its first critique."""
    totals: dict[str, list[float]] = {}
    critique = ""
    for verdict in verdicts:
        if not isinstance(verdict, Pairwise) or index not in (verdict.first, verdict.second):
            continue
        critique = critique or verdict.critique
        for part in verdict.parts:
            if part.value is not None:
                value = part.value if verdict.first == index else 1.0 - part.value
                totals.setdefault(part.criterion_id, []).append(value)
    return {name: math.fsum(seen) / len(seen) for name, seen in totals.items()}, critique


def _widened(ranking: Ranking, playing: Sequence[int], n: int) -> Ranking:
    """A ranking over those who played, over all n responses: those a gate took out come last."""
    places = {index: at for at, index in enumerate(playing)}
    size = max(n, max(playing, default=-1) + 1)
    below = len(playing) + (size - len(playing) + 1) / 2
    return replace(
        ranking,
        ranks=tuple(ranking.ranks[places[i]] if i in places else below for i in range(size)),
        strengths=tuple(ranking.strengths[places[i]] if i in places else None for i in range(size)),
        covariance=ranking.covariance if len(playing) == size else None,
        comparisons=tuple(
            replace(c, first=playing[c.first], second=playing[c.second])
            for c in ranking.comparisons
        ),
    )

