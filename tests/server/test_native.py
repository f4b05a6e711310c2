import asyncio
import math

import pytest
from msgspec.structs import replace

from judge.aggregate import strengths
from judge.records import plain, result_row
from judge.types import Comparison, Failure, Group

TOLD = [
    Comparison(0, 1, 0.7, 0.1, 0.2),
    Comparison(1, 0, 0.3, 0.1, 0.6),
    Comparison(1, 2, 0.6, 0.2, 0.2),
]

SURE = {"first": 0, "second": 1, "p_first": 1, "p_tie": 0, "p_second": 0}


def row(group, model):
    """The direct call's result as JSON, less what a clock says."""
    (result,) = model.score([group])
    return result_row(replace(result, usage=replace(result.usage, seconds=0.0)))


def timeless(data):
    return {**data, "usage": {**data["usage"], "seconds": 0.0}}


@pytest.mark.parametrize("recipe", [None, "alone", "pairs"])
async def test_a_group_gets_what_the_direct_call_gives(
    client, build, coded_engine, group_body, recipe, read
):
    answer = await client.post("/v1/score_group", json={**group_body, "recipe": recipe})
    direct = {"recipe": "pairwise-win-rate"} if recipe == "pairs" else {}
    expected = row(Group.of("Say it.", ["one", "two"], id="g"), build(coded_engine(), **direct))
    assert answer.status_code == 200
    assert timeless(read(answer.text)) == expected


IMAGE = "data:image/png;base64,AA=="


@pytest.mark.parametrize(
    "turn",
    [
        {"role": "user", "content": "What?", "images": ["/etc/passwd"]},
        {"role": "user", "content": "What?", "images": ["file:///etc/passwd"]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a.png"}}]},
        {"role": "user", "content": [{"type": "image", "image": "../a.png"}]},
    ],
)
async def test_a_request_can_name_no_file(client, turn):
    for body in (
        {"prompt": [turn], "responses": ["x"]},
        {"prompt": "p", "responses": [[turn]]},
        {"prompt": "p", "responses": [{"text": [turn]}]},
    ):
        answer = await client.post("/v1/score_group", json=body)
        assert answer.status_code == 422
        assert "address of an image" in answer.text


async def test_images_for_an_engine_without_them_are_failures_in_place(client, read):
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": IMAGE}}]
    for turn in ({"role": "user", "content": parts}, {"role": "user", "images": [IMAGE]}):
        answer = await client.post("/v1/score_group", json={"prompt": [turn], "responses": ["x"]})
        assert answer.status_code == 200
        assert read(answer.text)["rewards"][0]["reason"]["kind"] == "refused"


async def test_turns_tools_and_fields_reach_the_group(client, build, coded_engine, read):
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": {"a": 1}}}
    turns = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "2"},
    ]
    body = {
        "id": "g",
        "prompt": [{"role": "user", "content": "Add."}],
        "responses": [turns, {"text": "2", "id": "r", "token_ids": [1, 2], "truncated": True}],
        "reference": "2",
        "context": "sums",
        "attempt": 3,
        "meta": {"k": 1},
    }
    answer = await client.post("/v1/score_group", json=body)
    fields = {key: body[key] for key in ("reference", "context", "attempt", "meta")}
    group = Group.of(body["prompt"], body["responses"], id="g", **fields)
    assert timeless(read(answer.text)) == row(group, build(coded_engine()))


async def test_several_groups_come_back_in_order_and_are_judged_together(
    client_of, build, coded_engine, hold, wait_until
):
    engine = coded_engine(pause=hold)
    client = client_of(build(engine))
    groups = [{"id": str(k), "prompt": f"p{k}", "responses": [f"r{k}"]} for k in range(9)]
    asked = asyncio.create_task(client.post("/v1/judge", json={"groups": groups}))
    other = asyncio.create_task(client.post("/v1/score_group", json={**groups[0], "prompt": "q"}))
    await wait_until(lambda: engine.in_flight == 10)
    hold.opened.set()
    results = (await asked).json()["results"]
    assert [result["group_id"] for result in results] == [str(k) for k in range(9)]
    assert (await other).status_code == 200


async def test_a_group_of_its_own_rubric(client, group_body):
    content = {
        "schema": "rubric/v1",
        "id": "own",
        "criteria": [{"id": "mine", "question": "Mine?"}],
    }
    answer = await client.post("/v1/score_group", json={**group_body, "rubric": content})
    assert set(answer.json()["rewards"][0]["parts"]) == {"mine"}


@pytest.mark.parametrize(
    "rubric",
    ["/etc/passwd", "../secret", "rubrics/demo/short.yaml", "", {"extends": "../../x", "id": "a"}],
)
async def test_no_rubric_is_read_from_a_path(client, group_body, rubric, said):
    answer = await client.post("/v1/score_group", json={**group_body, "rubric": rubric})
    if answer.status_code == 200:
        assert answer.json()["values"] == [None, None]
        assert answer.json()["failures"][0]["stage"] == "rubric"
    else:
        assert (answer.status_code, said(answer)["type"]) == (422, "invalid")


async def test_what_fails_is_a_null_with_its_reason(
    client_of, build, coded_engine, group_body, read
):
    broken = Failure("engine", "refused", "no")
    client = client_of(build(coded_engine(broken=lambda request: broken)))
    answer = read((await client.post("/v1/score_group", json=group_body)).text)
    assert answer["values"] == [None, None]
    assert answer["rewards"][0]["reason"]["kind"] == "refused"
    assert answer["metrics"]["reward_mean"] is None


# --- ranking ---------------------------------------------------------------------------------


async def ranked(client, told, n=3, **fields):
    sent = [{k: v for k, v in plain(item).items() if v is not None} for item in told]
    return await client.post("/v1/rank", json={"n": n, "comparisons": sent, **fields})


async def test_strengths_are_those_of_the_direct_call(client, read):
    answer = read((await ranked(client, TOLD)).text)
    assert answer == plain(strengths(3, TOLD))
    assert answer["ranks"] == [1.0, 2.0, 3.0]


async def test_seeds_reach_the_fit_and_absent_items_are_null(client, read):
    answer = read((await ranked(client, TOLD, n=4, seeds=[0.0, 1.0, 2.0, 9.0])).text)
    assert answer["ranks"][3] is None
    assert answer["strengths"] == plain(strengths(4, TOLD, seeds=[0.0, 1.0, 2.0, 9.0]))["strengths"]
    assert answer["covariance"][3] == [None] * 4


async def test_a_schedule_ranks_by_its_rule_and_counts_what_is_missing(client):
    answer = (await ranked(client, TOLD, method="copeland")).json()
    assert answer["method"] == "copeland"
    assert answer["failed"] > 0
    assert answer["calls"] - answer["failed"] == len(answer["comparisons"]) <= len(TOLD)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"n": 2}, "comparisons"),
        ({"method": "guess"}, "method"),
        ({"seeds": [1.0]}, "seeds"),
        ({"method": "anchor", "anchor": 7}, "anchor"),
        ({"n": 10**6}, "n"),
        ({"n": -1}, "n"),
        (
            {"comparisons": [{"first": 0, "second": 0, "p_first": 1, "p_tie": 0, "p_second": 0}]},
            "0",
        ),
        (
            {"comparisons": [{"first": 0, "second": 1, "p_first": 1, "p_tie": 1, "p_second": 0}]},
            "1",
        ),
    ],
)
async def test_wrong_rankings_are_said(client, change, word, said):
    sent = [{k: v for k, v in plain(item).items() if v is not None} for item in TOLD]
    answer = await client.post("/v1/rank", json={"n": 3, "comparisons": sent, **change})
    assert answer.status_code == 422
    assert word in said(answer)["message"]


async def test_huge_numbers_do_not_break_the_fit(client, read):
    told = [replace(item, log_odds=sign * 1e9) for item, sign in zip(TOLD, (1, -1, 1), strict=True)]
    answer = await ranked(client, told)
    assert answer.status_code in (200, 422)
    read(answer.text)
    assert not math.isnan(sum(x or 0.0 for x in answer.json().get("strengths", [])))
