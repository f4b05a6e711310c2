import json
import sqlite3
from contextlib import closing

import pytest

from judge.errors import ConfigError
from judge.reward_model import RewardModel
from judge.store import TextlessStore
from judge.types import Group, JudgeProfile

POSTERIOR = (
    "schema: recipe/v1\nid: posterior\nextends: pairwise-win-rate\n"
    "group: {reward: posterior_mean}\n"
)


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_has_all_it_takes(judged):
    names = {"plan.json", "results.jsonl", "failures.jsonl", "summary.json", "verdicts.db"}
    assert names <= set(files_of(judged))
    plan = json.loads((judged / "plan.json").read_text())
    assert plan["resolved"]["rubric"]["id"] == "demo/short"
    assert plan["resolved"]["recipe"]["id"] == "pairwise-win-rate"
    assert len(plan["data_digest"][0]) == 64
    with closing(sqlite3.connect(judged / "verdicts.db")) as store:
        assert store.execute("SELECT count(*) FROM verdicts").fetchone() == (72,)


def test_without_texts_nothing_the_judge_wrote_is_in_any_file(command, run_arguments, tmp_path):
    kept, bare = tmp_path / "kept", tmp_path / "bare"
    command(*run_arguments(), "--out", kept)
    assert any(b"SECRETTEXT" in data for data in files_of(kept).values())
    command(*run_arguments(), "--out", bare, "--no-store-text")
    for name, data in files_of(bare).items():
        assert b"SECRETTEXT" not in data, name
        assert b"prompt 3" not in data, name
    values = [
        [json.loads(line)["values"] for line in (folder / "results.jsonl").open()]
        for folder in (kept, bare)
    ]
    assert values[0] == values[1]


def test_keys_in_an_engines_name_are_in_no_file_and_have_to_be_named_again(
    command, run_arguments, tmp_path, monkeypatch
):
    folder = tmp_path / "run"
    name = "openai:m@http://user:hunter2@host/v1?api_key=sk-verysecretkey123"
    command(*run_arguments(), "--engine", name, "--out", folder)
    for file, data in files_of(folder).items():
        assert b"hunter2" not in data, file
        assert b"verysecret" not in data, file
    with pytest.raises(ConfigError, match="keeps no secrets"):
        command("resume", folder)
    command("resume", folder, "--engine", name)


def test_two_passes_fit_a_profile_and_score_with_it(
    command, counting, run_arguments, tmp_path, rows_of
):
    folder = tmp_path / "run"
    recipe = tmp_path / "posterior.yaml"
    recipe.write_text(POSTERIOR)
    arguments = [*run_arguments(recipe), "--profile", "fit", "--out", folder]
    command(*arguments)
    asked = len(counting.asked)
    profile = JudgeProfile.from_json((folder / "profile.json").read_text())
    assert profile.n_groups == 12
    assert {row["record"]["profile"] for row in rows_of(folder)} == {profile.digest}
    assert {row["record"]["profile"] for row in rows_of(folder / "first")} == {""}
    assert asked == len(set(counting.asked))  # the second pass asks nothing twice
    command("resume", folder)
    assert len(counting.asked) == asked
    given = tmp_path / "given"
    command(*run_arguments(recipe), "--profile", folder / "profile.json", "--out", given)
    assert [row["values"] for row in rows_of(given)] == [row["values"] for row in rows_of(folder)]


def test_a_profile_needs_comparisons(command, run_arguments, tmp_path):
    with pytest.raises(ConfigError, match="the run has no comparisons"):
        command(*run_arguments("pointwise"), "--profile", "fit", "--out", tmp_path / "run")


def test_a_dry_run_estimates_cost_and_time(command, counting, run_arguments, tmp_path):
    dry = [*run_arguments(), "--dry-run", "--json", "--out", tmp_path / "x"]
    told = json.loads(command(*dry, "--price", "2,10", "--speed", "36").stdout)
    read, written = told["prompt_tokens_estimated"], told["answer_tokens_at_most"]
    assert told["calls"] == 72
    assert told["seconds_estimated"] == 2.0
    assert told["cost_at_most"] == round((2 * read + 10 * written) / 1e6, 4)
    assert counting.asked == []
    for wrong in (["--price", "2"], ["--price", "a,b"], ["--speed", "0"]):
        with pytest.raises(ConfigError, match=wrong[0]):
            command(*dry, *wrong)


def test_a_store_of_ones_own_is_shared_by_runs(command, counting, run_arguments, tmp_path):
    store = ["--store", tmp_path / "shared.db"]
    command(*run_arguments(), *store, "--out", tmp_path / "a")
    asked = len(counting.asked)
    command(*run_arguments(), *store, "--out", tmp_path / "b")
    assert len(counting.asked) == asked
    assert not (tmp_path / "b" / "verdicts.db").exists()


def test_a_runs_store_serves_training_too(command, counting, judged, three_systems):
    asked = len(counting.asked)
    rows = map(json.loads, three_systems.read_text().splitlines())
    groups = [Group.of(row["prompt"], [row["low"], row["mid"], row["big"]]) for row in rows]
    with RewardModel.build(
        "demo/short", recipe="pairwise-win-rate", engine=counting, store=judged
    ) as model:  # a folder: its verdicts.db
        values = [result.values for result in model.score(groups)]
    assert len(counting.asked) == asked
    kept = [json.loads(line)["values"] for line in (judged / "results.jsonl").open()]
    assert values == kept


def test_rows_with_one_id_are_an_error_that_keeps_what_was_judged(
    command, run_arguments, three_systems, tmp_path
):
    lines = three_systems.read_text().splitlines()
    three_systems.write_text("\n".join([*lines[:5], lines[2], *lines[5:]]) + "\n")
    with pytest.raises(ConfigError, match="row 6: an earlier row has the id 'g2' too"):
        command(*run_arguments(), "--out", tmp_path / "run")
    assert len((tmp_path / "run" / "results.jsonl").read_text().splitlines()) == 5


def test_rubrics_that_are_written_are_kept_beside_the_store(
    command, run_arguments, tmp_path, monkeypatch
):
    opened = []
    real = RewardModel.build.__func__

    def build(cls, rubric, *, store, **others):
        opened.append(store)
        return real(cls, rubric, store=store, **others)

    monkeypatch.setattr(RewardModel, "build", classmethod(build))
    command(*run_arguments(), "--out", tmp_path / "a")
    assert opened[-1] == tmp_path / "a" / "verdicts.db"  # a path: `RewardModel` keeps them there
    command(*run_arguments(), "--out", tmp_path / "b", "--no-store-text")
    assert isinstance(opened[-1], TextlessStore)  # which keeps none of their texts either
