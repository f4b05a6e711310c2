import json

import pytest

from judge.errors import ConfigError
from judge.synthesis.edits import criteria_of
from judge.synthesis.evidence import PairOutcome
from judge.synthesis.refine import fitness, foreseen, refine, slices
from judge.types import Group


def rubric(*questions):
    criteria = []
    for at, question in enumerate(questions):
        kind = {"kind": "pitfall"} if question.endswith("number?") else {}
        criteria.append({"id": f"c{at}", "question": question, **kind})
    return {"schema": "rubric/v1", "id": "a/b", "criteria": criteria}


@pytest.fixture
def start(planted):
    """The three that count, two that say nothing, and one that misleads."""
    return rubric(*planted.properties, *planted.noise[:2], planted.misleading)


async def test_useless_and_misleading_criteria_go_and_accuracy_rises(planted, start, tmp_path):
    log = tmp_path / "log.jsonl"
    found = await refine(None, planted.judge(), start, planted.pairs(300), log=log)
    left = {criterion["question"] for criterion in criteria_of(found.content)}
    assert planted.misleading not in left
    assert set(planted.properties) <= left
    assert found.accepted
    assert found.test.p_value < 0.05
    assert found.after.value > found.before.value
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == found.tried + 1
    assert all("fitness" in line for line in lines[:-1])


async def test_what_is_missing_is_added_from_misjudged_pairs(planted, author, criteria):
    first, second, third = planted.properties
    writer = author(planted.proposing(criteria, share=1.0))
    found = await refine(writer, planted.judge(), rubric(first, second), planted.pairs(300))
    left = {criterion["question"] for criterion in criteria_of(found.content)}
    assert third in left
    assert found.accepted
    added = [edit for edit in found.edits if edit.kind == "add"]
    assert all(edit.evidence for edit in added)


async def test_shuffled_labels_are_rarely_accepted(planted, start):
    accepted = 0
    for seed in range(60):
        made = planted.pairs(60, seed=seed, shuffled=True)
        found = await refine(None, planted.judge(), start, made, generations=3, seed=seed)
        accepted += found.accepted
    assert accepted <= 8  # P(more than 8 of 60 at level .05) is below .5 %


async def test_the_frozen_slice_is_never_seen_by_the_search(planted, start):
    seen = []
    inner = planted.judge()

    async def judge(content, pairs):
        seen.append({pair.id for pair in pairs})
        return await inner(content, pairs)

    found = await refine(None, judge, start, planted.pairs(100))
    searched = set().union(*seen[:-2])
    assert seen[-1] == seen[-2]
    assert not searched & seen[-1]
    assert len(seen[-1]) == found.before.n == 30


async def test_every_generation_has_pairs_of_its_own(planted, start):
    seen = []
    inner = planted.judge()

    async def judge(content, pairs):
        ids = frozenset(pair.id for pair in pairs)
        if ids not in seen:
            seen.append(ids)
        return await inner(content, pairs)

    found = await refine(None, judge, start, planted.pairs(100))
    assert len(seen) == found.generations + 1
    assert sum(map(len, seen)) == len(frozenset().union(*seen))


async def test_a_good_rubric_is_left_alone(planted):
    found = await refine(
        None, planted.judge(), rubric(*planted.properties), planted.pairs(120), generations=3
    )
    assert not found.accepted
    assert set(planted.properties) <= {c["question"] for c in criteria_of(found.content)}


def test_criteria_and_flips_have_a_price():
    told = [PairOutcome("a", "a", 0.5, True, {}), PairOutcome("b", "b", 0.5, False, {})]
    assert fitness(told, 5) == pytest.approx(1.0 - 0.01 - 0.05)
    assert fitness([PairOutcome("a", "a", None, None, {})], 1) == -1.0
    assert fitness([PairOutcome("a", "a", 0.0, None, {})], 0) == 0.5


def test_the_effect_of_a_weight_is_foreseen():
    content = rubric("Does the text cite a source?", "Does the text mention rivers?")
    told = [PairOutcome("a", "a", 0.0, False, {"c0": 0.6, "c1": -0.8})]
    assert foreseen(content, told)[0].lead == pytest.approx(-0.1)
    content["criteria"][1]["weight"] = 0.25
    assert foreseen(content, told)[0].lead == pytest.approx((0.6 - 0.2) / 1.25)
    assert foreseen(content, [PairOutcome("a", "a", None, None, {})])[0].lead is None


def test_pairs_of_a_prompt_stay_together():
    made = [Group.of(f"P{k % 5}", [f"a{k}", f"b{k}"], id=str(k)) for k in range(20)]
    parts = slices(made, 3, 0)
    assert sum(map(len, parts)) == 20
    prompts = [{pair.prompt for pair in part} for part in parts]
    assert sum(map(len, prompts)) == 5


async def test_too_few_pairs_are_an_error(planted, start):
    with pytest.raises(ConfigError, match="generations"):
        await refine(None, planted.judge(), start, planted.pairs(5))
