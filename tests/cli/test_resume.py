import json

import pytest

from judge.errors import ConfigError
from judge.types import Failure


def refuse(kind, retryable):
    def fails(shown):
        return Failure("engine", kind, "no", retryable) if "prompt 3" in shown else None

    return fails


def told(done):
    return json.loads(done.stdout)


def test_a_budget_is_never_passed_and_resume_goes_on(
    command, counting, run_arguments, rows_of, tmp_path
):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    command(*run_arguments(), "--out", whole)
    calls = len(counting.asked)
    counting.asked.clear()
    done = command(*run_arguments(), "--out", parts, "--budget", 20, "--in-flight", 2)
    assert len(counting.asked) == 20
    assert "budget of 20 calls is spent" in " ".join(done.stderr.split())
    for _ in range(3):
        before = len(counting.asked)
        command("resume", parts, "--budget", 20)
        assert len(counting.asked) <= before + 20
    assert len(counting.asked) == calls  # what was paid for was not paid for again
    assert rows_of(parts) == rows_of(whole)


def test_resume_needs_nothing_but_the_folder(command, counting, run_arguments, tmp_path):
    folder = tmp_path / "run"
    command(*run_arguments(), "--out", folder, "--limit", 5)
    asked = len(counting.asked)
    done = command("resume", folder, "--json")
    assert (told(done)["groups"], len(counting.asked)) == (5, asked)  # the limit is the run's


def test_a_timeout_is_owed_and_a_refusal_only_with_failed(
    command, counting, run_arguments, tmp_path
):
    for kind, retryable in (("timeout", True), ("refused", False)):
        folder = tmp_path / kind
        counting.fails = refuse(kind, retryable)
        done = command(*run_arguments(), "--out", folder, "--json")
        assert told(done)["unjudged"] == 3
        failures = [json.loads(x) for x in (folder / "failures.jsonl").read_text().splitlines()]
        assert [(f["group_id"], f["response"], f["kind"]) for f in failures] == [
            ("g3", at, kind) for at in range(3)
        ]
        counting.fails = lambda shown: None
        again = told(command("retry", folder, "--json"))
        assert again["unjudged"] == (0 if retryable else 3)
        again = told(command("retry", folder, "--failed", "--json"))
        assert (again["unjudged"], again["groups"]) == (0, 12)
        assert (folder / "failures.jsonl").read_text() == ""


def test_what_is_done_is_not_asked_again_even_without_its_results(
    command, counting, judged, rows_of
):
    before, asked = rows_of(judged), len(counting.asked)
    (judged / "results.jsonl").unlink()
    command("resume", judged)
    assert len(counting.asked) == asked
    assert rows_of(judged) == before


def test_another_engine_is_refused(command, judged):
    with pytest.raises(ConfigError, match="was judged by embedded, not by vllm:other"):
        command("resume", judged, "--engine", "vllm:other")


def test_changed_data_is_refused(command, judged, three_systems):
    three_systems.write_text(three_systems.read_text() + three_systems.read_text())
    with pytest.raises(ConfigError, match="another data_digest"):
        command("resume", judged)


def test_a_folder_without_a_plan_is_an_error(command, tmp_path):
    with pytest.raises(ConfigError, match="is not the plan of a run"):
        command("resume", tmp_path)


def test_an_edited_plan_is_refused(command, judged):
    path = judged / "plan.json"
    plan = json.loads(path.read_text())
    plan["resolved"]["recipe"]["guards"] = {"min_coverage": 0.9}
    path.write_text(json.dumps(plan))
    with pytest.raises(ConfigError, match="the recipe does not have its digest"):
        command("resume", judged)
