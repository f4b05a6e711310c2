"""The counting engine answers whatever a schema asks for."""

import json

import pytest

from judge.engines.dry import DryEngine
from judge.synthesis.drafts import drafts_schema
from judge.synthesis.verify import SCHEMA
from judge.types import Constraint, GenerationRequest, Message, Sampling


@pytest.mark.parametrize("schema", [drafts_schema(2, 4), SCHEMA])
async def test_an_answer_has_all_the_schema_requires(schema) -> None:
    engine = DryEngine()
    asked = GenerationRequest(
        "r", (Message("user", "four"),), constraint=Constraint(json_schema=schema)
    )
    (told,) = await engine.generate([asked])
    data = json.loads(told.text)
    assert set(schema["required"]) <= set(data)
    assert len(data.get("criteria", (1, 2))) == 2
    assert (engine.calls, engine.prompt_tokens) == (1, 1)


async def test_prompts_that_are_scored_are_counted_and_certain() -> None:
    engine = DryEngine()
    before = await engine.chat_ids((Message("user", "1234567"),))
    assert engine.decode(before) == "1234567\n"
    asked = GenerationRequest("r", token_ids=(*before, *engine.encode("four")), score_from=8)
    (told,) = await engine.generate([asked])
    assert told.prompt_logprobs == (0.0,) * 4
    assert (engine.calls, engine.prompt_tokens) == (1, 3)


async def test_a_budget_of_thinking_is_counted_as_used_up() -> None:
    engine = DryEngine()
    sampling = Sampling(max_tokens=3, think_tokens=40)
    asked = GenerationRequest("r", (Message("user", "x"),), sampling=sampling, labels=("A",))
    await engine.generate([asked])
    assert (engine.answer_tokens, engine.abilities.thinking) == (43, True)


@pytest.mark.parametrize("reference", [False, True])
async def test_it_stands_for_a_scalar_model(reference: bool) -> None:
    engine = DryEngine(reference=reference)
    assert (engine.abilities.scalar, engine.abilities.reference) == (True, reference)
    (told,) = await engine.generate([GenerationRequest("r", (Message("user", "four"),))])
    assert (told.scalar, told.text, told.prompt_logprobs) == (0.0, "", None)


async def test_several_roles_are_counted_by_one_engine():
    engine = DryEngine(reference=True)
    needed = engine.under({"judge": True, "second": True, "generator": False})
    assert list(needed) == ["judge", "second"]
    assert len({one.digest for one in (engine, *needed.values())}) == 3
    for one in needed.values():
        assert one.abilities == engine.abilities
        await one.generate([GenerationRequest("a", (Message("user", "12345678"),))] * 2)
    assert (engine.calls, engine.prompt_tokens, len(engine.kept)) == (4, 8, 1)
