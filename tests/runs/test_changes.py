from typing import Any

import pytest

from judge.errors import ConfigError
from judge.runs.changes import changes

PLAN = {"recipe": "x", "seed": 0, "options": {"limit": 3}}


def row(number: int, values: list[float | None], label: int | None = 0) -> dict[str, Any]:
    return {
        "source": "somewhere/d.jsonl",
        "row": number,
        "group_id": f"g{number}",
        "values": values,
        "label": label,
        "rewards": [
            {
                "value": value, "coverage": 1.0, "status": "failed" if value is None else "ok",
                "reason": {"kind": "cut"} if value is None else None,
            }
            for value in values
        ],
        "verdicts": [],
        "failures": [],
        "metrics": {},
        "usage": {"calls": 1, "prompt_tokens": 0, "completion_tokens": 0},
    }  # fmt: skip


def test_a_run_and_itself_differ_in_nothing() -> None:
    rows = [row(k, [1.0, 0.0]) for k in range(5)]
    found = changes((PLAN, {**PLAN, "options": {}}), (rows, rows))
    assert found.groups == 5
    assert (found.settings, found.figures, found.changed) == ({}, {}, ())
    assert (found.reward, found.accuracy, found.winners) == (None, None, None)


def test_differences_are_paired_and_only_over_what_both_have() -> None:
    before = [row(k, [1.0, 0.0]) for k in range(10)] + [row(99, [0.0, 1.0])]
    after = [row(k, [0.0, 0.5] if k < 4 else [1.0, 0.0]) for k in range(10)]
    found = changes((PLAN, {**PLAN, "recipe": "y"}), (before, after))
    assert (found.groups, found.only_first, found.only_second) == (10, 1, 0)
    assert found.settings == {"recipe": ("x", "y")}
    assert found.figures["accuracy"] == (1.0, 0.6)
    assert found.accuracy is not None
    assert found.accuracy.difference == pytest.approx(-0.4)
    assert found.accuracy.high <= 0.0
    assert found.reward is not None
    assert found.reward.value == pytest.approx(4 * (-1.0 + 0.5) / 20)
    assert found.reward.low <= found.reward.value <= found.reward.high
    assert found.changed == ("g0", "g1", "g2", "g3")
    assert found.winners is not None
    assert (found.winners.value, found.winners.n) == (0.4, 10)


def test_rewards_gained_and_lost_are_counted() -> None:
    before = [row(0, [None, 0.0]), row(1, [1.0, 0.0])]
    after = [row(0, [1.0, 0.0]), row(1, [1.0, None])]
    found = changes((PLAN, PLAN), (before, after))
    assert (found.gained, found.lost) == (1, 1)
    assert found.accuracy is None or found.accuracy.n == 0


def test_nothing_in_common_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no group in common"):
        changes((PLAN, PLAN), ([row(0, [1.0])], [row(1, [1.0])]))
