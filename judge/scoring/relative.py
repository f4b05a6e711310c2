"""Responses against each other, or against one of them, or against the reference."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from judge.aggregate.criteria import criterion_weights, gates
from judge.aggregate.preferences import preferences
from judge.aggregate.rank import contest
from judge.aggregate.rewards import Valued, beats_reference, ranked, win_rate
from judge.errors import ConfigError
from judge.judges.base import Tally
from judge.judges.case import Case
from judge.judges.pairwise import PairwiseJudge
from judge.judges.plan import Question
from judge.scoring.outcome import Outcome, nothing, ranged, reward_of, settled_score
from judge.scoring.setting import Setting
from judge.types import (
    Comparison,
    CriterionVerdict,
    Failure,
    Pairwise,
    Preference,
    Ranking,
    Reward,
    Score,
    Verdict,
)

Pair = tuple[int, int]
Checked = dict[int, dict[str, CriterionVerdict]]

BEATEN = Valued(1.0, 0.0, 1.0)
"""What it is worth to be compared with a response that a gate has set to zero."""


def _skipped(why: str) -> Reward:
    reason = Failure("aggregate", "not_comparable", why)
    return Reward(None, "skipped", None, 0.0, reason=reason)


async def relative(setting: Setting, case: Case, checked: Checked, tally: Tally) -> Outcome:
    """Judge pairs by the recipe's schedule and turn them into rewards.

    Args:
        setting: What to judge with.
        case: The group.
        checked: The checks' verdicts by response and criterion.
        tally: Where usage and failures go.
    """
    group, recipe = case.group, setting.recipe
    n = len(group.responses)
    fixed = recipe.group.schedule in ("anchor", "reference")
    with_reference = recipe.group.schedule == "reference" and group.reference is not None
    if n == 1 and not with_reference:
        return Outcome([_skipped("a group of one has nothing to be compared with")], [None])
    if recipe.group.schedule == "reference" and not with_reference and group.anchor is None:
        text = "no reference and no anchor to compare with"
        return nothing(group, Failure("rubric", "missing_input", text))
    criteria = case.criteria
    fired = [gates(criteria, checked[index]) for index in range(n)]
    scores = [settled_score(fired[index], checked[index]) for index in range(n)]
    playing = [index for index in range(n) if scores[index] is None]
    anchor = None
    if with_reference:
        anchor = case.with_reference()
        checked[anchor], broken = case.checked(anchor, recipe)
        tally.failures += broken
        playing.append(anchor)
    elif fixed:
        anchor = group.anchor if group.anchor is not None else _drawn(setting, case, playing)
    contest = _Contest(setting, case, checked, tally, playing)
    try:
        ranking, values = await contest.held(anchor, scores)
    except ConfigError as error:
        if not error.message.startswith("budget:"):
            raise
        return nothing(group, Failure("aggregate", "budget", error.message))
    seen = _seen(case, contest.verdicts)
    rewards = []
    for index, score in enumerate(scores):
        if score is not None:
            gated = reward_of(recipe, criteria, score, fired[index], checked[index], None, "")
            rewards.append(gated)
        elif values is None:
            rewards.append(_skipped("nothing is left to compare it with"))
        else:
            valued = values[playing.index(index)]
            parts, critique = seen[case.digests[index]]
            rewards.append(ranged(recipe, valued, contest.broken.get(index), parts, critique))
    return Outcome(rewards, scores, ranking, contest.verdicts)


@dataclass(slots=True)
class _Contest:
    """The comparisons of one group."""

    setting: Setting
    case: Case
    checked: Checked
    tally: Tally
    playing: Sequence[int]
    """The responses that meet, the reference included; `compare` and `rank` count along these."""
    verdicts: list[Verdict] = field(default_factory=list)
    broken: dict[int, Failure] = field(default_factory=dict)
    """The first failure of each response."""

    async def held(
        self, anchor: int | None, scores: Sequence[Score | None]
    ) -> tuple[Ranking | None, list[Valued] | None]:
        """Hold it.

        Returns:
            The ranking of all responses by their values (strengths are not estimated, see
            `judge.aggregate.strengths`), and the values of those who play; None where there is
            nothing to compare with.
        """
        playing, group = self.playing, self.setting.recipe.group
        n = len(scores)
        beaten = sum(score is not None and score.value is not None for score in scores)
        if anchor is not None and anchor not in playing:
            lost = scores[anchor]
            zero = lost is not None and lost.value is not None
            return None, [BEATEN] * len(playing) if zero else None
        if len(playing) + beaten < 2:
            return None, None
        place = None if anchor is None else playing.index(anchor)
        if len(playing) < 2:
            return None, self._values([], place, beaten)
        keys = [self.case.digests[index] for index in playing]
        ledger, _ = await contest(
            len(playing),
            self.compare,
            method=group.schedule,
            orders=group.orders,
            seed=int.from_bytes(_draw(self.setting, self.case)[:8], "big"),
            keys=keys,
            budget=self._budget(),
            anchor=place,
            profile=self.setting.profile,
        )
        comparisons = tuple(ledger.comparisons)
        pairs = preferences(comparisons, band=group.ties.band, keys=keys)
        values = self._values(pairs, place, beaten)
        ranking = Ranking(
            ranked([valued.value for valued in values]),
            (None,) * len(playing),
            None,
            ledger.calls,
            ledger.failed,
            ledger.depth,
            math.nan,
            comparisons,
            group.schedule,
        )
        return _widened(ranking, playing, n), values

    def _values(
        self, pairs: Sequence[Preference], place: int | None, beaten: int
    ) -> list[Valued]:
        if place is None:
            return win_rate(len(self.playing), pairs, beaten=beaten)
        return beats_reference(len(self.playing), pairs, place)

    def _budget(self) -> int | None:
        """The recipe's budget in ordered pairs."""
        budget = self.setting.recipe.group.budget
        if budget is None:
            return None
        asked = wanted_of(self.setting, self.case, [(0, 0)], {0: {}})[0][1]
        return budget // max(1, len(asked) * self.setting.recipe.judge.samples)

    async def compare(self, pairs: Sequence[Pair]) -> list[Comparison | Failure]:
        """Judge ordered pairs of those who play."""
        playing = self.playing
        shown = [(playing[a], playing[b]) for a, b in pairs]
        answers = await compared(self.setting, self.case, shown, self.checked, self.tally)
        told: list[Comparison | Failure] = []
        for (a, b), answer in zip(pairs, answers, strict=True):
            if isinstance(answer, Failure):
                self.broken.setdefault(playing[a], answer)
                self.broken.setdefault(playing[b], answer)
                told.append(answer)
            else:
                self.verdicts.append(answer)
                told.append(answer.comparison(a, b))
        return told


async def compared(
    setting: Setting,
    case: Case,
    pairs: Sequence[Pair],
    checked: Mapping[int, Mapping[str, CriterionVerdict]],
    tally: Tally,
) -> list[Pairwise | Failure]:
    """Judge ordered pairs of a group's responses."""
    weights = criterion_weights(case.rubric.enabled, setting.recipe.criteria.tiers)
    judge = PairwiseJudge(setting.asker, setting.recipe, weights, setting.seed)
    wanted = wanted_of(setting, case, pairs, checked)
    return await judge.judge(case, wanted, checked, tally)


def wanted_of(
    setting: Setting,
    case: Case,
    pairs: Sequence[Pair],
    checked: Mapping[int, Mapping[str, CriterionVerdict]],
) -> list[tuple[Pair, Sequence[Question]]]:
    """What the model is asked about each pair: all that no check has decided on both sides."""
    criteria = [c for c in case.criteria if c.check is None or c.hybrid]
    if setting.recipe.criteria.combine == "overall" or not any(c.hybrid for c in criteria):
        plan = setting.asked(case, criteria, pairs=True)
        return [(pair, plan) for pair in pairs]
    wanted: list[tuple[Pair, Sequence[Question]]] = []
    for a, b in pairs:
        asked = [c for c in criteria if c.id not in checked[a] or c.id not in checked[b]]
        wanted.append(((a, b), setting.asked(case, asked, pairs=True)))
    return wanted


def _draw(setting: Setting, case: Case) -> bytes:
    """The bytes all random draws of a group come from."""
    group = case.group
    text = f"{setting.seed}\0{group.id}\0{group.attempt}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _drawn(setting: Setting, case: Case, playing: Sequence[int]) -> int | None:
    """The response all others are compared with, where the group names none."""
    if not playing:
        return None
    ordered = sorted(playing, key=lambda index: case.digests[index])
    return ordered[int.from_bytes(_draw(setting, case)[8:16], "big") % len(ordered)]


def _seen(case: Case, verdicts: Sequence[Verdict]) -> dict[str, tuple[dict[str, float], str]]:
    """By a response's digest: its mean value on each criterion, and its first critique.

    Equal responses share their comparisons, so that they have equal rewards.
    """
    totals: dict[str, dict[str, list[float]]] = {}
    critiques: dict[str, str] = {}
    for verdict in verdicts:
        if not isinstance(verdict, Pairwise):
            continue
        first, second = case.digests[verdict.first], case.digests[verdict.second]
        for digest in (first, second):
            if verdict.critique:
                critiques.setdefault(digest, verdict.critique)
        for part in verdict.parts:
            if part.value is not None:
                for digest, value in ((first, part.value), (second, 1.0 - part.value)):
                    own = totals.setdefault(digest, {})
                    own.setdefault(part.criterion_id, []).append(value)
    return {
        digest: (
            {name: math.fsum(seen) / len(seen) for name, seen in totals.get(digest, {}).items()},
            critiques.get(digest, ""),
        )
        for digest in case.digests
    }


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
        comparisons=ranking.comparisons
        if list(playing) == list(range(size))
        else tuple(
            replace(c, first=playing[c.first], second=playing[c.second])
            for c in ranking.comparisons
        ),
    )
