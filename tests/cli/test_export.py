import json

import pytest

from judge.errors import ConfigError


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_form_has_every_response_with_its_texts(command, judged, tmp_path):
    import datasets
    import pyarrow.parquet

    for form in ("jsonl", "parquet", "datasets"):
        done = command("export", judged, "--to", form)
        assert done.stdout.strip().startswith(str(judged))
    rows = lines(judged / "export.jsonl")
    assert rows == pyarrow.parquet.read_table(judged / "export.parquet").to_pylist()
    assert rows == datasets.load_from_disk(str(judged / "export")).to_list()
    assert len(rows) == 36
    assert (rows[5]["group_id"], rows[5]["system"], rows[5]["response"][:6]) == (
        "g1",
        "big",
        "by far",
    )
    assert [row["label"] for row in rows[:6]] == [False, True, False, False, False, True]
    results = lines(judged / "results.jsonl")
    assert [row["value"] for row in rows] == [v for one in results for v in one["values"]]


def test_pairs_are_those_of_the_rewards(command, judged, tmp_path):
    path = tmp_path / "pairs.jsonl"
    command("export", judged, "--to", "pairs", "--strategy", "all", "--out", path)
    rows = lines(path)
    assert len(rows) == 36
    assert all(len(row["chosen"]) > len(row["rejected"]) for row in rows)
    command("export", judged, "--to", "pairs", "--margin", "0.5", "--out", path)
    assert [row["group_id"] for row in lines(path)] == [f"g{k}" for k in range(12)]
    with pytest.raises(ConfigError, match="strategy"):
        command("export", judged, "--to", "pairs", "--strategy", "best", "--out", path)


def test_an_unjudged_response_is_exported_without_a_number(
    command, counting, run_arguments, tmp_path
):
    from judge.types import Failure

    counting.fails = lambda shown: (
        Failure("engine", "refused", "no") if "prompt 3\n" in shown else None
    )
    folder = tmp_path / "run"
    command(*run_arguments(), "--out", folder)
    command("export", folder)
    row = lines(folder / "export.jsonl")[9]
    assert (row["group_id"], row["value"], row["failure"]) == ("g3", None, "refused")


def test_data_that_changed_since_is_an_error(command, judged, three_systems):
    three_systems.write_text(three_systems.read_text().replace("prompt 3", "prompt three"))
    with pytest.raises(ConfigError, match="row 4 is not what was judged"):
        command("export", judged)
