"""The cheap scores that seed a tournament: the row's own, or a scalar reward model's."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from judge.judges.base import Tally
from judge.judges.case import Case
from judge.scoring.setting import Setting
from judge.types import Failure, Scalar

SEED = "seed"
"""Key of `Response.meta`: a cheap score, higher is better, in any unit."""


async def seeds_of(
    setting: Setting, case: Case, playing: Sequence[int], tally: Tally
) -> list[float] | Failure | None:
    """One seed for each response that plays; None where the recipe wants none.

    Args:
        setting: What to judge with.
        case: The group.
        playing: Indices into `case.responses`.
        tally: Where usage and failures go.

    Returns:
        Where one response has no seed, why.
    """
    wanted = setting.recipe.group.seeds
    if wanted == "given":
        return _given(case, playing)
    if wanted != "scalar" or setting.seeder is None:
        return None
    shown = [case.responses[index] for index in playing]
    answers = await setting.seeder.numbers(case.group, shown, tally)
    found = [answer.value for answer in answers if isinstance(answer, Scalar)]
    if len(found) < len(answers):
        broken = next(answer for answer in answers if isinstance(answer, Failure))
        # The call's own failure is in the tally; this one is the group's.
        return replace(broken, stage="aggregate", message=f"seeds: {broken.message}", call=None)
    return found


def _given(case: Case, playing: Sequence[int]) -> list[float] | Failure:
    given = [case.responses[index].meta.get(SEED) for index in playing]
    seeds = [float(seed) for seed in given if isinstance(seed, int | float)]
    if len(seeds) < len(given) or not all(math.isfinite(seed) for seed in seeds):
        why = f"seeds: a response has no finite number in meta.{SEED}"
        return Failure("aggregate", "missing_input", why)
    return seeds
