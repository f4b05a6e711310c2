import json

import pytest
from msgspec.structs import replace

from judge.errors import ConfigError
from judge.rubrics import parse_rubric
from judge.synthesis.contrast import contrast, contrast_tasks, forward, split_pairs
from judge.types import Group

BLIND = {
    "schema": "rubric/v1",
    "id": "baseline/blind",
    "criteria": [{"id": "a", "question": "Does the text mention rivers?"}],
}


@pytest.fixture
def learned(author, criteria, planted):
    """A rubric contrasted from pairs, the judge and the author."""

    async def make(made, *, draws=0, respond=None, **settings):
        writer = author(respond or planted.proposing(criteria, draws), attempts=1)
        judge = planted.judge()
        settings = {"baseline": BLIND, **settings}
        return await contrast(writer, judge, made, id="learned/one", **settings), judge, writer

    return make


async def test_planted_properties_are_recovered_and_win_on_held_out_pairs(
    learned, planted, tmp_path
):
    log = tmp_path / "log.jsonl"
    found, judge, _ = await learned(planted.pairs(80), log=log)
    questions = [one.question for one in found.proposals]
    assert set(questions[:3]) == set(planted.properties)
    assert found.accepted
    assert found.test.p_value < 0.01
    assert found.test.low > 0.0
    assert found.held_out.value > found.baseline.value + 0.2
    assert (found.held_out.n, found.train_pairs + found.held_out_pairs) == (
        found.held_out_pairs,
        80,
    )
    rubric = parse_rubric(found.content)
    assert {c.kind for c in rubric.criteria if c.question.endswith("number?")} == {"pitfall"}
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[-1]["accepted"] is True
    assert sum(line.get("kept", False) for line in lines) == len(questions)
    assert judge.calls > 0


async def test_shuffled_labels_are_rarely_accepted(learned, planted):
    """At level .05 a chance of one in twenty: 16 or more of 200 has a probability below 5 %."""
    accepted = 0
    for seed in range(200):
        made = planted.pairs(24, seed=seed, shuffled=True)
        found, _, _ = await learned(made, draws=seed, seed=seed)
        accepted += found.accepted
    assert accepted <= 16


async def test_what_the_author_learns_from_is_never_held_out(learned, planted):
    made = planted.pairs(20)
    _, _, writer = await learned(made)
    train, held = split_pairs(made, 0.5, 0)
    shown = "\n".join(turn.content for request in writer.asked for turn in request.messages)
    assert all(pair.responses[0].text in shown for pair in train)
    assert not any(pair.responses[0].text in shown for pair in held)


async def test_criteria_that_quote_the_preferred_response_are_refused(learned, criteria):
    made = [
        Group.of(f"Prompt {k}.", [f"the red fox runs over hill {k} [1]", f"other {k}"], id=str(k))
        for k in range(8)
    ]
    told = criteria("Does it say the red fox runs over hills?", "Does the text cite a source?")
    found, _, _ = await learned(made, respond=lambda text, request: told)
    assert [one.question for one in found.proposals] == ["Does the text cite a source?"]
    assert any("quotes" in one.why for one in found.refused)


async def test_a_pair_that_its_own_criteria_do_not_predict_is_left_out(learned, criteria, planted):
    made = [
        pair
        for pair in planted.pairs(90)
        if "4711" in pair.responses[1].text and "4711" not in pair.responses[0].text
    ][:10]
    told = criteria("Does the text contain a made-up number?")
    found, _, _ = await learned(made, respond=lambda text, request: told)
    assert found.content is None
    assert not found.accepted
    assert any("does not prefer" in one.why for one in found.refused)


async def test_a_pair_without_a_verdict_is_no_wrong_prediction(author, criteria, planted):
    made = planted.pairs(8)
    inner = planted.judge()

    async def silent(content, pairs):
        return [replace(one, lead=None, leads={}) for one in await inner(content, pairs)]

    writer = author(lambda text, request: criteria("Does the text cite a source?"))
    found = await contrast(writer, silent, made, id="a/b", baseline=BLIND)
    assert {one.why for one in found.refused} == {
        "the judge gave no verdict on the pair it comes from"
    }


async def test_a_pair_that_flips_counts_only_where_its_mean_may(author, criteria, planted):
    made = planted.pairs(30)
    inner = planted.judge()

    async def leaning(content, pairs):
        return [replace(one, flipped=True) for one in await inner(content, pairs)]

    async def kept(**settings):
        writer = author(lambda text, request: criteria("Does the text cite a source?"))
        found = await contrast(writer, leaning, made, id="a/b", baseline=BLIND, **settings)
        return found.content is not None, {one.why for one in found.refused}

    said = "under it the order of display decides what the judge prefers"
    assert await kept() == (False, {said, "under it the judge does not prefer the response that"
                                    " people preferred"})  # fmt: skip
    average, why = await kept(average_flips=True)
    assert average
    assert said not in why


async def test_no_answer_at_all_is_no_rubric(learned, planted):
    found, _, _ = await learned(planted.pairs(6), respond=lambda text, request: "nonsense")
    assert (found.content, found.accepted, found.why) == (None, False, "no criterion was left")
    assert len(found.failures) == found.train_pairs


def test_prompts_are_split_whole_whatever_the_order():
    made = [Group.of(f"Prompt {k // 3}.", [f"a{k}", f"b{k}"], id=str(k)) for k in range(12)]
    train, held = split_pairs(made, 0.5, 3)
    assert not {p.prompt for p in train} & {p.prompt for p in held}
    again, _ = split_pairs(made[::-1], 0.5, 3)
    assert {p.id for p in again} == {p.id for p in train}
    splits = {frozenset(p.id for p in split_pairs(made, 0.5, seed)[0]) for seed in range(9)}
    assert len(splits) > 1


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_that_cannot_be_meant(share, planted):
    with pytest.raises(ConfigError, match="share"):
        split_pairs(planted.pairs(4), share, 0)


def test_pairs_that_cannot_be_split():
    with pytest.raises(ConfigError, match="at least two"):
        split_pairs([Group.of("One.", ["a", "b"])], 0.5, 0)
    with pytest.raises(ConfigError, match="not two"):
        split_pairs([Group.of("One.", ["a", "b", "c"])], 0.5, 0)


def test_the_author_sees_which_was_preferred():
    (task,) = contrast_tasks([Group.of("P", ["good", "bad"], id="x", context="c")])
    assert (task.texts["better"], task.texts["worse"], task.texts["context"]) == (
        "good",
        "bad",
        "c",
    )


def test_criteria_are_added_while_they_help():
    nan = float("nan")
    assert forward([[1, 1, -1], [1, 1, -1], [-1, nan, 1]], 3) == [1]
    assert forward([[1, 0], [0, 1], [0, 1]], 2) == [1, 0]
    assert forward([[1, 0], [0, 1], [0, 1]], 1) == [1]
    assert forward([[-1.0], [-1.0]], 3) == []
    assert forward([[0.0], [0.0]], 3) == []
