import shlex

from judge.report.card import card
from judge.report.collected import Collected
from judge.report.probes import Probed
from judge.synthesis.diagnose import diagnose

PLAN = {
    "engine": "vllm:m", "engines": {"judge": "vllm:m", "strong": "openai:big@http://x"},
    "recipe": "a" * 64, "recipe_id": "cascade", "rubric": "b" * 64, "rubric_id": "my rubric",
    "data": ["it's data.jsonl"], "data_digest": ["c" * 64],
    "columns": {"names": {"responses": ["a", "b"]}, "group_by": None, "labels_from": 1},
    "seed": 7, "profile_file": "", "calibration_file": "cal.json", "version": "0.1.0",
    "options": {"prompts": None, "limit": 5}, "resolved": {"recipe": {}},
}  # fmt: skip


def made(rows, plan=PLAN, probes=()):
    return card(plan, Collected.of(rows), diagnose(rows), probes)


def test_digests_of_all_that_judged_are_told(make_row):
    facts = dict(made([make_row(1, [0.5])]).facts)
    assert facts["recipe"] == f"cascade (digest {'a' * 16})"
    assert facts["rubric"] == f"my rubric (digest {'b' * 16})"
    assert facts["data"] == f"it's data.jsonl (sha256 {'c' * 16})"
    assert facts["record: engine"] == "e1"


def test_the_command_judges_the_same_again(make_row):
    first, second = made([make_row(1, [0.5])]).commands
    words = shlex.split(first)
    assert words[:3] == ["judge", "run", "it's data.jsonl"]
    options = list(zip(words[3::2], words[4::2], strict=True))
    assert options == [
        ("--map", "responses=a,b"), ("--labels-from", "1"), ("--rubric", "my rubric"),
        ("--recipe", "cascade"), ("--calibration", "cal.json"), ("--limit", "5"), ("--seed", "7"),
        ("--engine", "vllm:m"), ("--engine", "strong=openai:big@http://x"), ("--out", "again"),
    ]  # fmt: skip
    assert second.startswith("judge report again")


def test_a_file_of_results_alone_has_a_card_without_a_command(make_row):
    told = made([make_row(1, [0.5])], plan={})
    assert told.commands == ()
    assert dict(told.facts) == {"record: engine": "e1", "record: recipe": "r1"}


def test_only_what_was_measured_is_told(make_row):
    bare = dict(made([make_row(1, [0.5, None])]).measured)
    assert "agreement with labels" not in bare
    assert "flips with the order" not in bare
    assert bare["with a reward"] == "1 (50 %)"
    told = dict(made([make_row(1, [0.5, 0.1], label=0)]).measured)
    assert told["agreement with labels"].startswith("100 % of 1 (95 % interval 21 to 100)")


def test_the_worst_attack_of_its_probe_is_told(make_row):
    probe = Probed({"attacks": [{"attack": "key", "rate": 0.25}], "record": {}})
    measured = dict(made([make_row(1, [0.5])], probes=[probe]).measured)
    assert measured["worst attack"] == "key, paid 25 %"


def test_an_empty_run_has_a_card():
    assert dict(made([]).measured)["with a reward"] == "0"
