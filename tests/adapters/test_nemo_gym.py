import copy
import json
from pathlib import Path

import pytest

from judge.adapters.nemo_gym import (
    Rollout,
    compared,
    compared_group,
    prompt_of,
    response_of,
    verified,
)
from judge.errors import AdapterError
from judge.types import Failure, Message, Pairwise, Response, Reward

SHAPE = json.loads((Path(__file__).parent / "fixtures" / "nemo_gym_verify.json").read_text())
WHY = Failure("engine", "timeout", "too late", retryable=True)
GOOD = Reward(0.25, "ok", 0.1, 1.0)
NONE = Reward(None, "failed", None, 0.0, reason=WHY)


@pytest.fixture
def body():
    return copy.deepcopy(SHAPE["body"])


def said(text):
    return {"output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}]}


# --- /verify -------------------------------------------------------------------------------------


def test_a_recorded_request_is_read(body):
    prompt = (Message("system", "Be brief."), Message("user", "What is 2 + 2?"))
    assert Rollout.of(body) == Rollout(
        prompt, Response("Four."), "epoch0-task3", 2, 1, context="Be right."
    )


def test_a_row_without_identity_names_no_group(body):
    for name in ("_ng_group_id", "_ng_group_attempt", "_ng_rollout_index"):
        del body[name]
    made = Rollout.of(body)
    assert (made.key, made.slot, made.attempt) == (None, None, 0)


def test_slot_zero_is_a_slot(body):
    body["_ng_rollout_index"] = 0
    assert Rollout.of(body).slot == 0


def test_the_answer_is_the_request_and_the_reward(body):
    assert verified(body, GOOD) == {**body, "reward": 0.25}


def test_a_reward_of_zero_is_not_masked(body):
    assert verified(body, Reward(0.0, "gated", 0.0, 1.0)) == {**body, "reward": 0.0}


def test_no_reward_is_masked_and_says_why(body):
    body["instance_config"] = {"keep": 1}
    told = verified(body, NONE)
    assert told == {
        **body,
        "reward": 0.0,
        "mask_sample": True,
        "instance_config": {"keep": 1, "mask_sample": True},
        "_ng_failure_class": "judge_failed",
        "_ng_failure_message": "timeout: too late",
    }


def test_nothing_of_an_earlier_answer_comes_back(body):
    old = verified({**body, "reward_components": {"a": 9.0}}, NONE)
    assert "reward_components" not in old
    told = verified(old, GOOD)
    assert told["reward"] == 0.25
    assert not {"mask_sample", "_ng_failure_class", "_ng_failure_message"} & set(told)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"response": None}, "responses_create_params and response"),
        ({"response": {"output": "Four."}}, "no list `output`"),
        ({"responses_create_params": {"input": 4}}, "neither text nor a list"),
        ({"responses_create_params": {"input": ["x"]}}, "input.0 is not an object"),
        ({"responses_create_params": {"input": [{"role": "king"}]}}, "the unknown role 'king'"),
        ({"responses_create_params": {"input": [{"content": 4}]}}, "input.0 holds neither"),
    ],
)
def test_other_forms_are_refused_with_their_place(body, change, what):
    with pytest.raises(AdapterError, match=what):
        Rollout.of({**body, **change})


# --- texts ---------------------------------------------------------------------------------------


def test_thoughts_are_not_shown_and_tools_are():
    made = response_of(
        {
            "status": "incomplete",
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "function_call", "name": "add", "arguments": '{"a":2}', "call_id": "1"},
                {"type": "function_call_output", "call_id": "1", "output": "4"},
                {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]},
            ],
        }
    )
    assert made == Response(
        (
            Message("assistant", "", None, ('add({"a":2})',)),
            Message("tool", "4"),
            Message("assistant", "No."),
        ),
        truncated=True,
    )


def test_several_messages_are_one_text():
    assert response_of({"output": said("a")["output"] + said("b")["output"]}).text == "a\nb"
    assert response_of({"output": []}).text == ""


@pytest.mark.parametrize(
    "raw",
    [
        "Say it.",
        [{"role": "user", "content": "Say it.", "type": None}],  # as pydantic dumps an easy message
        [{"content": [{"type": "input_text", "text": "Say it."}, {"type": "input_file"}]}],
    ],
)
def test_a_prompt_has_many_forms(raw):
    told = prompt_of(raw)
    assert told == (raw if isinstance(raw, str) else (Message("user", "Say it."),))


def test_images_are_kept_and_one_without_an_address_is_refused():
    image = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
    (turn,) = prompt_of([{"content": [{"type": "input_text", "text": "What?"}, image]}])
    assert turn == Message("user", "What?", images=(image["image_url"],))
    shown = {"type": "function_call_output", "call_id": "c", "output": [image]}
    assert response_of({"output": [shown]}).text == (Message("tool", "", images=turn.images),)
    with pytest.raises(AdapterError, match=r"input.0 holds an image"):
        prompt_of([{"content": [{"type": "input_image", "file_id": "f"}]}])


# --- /compare ------------------------------------------------------------------------------------


def compare_body(*texts):
    return {
        "conversation_history": [{"role": "user", "content": "What is 2 + 2?"}],
        "response_objs": [said(text) for text in texts],
        "principle": "Be right.",
    }


def test_a_whole_group_is_read():
    made = compared_group(compare_body("a", "b"))
    assert [one.text for one in made.responses] == ["a", "b"]
    assert (made.prompt, made.context) == ((Message("user", "What is 2 + 2?"),), "Be right.")


@pytest.mark.parametrize("given", [None, [], "a"])
def test_a_group_without_responses_is_refused(given):
    with pytest.raises(AdapterError, match="response_objs"):
        compared_group({**compare_body(), "response_objs": given})


async def test_a_group_gets_the_direct_calls_rewards(build, coded_engine):
    model = build(coded_engine(), recipe="pairwise-win-rate")
    result = await model.score_group(compared_group(compare_body("a", "b", "c")))
    told = compared(result)
    assert told["rewards"] == result.values
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    pairs = [verdict for verdict in result.verdicts if isinstance(verdict, Pairwise)]
    assert len(told["comparison_results"]) == len(pairs) > 0
    for one, pair in zip(told["comparison_results"], pairs, strict=True):
        assert (one["response_i"], one["response_j"]) == (pair.first, pair.second)
        assert one["score_1"] + one["score_2"] == pytest.approx(6.0)
        assert (one["score_1"] > one["score_2"]) == (one["ranking"] < 3.5)
        assert 1.0 <= one["ranking"] <= 6.0


def test_a_group_with_failures_is_refused(make_result):
    from judge.types import Group

    with pytest.raises(AdapterError, match="1 of 2 responses have no reward"):
        compared(make_result(Group.of("p", ["a", "b"]), [0.5, None]))
