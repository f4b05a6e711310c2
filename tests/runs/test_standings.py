from typing import Any

import pytest

from judge.errors import ConfigError
from judge.runs.standings import Game, games, standings


def pair(first: int, second: int, p: float) -> dict[str, Any]:
    return {
        "kind": "pairwise", "first": first, "second": second,
        "p_first": p, "p_tie": 0.0, "p_second": 1 - p,
    }  # fmt: skip


def row(group: str, verdicts: list[Any], **more: Any) -> dict[str, Any]:
    return {"source": "d", "group_id": group, "values": [0.0, 0.0], "verdicts": verdicts, **more}


def test_every_verdict_is_a_game_between_systems() -> None:
    rows = [
        row("1", [pair(0, 1, 0.8), pair(1, 0, 0.4)], systems=["a", "b"]),
        row("2", [pair(0, 2, 0.3)]),
    ]
    assert list(games(rows)) == [
        Game("a", "b", 0.8, "d 1"),
        Game("b", "a", 0.4, "d 1"),
        Game("response 0", "reference", 0.3, "d 2"),
    ]


def test_where_no_pairs_were_judged_rewards_are_compared() -> None:
    rows = [{**row("1", []), "values": [0.2, None, 0.9, 0.2]}]
    assert [(g.first, g.second, g.outcome) for g in games(rows)] == [
        ("response 0", "response 2", 0.0),
        ("response 0", "response 3", 0.5),
        ("response 2", "response 3", 1.0),
    ]


def test_two_responses_of_one_system_do_not_meet() -> None:
    assert list(games([row("1", [pair(0, 1, 0.8)], systems=["a", "a"])])) == []
    with pytest.raises(ConfigError, match="no two systems"):
        standings([row("1", [pair(0, 1, 0.8)], systems=["a", "a"])])


def test_one_group_has_no_interval_and_ties_share_a_rank() -> None:
    board = standings([row("1", [pair(0, 1, 0.5)], systems=["a", "b"])])
    assert [(one.rank, one.low) for one in board.rows] == [(1.5, None), (1.5, None)]
