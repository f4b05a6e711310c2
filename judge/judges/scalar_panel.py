"""A panel of scalar reward models: one number a response of several."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from judge.aggregate.panels import How, ensemble
from judge.judges.base import Tally
from judge.judges.panel import short
from judge.judges.scalar import ScalarJudge
from judge.recipes.panels import PanelSection
from judge.types import Failure, FloatArray, Group, Reward, Scalar

ALONE = Failure(
    "aggregate", "not_comparable", "one number alone has no deviation to be measured in"
)


@dataclass(frozen=True, slots=True)
class ScalarPanel:
    """Asks every model about every response and joins their numbers; see `ensemble`.

    Each model has a scale of its own: without `standardise` they are joined as they are.
    """

    section: PanelSection
    judges: Sequence[ScalarJudge]
    """One a member."""

    @property
    def digest(self) -> str:
        """No template: each model's own format is part of its engine's digest."""
        return ""

    async def judge(self, group: Group, tally: Tally) -> list[tuple[Reward, Scalar | None]]:
        """The reward of each response, and its verdict where enough models gave a number."""
        spent = [Tally() for _ in self.judges]
        asked = zip(self.judges, spent, strict=True)
        numbers: Sequence[Sequence[Scalar | Failure]] = await asyncio.gather(
            *(judge.numbers(group, group.responses, own) for judge, own in asked)
        )
        for member, own in zip(self.section.members, spent, strict=True):
            tally.take(own, member.name)
        if self.section.standardise:
            numbers = [_measured(row) for row in numbers]
        values = self._joined(numbers)
        columns = zip(values, zip(*numbers, strict=True), strict=True)
        return [self._told(index, *column) for index, column in enumerate(columns)]

    def _joined(self, numbers: Sequence[Sequence[Scalar | Failure]]) -> list[float]:
        table: FloatArray = np.array(
            [[one.value if isinstance(one, Scalar) else math.nan for one in row] for row in numbers]
        )
        how: How = "mean"
        if self.section.combine in ("median", "min"):
            how = "median" if self.section.combine == "median" else "min"
        weights = [member.weight for member in self.section.members] if how == "mean" else None
        found = ensemble(table, how, standardise=self.section.standardise, weights=weights)
        return [float(value) for value in found]

    def _told(
        self, index: int, value: float, numbers: Sequence[Scalar | Failure]
    ) -> tuple[Reward, Scalar | None]:
        known = [one for one in numbers if isinstance(one, Scalar)]
        if len(known) < self.section.least:
            return Reward(None, "failed", None, 0.0, reason=short(self.section, numbers)), None
        return Reward(value, "ok", None, 1.0), Scalar(index, value, known[0].call)


def _measured(numbers: Sequence[Scalar | Failure]) -> Sequence[Scalar | Failure]:
    """A member's numbers; a failure in the place of the only one."""
    if sum(isinstance(one, Scalar) for one in numbers) != 1:
        return numbers
    return [ALONE if isinstance(one, Scalar) else one for one in numbers]
