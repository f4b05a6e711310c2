"""Fixed items judged again and again: if their rewards move, it is the judge that has changed.

The policy cannot move them. What can: another model behind the same address, a broken cache, a
template or a rubric edited under the run, the state of a `constrained` transform.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from judge.adapters.gathering import Scorer
from judge.errors import AdapterError
from judge.types import Group, GroupResult, Record, Reward, Verdict


class Drift(Record, frozen=True):
    """How far the canary's rewards are from where they were at the start."""

    mean: float
    """Mean difference, now less then, over the items judged both times; NaN without one."""
    standard_error: float
    """Of that mean, from the rewards' own standard errors; what has none adds nothing."""
    largest: float
    """Largest difference of one item, without its sign."""
    items: int
    """Items judged both times."""
    lost: int
    """Items that had a reward and have none."""
    alarm: bool


class ForgetfulStore:
    """A verdict store that keeps nothing, so that the same item is really judged again."""

    def get(self, key: str) -> Verdict | None:
        """Nothing."""
        return None

    def put(self, key: str, verdict: Verdict) -> None:
        """Not kept."""

    def flush(self) -> None:
        """Nothing to keep."""

    def close(self) -> None:
        """Nothing to free."""


def drift(
    before: Sequence[Reward], now: Sequence[Reward], *, tolerance: float = 0.05, z: float = 2.0
) -> Drift:
    """Set two judgements of the same items against each other.

    The standard error of an item's difference is sqrt(se_before^2 + se_now^2). There is an alarm
    if the mean difference or any item's is larger than both `tolerance` and `z` of its own standard
    errors, or if an item has lost its reward.

    Args:
        before: The rewards at the start.
        now: The rewards of the same items.
        tolerance: In the rewards' unit.
        z: How many standard errors; 0 for a judge whose answers do not vary.

    Raises:
        AdapterError: The numbers of items differ.
    """
    if len(before) != len(now):
        raise AdapterError(f"the canary had {len(before)} items and has {len(now)}")
    moves: list[tuple[float, float]] = []
    lost = 0
    for old, new in zip(before, now, strict=True):
        if old.value is not None and new.value is not None:
            error = math.hypot(old.standard_error or 0.0, new.standard_error or 0.0)
            moves.append((new.value - old.value, error))
        elif old.value is not None:
            lost += 1
    if not moves:
        return Drift(math.nan, math.nan, math.nan, 0, lost, lost > 0)
    mean = fmean([move for move, _ in moves])
    error = math.hypot(*(error for _, error in moves)) / len(moves)
    beyond = [abs(move) > max(tolerance, z * error) for move, error in [*moves, (mean, error)]]
    largest = max([abs(move) for move, _ in moves])
    return Drift(mean, error, largest, len(moves), lost, any(beyond) or lost > 0)


class Canary:
    """Judges fixed groups at the start and every `every` steps.

    The scorer must not remember verdicts: give it a `RewardModel` of its own, built with
    `store=ForgetfulStore()`; it may share the engine object with the one that trains.

    Args:
        groups: The fixed items, responses of several qualities.
        every: Steps between two judgements.
        tolerance: See `drift`.
        z: See `drift`.

    Raises:
        AdapterError: There is no group, or `every` is below 1.
    """

    def __init__(
        self, groups: Sequence[Group], *, every: int, tolerance: float = 0.05, z: float = 2.0
    ) -> None:
        if not groups or every < 1:
            raise AdapterError("a canary needs at least one group, and every >= 1")
        self._groups = tuple(groups)
        self._every, self._tolerance, self._z = every, tolerance, z
        self.baseline: tuple[Reward, ...] | None = None
        """The rewards at the start; set it to go on with a run."""

    async def check(self, step: int, scorer: Scorer) -> Drift | None:
        """Judge the items if the step is due: always the first time, then every `every` steps.

        Returns:
            How far they have moved; of the first time 0. None: not due.

        Raises:
            AdapterError: The verdicts came from a store and would never move, or at the first time
                not one item could be judged.
        """
        if self.baseline is not None and step % self._every:
            return None
        now: list[Reward] = []
        for group in self._groups:
            result = await scorer.score_group(group)
            _check_fresh(result)
            now += result.rewards
        if self.baseline is None:
            if all(reward.value is None for reward in now):
                raise AdapterError("not one item of the canary could be judged")
            self.baseline = tuple(now)
        return drift(self.baseline, now, tolerance=self._tolerance, z=self._z)


def _check_fresh(result: GroupResult) -> None:
    if result.metrics.get("stored", 0.0) > 0.0:
        raise AdapterError(
            f"canary {result.group_id!r}: its verdicts came from the store",
            hint="give the canary a reward model of its own, with store=ForgetfulStore()",
        )


def drift_figures(found: Drift) -> dict[str, float]:
    """A drift as figures to log, under keys that never change."""
    return {
        "canary_drift": found.mean,
        "canary_standard_error": found.standard_error,
        "canary_largest": found.largest,
        "canary_lost": float(found.lost),
        "alarm_canary": float(found.alarm),
    }
