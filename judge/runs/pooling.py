"""What a run says about its judge: the profile that a second pass scores with."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Any

from judge.aggregate.profile import fit_profile
from judge.errors import ConfigError
from judge.records import verdict_from_json
from judge.types import Comparison, JudgeProfile, Pairwise

MOST_GROUPS = 2_000
"""Groups that are pooled: those whose keys are lowest, which is a draw that nothing influences."""


def pooled(rows: Iterable[Mapping[str, Any]]) -> JudgeProfile:
    """Fit a profile on the comparisons of result rows.

    Args:
        rows: Of a run that was judged without a profile.

    Raises:
        ConfigError: There is no comparison in them.
    """
    found = ((str(row["key"]), *_compared(row)) for row in rows)
    drawn = heapq.nsmallest(MOST_GROUPS, (one for one in found if one[2]), key=lambda one: one[0])
    if not drawn:
        raise ConfigError(
            "a profile cannot be fitted: the run has no comparisons",
            hint="--profile fit is for recipes that compare pairs",
        )
    return fit_profile([(n, comparisons) for _, n, comparisons in drawn])


def _compared(row: Mapping[str, Any]) -> tuple[int, list[Comparison]]:
    n = len(row["values"])
    found = []
    for data in row["verdicts"]:
        if data["kind"] == "pairwise":
            verdict = verdict_from_json(data)
            assert isinstance(verdict, Pairwise)
            found.append(verdict.comparison())
            n = max(n, verdict.first + 1, verdict.second + 1)
    return n, found
