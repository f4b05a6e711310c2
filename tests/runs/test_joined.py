import json
from pathlib import Path

import pytest

from judge.engines.scripted import ScriptedEngine
from judge.errors import ConfigError
from judge.reward_model import RewardModel
from judge.rubrics import parse_rubric
from judge.runs.dataset import Row
from judge.runs.joined import flat, joined
from judge.runs.offline import Run
from judge.types import Group, Message, Response

RUBRIC = parse_rubric(
    {"schema": "rubric/v1", "id": "t/one", "criteria": [{"id": "good", "question": "Good?"}]}
)


def rows(n: int) -> list[Row]:
    chat = (Message("user", "hi"), Message("assistant", "yes"))
    return [
        Row("t", k, Group.of(f"p{k}", [Response("é\u2028", "a"), Response(chat, "b")]), 1)
        for k in range(1, n + 1)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    engine = ScriptedEngine(lambda request: '{"critique": "so", "good": 2}')
    with RewardModel.build(RUBRIC, engine=engine) as model:
        Run(model, tmp_path / "run", {}).judge(rows(5)[1:])
    return tmp_path / "run"


def test_each_row_meets_its_own_result_and_rows_without_one_are_left_out(folder: Path) -> None:
    found = list(joined(rows(6), folder))
    assert [(row.number, result["row"]) for row, result in found] == [(k, k) for k in range(2, 6)]


def test_results_out_of_order_are_found(folder: Path) -> None:
    path = folder / "results.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(reversed(lines)) + b'{"torn')
    found = list(joined(rows(5), folder))
    assert [(row.number, result["row"]) for row, result in found] == [(k, k) for k in range(2, 6)]


def test_a_row_that_changed_is_an_error(folder: Path) -> None:
    changed = [Row("t", 3, Group.of("other", ["x", "y"]), None)]
    with pytest.raises(ConfigError, match="row 3 is not what was judged"):
        list(joined(changed, folder))


def test_there_is_a_line_for_each_response(folder: Path) -> None:
    lines = [line for row, result in joined(rows(5), folder) for line in flat(row, result)]
    assert len(lines) == 8
    first, second = lines[:2]
    assert (first["system"], first["response"], first["label"], first["value"]) == (
        "a", "é\u2028", False, 1.0,
    )  # fmt: skip
    assert json.loads(second["response"])[1] == {"role": "assistant", "content": "yes"}
    assert second["label"] is True


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        list(joined(rows(1), tmp_path / "none"))
