"""Records as JSON on the wire, and results back from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from judge.adapters.gathering import unjudged
from judge.judges.base import Tally
from judge.metrics import metrics
from judge.records import result_fields as result_fields
from judge.records import to_json as to_json
from judge.records import verdict_from_json
from judge.types import (
    Failure,
    FloatArray,
    Group,
    GroupResult,
    Ranking,
    Record,
    Reward,
    Score,
    Usage,
)


def fields(record: Record) -> dict[str, Any]:
    """A record's own fields by name, not gone into."""
    return {name: getattr(record, name) for name in record.__struct_fields__}


def result_from_row(row: Mapping[str, Any]) -> GroupResult:
    """What `judge.records.result_row` wrote; null in a metric is NaN again.

    Raises:
        KeyError, TypeError, ValueError: It is not such a row.
    """
    ranking = row["ranking"]
    return GroupResult(
        row["group_id"],
        msgspec.convert(row["rewards"], tuple[Reward, ...]),
        msgspec.convert(row["scores"], tuple[Score | None, ...]),
        None if ranking is None else ranking_from_json(ranking),
        tuple(verdict_from_json(verdict) for verdict in row["verdicts"]),
        msgspec.convert(row["failures"], tuple[Failure, ...]),
        {key: math.nan if value is None else value for key, value in row["metrics"].items()},
        msgspec.convert(row["usage"], Usage),
        dict(row["record"]),
    )


def ranking_from_json(data: Mapping[str, Any]) -> Ranking:
    """A ranking from its JSON form; null in the covariance and `cycle_energy` is NaN again.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    rows = data["covariance"]
    covariance: FloatArray | None = None if rows is None else np.array(rows, dtype=np.float64)
    energy = data["cycle_energy"]
    plainly = {**data, "covariance": None, "cycle_energy": math.nan if energy is None else energy}
    return replace(msgspec.convert(plainly, Ranking), covariance=covariance)


def unjudged_group(group: Group, failure: Failure) -> GroupResult:
    """The result of a group of which nothing is known."""
    rewards, failures = (unjudged(failure),) * len(group.responses), (failure,)
    numbers = metrics(rewards, (), failures, Tally())
    scores = (None,) * len(rewards)
    return GroupResult(group.id, rewards, scores, None, (), failures, numbers, Usage(), {})
