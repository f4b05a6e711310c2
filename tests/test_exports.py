import json
import math
import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.errors import ConfigError
from judge.exports import (
    best_of_n,
    preference_pairs,
    ranked_list,
    reward_conditioned,
    to_dataset,
    write_rows,
)
from judge.transforms import lambda_weights, margin_scaling
from judge.types import Failure, Group, GroupResult, Message, Reward, Usage

FAILED = Failure("engine", "timeout", "no answer")
CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather in Oslo?"},
]


def judged(values, *, errors=None, texts=None, prompt="Why?"):
    """A group and its result; a value of None is a failure."""
    texts = [f"text {i}" for i in range(len(values))] if texts is None else texts
    group = Group.of(prompt, texts)
    rewards = [
        Reward(None, "failed", None, 0.0, reason=FAILED)
        if value is None
        else Reward(value, "ok", error, 1.0)
        for value, error in zip(values, errors or [None] * len(values), strict=True)
    ]
    return group, result_of(group, rewards)


def result_of(group, rewards, group_id=None):
    return GroupResult(
        group.id if group_id is None else group_id,
        tuple(rewards),
        (None,) * len(rewards),
        None,
        (),
        (),
        {},
        Usage(),
        {},
    )


def sides(rows):
    return [(row["chosen"], row["rejected"]) for row in rows]


def test_best_against_worst_in_trls_columns():
    group, result = judged([0.25, 1.0, None, 0.5])
    assert preference_pairs(group, result) == [
        {
            "prompt": "Why?",
            "chosen": "text 1",
            "rejected": "text 0",
            "weight": 1.0,
            "margin": 0.75,
            "score_chosen": 1.0,
            "score_rejected": 0.25,
            "group_id": group.id,
        }
    ]


def test_adjacent_and_all_pairs():
    case = judged([0.25, 1.0, None, 0.5])
    assert sides(preference_pairs(*case, strategy="adjacent")) == [
        ("text 1", "text 3"),
        ("text 3", "text 0"),
    ]
    assert sides(preference_pairs(*case, strategy="all")) == [
        ("text 1", "text 3"),
        ("text 1", "text 0"),
        ("text 3", "text 0"),
    ]
    assert sides(preference_pairs(*case, strategy="all", margin=0.25)) == [
        ("text 1", "text 3"),
        ("text 1", "text 0"),
    ]
    assert preference_pairs(*case, margin=0.75) == []


def test_a_pair_within_its_noise_is_left_out():
    """Between .9 +- .3 and .4 +- .4 lie .5: one combined standard error exactly."""
    case = judged([0.9, 0.4], errors=[0.3, 0.4])
    assert preference_pairs(*case) == []
    assert len(preference_pairs(*case, z=0.99)) == 1
    assert len(preference_pairs(*judged([0.9, 0.4], errors=[None, 0.4]), z=1.2)) == 1
    assert preference_pairs(*judged([0.9, 0.4], errors=[None, 0.4]), z=1.3) == []
    assert len(preference_pairs(*judged([0.9, 0.4]), z=1e9)) == 1


def test_no_pair_where_nothing_differs():
    for values in ([], [0.5], [0.5, 0.5, 0.5], [None, None], [0.5, None]):
        for strategy in ("best_vs_worst", "adjacent", "all"):
            assert preference_pairs(*judged(values), strategy=strategy, z=0.0) == []


def test_a_gated_response_may_be_the_rejected_one():
    group = Group.of("Why?", ["good", ""])
    result = result_of(group, [Reward(0.7, "ok", 0.1, 1.0), Reward(0.0, "gated", 0.0, 1.0)])
    assert sides(preference_pairs(group, result)) == [("good", "")]


def test_equal_texts_count_once_with_their_mean():
    case = judged([0.9, 0.1, 0.6], texts=["same", "same", "other"])
    (row,) = preference_pairs(*case, strategy="all")
    assert (row["chosen"], row["score_rejected"]) == ("other", 0.5)
    assert preference_pairs(*judged([0.9, 0.1], texts=["same", "same"])) == []
    assert len(best_of_n(*case, top=9)) == 2


def test_weights_and_soft_labels():
    case = judged([0.9, 0.4])
    (row,) = preference_pairs(*case, weight=0.25, soft_label=0.8)
    assert (row["weight"], row["soft_label"]) == (0.25, 0.8)
    (row,) = preference_pairs(*case, weight=lambda margin: margin_scaling([margin])[0])
    assert row["weight"] == pytest.approx(0.1 * (1 + 0.5 * (1 - math.exp(-0.25))))


VALUES = st.lists(st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=6)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.sampled_from(["best_vs_worst", "adjacent", "all"]), st.integers(0, 99))
def test_the_order_of_the_responses_does_not_count(values, strategy, seed):
    texts = [f"text {i}" for i in range(len(values))]
    order = list(range(len(values)))
    random.Random(seed).shuffle(order)
    plain = judged(values, texts=texts)
    moved = judged([values[i] for i in order], texts=[texts[i] for i in order])
    rows = preference_pairs(*plain, strategy=strategy)
    assert preference_pairs(*moved, strategy=strategy) == rows
    assert ranked_list(*moved) == ranked_list(*plain)
    assert best_of_n(*moved, top=2) == best_of_n(*plain, top=2)
    score = dict(zip(texts, values, strict=True))
    for row in rows:
        assert row["score_chosen"] == score[row["chosen"]]
        assert row["score_rejected"] == score[row["rejected"]]
        assert row["margin"] == row["score_chosen"] - row["score_rejected"] > 0.0


def test_each_pair_is_conditioned_on_both_rewards():
    pairs = preference_pairs(*judged([0.25, 1.0]))
    wanted, unwanted = reward_conditioned(pairs)
    assert wanted["prompt"] == "Target quality of the response: 1.00\n\nWhy?"
    assert (wanted["chosen"], wanted["rejected"], wanted["target"]) == ("text 1", "text 0", 1.0)
    assert unwanted["prompt"] == "Target quality of the response: 0.25\n\nWhy?"
    assert (unwanted["chosen"], unwanted["rejected"]) == ("text 0", "text 1")
    assert (unwanted["score_chosen"], unwanted["score_rejected"]) == (0.25, 1.0)
    assert wanted["margin"] == unwanted["margin"] == 0.75
    assert pairs[0]["prompt"] == "Why?"


def test_targets_that_read_the_same_are_left_out():
    pairs = preference_pairs(*judged([0.501, 0.502]))
    assert len(pairs) == 1
    assert reward_conditioned(pairs) == []
    assert len(reward_conditioned(pairs, digits=3)) == 2


def test_the_target_of_a_chat_is_in_its_system_message():
    pairs = preference_pairs(*judged([0.25, 1.0], prompt=CHAT))
    prompt = reward_conditioned(pairs, wording="{target}!")[0]["prompt"]
    assert prompt == [{"role": "system", "content": "1.00!\n\nBe brief."}, CHAT[1]]
    pairs = preference_pairs(*judged([0.25, 1.0], prompt=CHAT[1:]))
    prompt = reward_conditioned(pairs, wording="{target}!")[0]["prompt"]
    assert prompt == [{"role": "system", "content": "1.00!"}, CHAT[1]]


def test_a_ranked_list():
    group, result = judged([0.25, 1.0, None, 0.5])
    (row,) = ranked_list(group, result, weigh=lambda_weights, weight=0.5)
    assert row == {
        "prompt": "Why?",
        "responses": ["text 1", "text 3", "text 0"],
        "scores": [1.0, 0.5, 0.25],
        "weight": 0.5,
        "group_id": group.id,
        "pair_weights": lambda_weights([1.0, 0.5, 0.25]),
    }
    assert "pair_weights" not in ranked_list(group, result)[0]
    assert ranked_list(*judged([0.5, None])) == []


def test_best_of_n():
    group, result = judged([0.25, 1.0, None, 0.5])
    assert best_of_n(group, result) == [
        {
            "prompt": "Why?",
            "completion": "text 1",
            "score": 1.0,
            "weight": 1.0,
            "group_id": group.id,
        }
    ]
    assert [row["completion"] for row in best_of_n(group, result, top=2)] == ["text 1", "text 3"]
    assert best_of_n(*judged([None])) == []


def test_chats_stay_lists_of_messages():
    call = 'weather({"city": "Oslo"})'
    answer = (
        Message("assistant", "", tool_calls=(call, "odd")),
        Message("tool", "4 C", name="weather"),
        Message("assistant", "4 C."),
    )
    group, result = judged([1.0, 0.0], prompt=CHAT, texts=[answer, "No idea."])
    (row,) = preference_pairs(group, result)
    assert row["prompt"] == CHAT
    assert row["rejected"] == [{"role": "assistant", "content": "No idea."}]
    turn, tool, last = row["chosen"]
    assert turn["tool_calls"] == [
        {"type": "function", "function": {"name": "weather", "arguments": {"city": "Oslo"}}},
        {"type": "function", "function": {"name": "odd", "arguments": ""}},
    ]
    assert tool == {"role": "tool", "content": "4 C", "name": "weather"}
    assert last == {"role": "assistant", "content": "4 C."}


def test_images_stay_with_their_turn():
    seen = (Message("user", "What?", images=("https://a.org/1.png",)),)
    group, result = judged([1.0, 0.0], prompt=seen, texts=["A cat.", "A dog."])
    (row,) = preference_pairs(group, result)
    assert row["prompt"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What?"},
                {"type": "image_url", "image_url": {"url": "https://a.org/1.png"}},
            ],
        }
    ]
    assert Message.of(row["prompt"][0]) == seen[0]


def test_a_text_prompt_with_a_chat_among_its_responses_becomes_a_chat():
    answer = [{"role": "assistant", "content": "Yes."}]
    (row,) = preference_pairs(*judged([1.0, 0.0], texts=[answer, "No."]))
    assert row["prompt"] == [{"role": "user", "content": "Why?"}]
    assert row["chosen"] == answer
    assert row["rejected"] == [{"role": "assistant", "content": "No."}]


def test_rows_are_written_as_lines(tmp_path):
    rows = preference_pairs(*judged([0.0, 1.0], texts=["schön\n", "\ud800"]))
    path = tmp_path / "pairs.jsonl"
    path.write_text("old")
    assert write_rows(path, rows) == 1
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {**rows[0], "chosen": "?"}
    assert "schön" in line
    assert [found.name for found in tmp_path.iterdir()] == ["pairs.jsonl"]


def test_a_file_is_not_half_written(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text("old")
    with pytest.raises(ValueError, match="JSON"):
        write_rows(path, [{"score": 1.0}, {"score": math.nan}])
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["pairs.jsonl"]


def test_a_data_set_holds_the_rows_as_they_are():
    pytest.importorskip("datasets")
    rows = []
    for arguments in ('{"city": "Oslo"}', '{"place": 4}'):
        call = (Message("assistant", "", tool_calls=(f"weather({arguments})",)),)
        rows += preference_pairs(*judged([1.0, 0.0], prompt=CHAT, texts=[call, "No idea."]))
    assert list(to_dataset(rows)) == rows
    assert to_dataset(preference_pairs(*judged([1.0, 0.0])))[0]["chosen"] == "text 0"


def test_text_and_chat_prompts_are_not_mixed():
    rows = [
        row
        for prompt in (CHAT, "Why?")
        for row in preference_pairs(*judged([1.0, 0.0], prompt=prompt))
    ]
    with pytest.raises(ConfigError, match=r"^rows: "):
        to_dataset(rows)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ConfigError, match=r"judge-rm\[data\]"):
        to_dataset([])


CASE = judged([1.0, 0.0])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: preference_pairs(*CASE, strategy="random"), "strategy"),
        (lambda: preference_pairs(*CASE, margin=-1.0), "margin"),
        (lambda: preference_pairs(*CASE, z=math.nan), "z"),
        (lambda: preference_pairs(*CASE, soft_label=1.5), "soft_label"),
        (lambda: reward_conditioned([], wording="good"), "wording"),
        (lambda: best_of_n(*CASE, top=0), "top"),
        (lambda: best_of_n(CASE[0], result_of(CASE[0], CASE[1].rewards, "other")), "result"),
        (lambda: ranked_list(CASE[0], result_of(CASE[0], CASE[1].rewards[:1])), "result"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
