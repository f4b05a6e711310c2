"""Responses judged several at a time: which lists are shown, and how they are put together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from msgspec.structs import replace

from judge.aggregate.criteria import gates
from judge.aggregate.listwise import aligned, overlapping_groups
from judge.judges.base import Tally
from judge.judges.case import Case
from judge.judges.listwise import ListwiseJudge, Window
from judge.judges.samples import mean_parts
from judge.rubrics import Criterion
from judge.scoring.calibrated import level_of
from judge.scoring.outcome import settled_score
from judge.scoring.setting import Checked, Setting
from judge.types import CriterionVerdict, Failure, Listing


async def listed(
    setting: Setting, case: Case, checked: Checked, tally: Tally
) -> tuple[list[Listing], dict[int, Failure]]:
    """Show the responses that no check settles in lists; the parts go to `checked`.

    Equal responses are shown once and share what is said. A criterion's value is the mean over the
    lists a response was in, the lists' own levels taken out (see `aligned`).

    Returns:
        The verdicts, and the first failure of each response.
    """
    recipe, criteria = setting.recipe, case.criteria
    judged = [c for c in criteria if c.check is None or c.hybrid]
    alike = _alike(case, checked)
    windows = _windows(setting, case, list(alike))
    sizes = {len(window) for window in windows}
    plans = {n: setting.asked(case, judged, pairs=False, listed=n) for n in sizes}
    answers = await ListwiseJudge(setting.bench or setting.asker, recipe, setting.seed).judge(
        case, windows, plans, tally
    )
    broken: dict[int, Failure] = {}
    verdicts: list[Listing] = []
    asked = [window for window in windows for _ in plans[len(window)]]
    for window, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Failure):
            for index in window:
                for same in alike[index]:
                    broken.setdefault(same, answer)
        else:
            verdicts.append(answer)
    for criterion in judged:
        for index, part in _joined(setting, criterion, verdicts).items():
            for same in alike[index]:
                # What a check has decided stays.
                checked[same].setdefault(criterion.id, part)
    return verdicts, broken


def _alike(case: Case, checked: Checked) -> dict[int, list[int]]:
    """Responses the judge is to see, each with all that are equal to it."""
    found: dict[str, list[int]] = {}
    for index, parts in checked.items():
        if settled_score(gates(case.criteria, parts), parts) is None:
            found.setdefault(case.digests[index], []).append(index)
    return {same[0]: same for same in found.values()}


def _windows(setting: Setting, case: Case, shown: Sequence[int]) -> list[Window]:
    """The lists, in display order; the same however the group is permuted."""
    judge = setting.recipe.judge
    keys = [case.digests[index] for index in shown]
    text = f"{setting.seed}\0{case.group.id}\0{case.group.attempt}"
    draw = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    seed = int.from_bytes(draw[:8], "big")
    if len(shown) < 2:
        return [tuple(shown)] if shown else []
    if len(shown) > judge.list_size:
        groups = overlapping_groups(
            len(shown), judge.list_size, repeats=max(2, judge.lists), seed=seed, keys=keys
        )
    else:
        # One drawn order, turned on: each response stands in different places.
        (order,) = overlapping_groups(len(shown), len(shown), seed=seed, keys=keys)
        starts = [turn * len(order) // judge.lists for turn in range(judge.lists)]
        groups = tuple(order[start:] + order[:start] for start in starts)
    return [tuple(shown[place] for place in group) for group in groups]


def _joined(
    setting: Setting, criterion: Criterion, verdicts: Sequence[Listing]
) -> dict[int, CriterionVerdict]:
    """One verdict on each response from all lists that it was in."""
    told: dict[int, list[CriterionVerdict]] = {}
    values = []
    for where, verdict in enumerate(verdicts):
        for index, parts in zip(verdict.responses, verdict.parts, strict=True):
            for part in parts:
                if part.criterion_id == criterion.id:
                    part = level_of(setting.calibration, criterion, part)
                    told.setdefault(index, []).append(part)
                    if part.value is not None:
                        values.append((where, index, part.value))
    merged = {index: mean_parts([(part,) for part in parts])[0] for index, parts in told.items()}
    if len({where for where, _, _ in values}) < 2:
        return merged
    found = aligned(max(merged) + 1, values)
    return {
        index: part if part.value is None else replace(part, value=_clipped(found[index]))
        for index, part in merged.items()
    }


def _clipped(value: float | None) -> float | None:
    return None if value is None else min(1.0, max(0.0, value))
