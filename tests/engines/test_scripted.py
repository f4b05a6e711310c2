import pytest

from judge.engines.scripted import ScriptedEngine
from judge.types import Abilities, Failure, Generation, GenerationRequest, Message, Sampling


def request(text="hello", id="x", max_tokens=10):
    return GenerationRequest(id, (Message("user", text),), sampling=Sampling(max_tokens=max_tokens))


async def test_it_answers_in_order_with_what_the_function_says():
    failure = Failure("engine", "refused", "no")
    whole = Generation("x", "whole", token_texts=("whole",))
    answers = {"a": "text", "b": whole, "c": failure}
    engine = ScriptedEngine(lambda r: answers[r.messages[0].content])
    await engine.start()
    assert await engine.generate([request(t, id=t) for t in "cab"]) == [
        failure,
        Generation("a", "text"),
        whole,
    ]
    assert await engine.generate([]) == []
    await engine.aclose()


async def test_prompts_are_scored_by_the_given_function():
    scored = ScriptedEngine(lambda r: "ok", score=lambda ids: [-float(token) for token in ids])
    assert scored.abilities.prompt_logprobs
    assert not ScriptedEngine(lambda r: "ok").abilities.prompt_logprobs
    ids = await scored.chat_ids((Message("user", "é"),), "user")
    assert scored.decode(ids) == "<user>é\n<user>"
    asks = [
        GenerationRequest("a", token_ids=ids, score_from=7),
        GenerationRequest("b", token_ids=ids),
        request(),
    ]
    made = await scored.generate(asks)
    assert [one.prompt_logprobs for one in made] == [tuple(-float(i) for i in ids[7:]), None, None]
    assert scored.decode(ids[:7]).endswith("\ufffd")


async def test_what_the_function_raises_comes_out():
    def broken(request):
        raise KeyError("x")

    with pytest.raises(KeyError):
        await ScriptedEngine(broken).generate([request()])


async def test_a_prompt_that_is_too_long_is_an_overflow_of_that_item_alone():
    engine = ScriptedEngine(lambda r: "ok", context_tokens=20)
    fits, long = await engine.generate([request("x" * 10), request("x" * 11)])
    assert fits.text == "ok"
    assert (long.kind, long.stage, long.retryable, long.call) == ("overflow", "engine", False, "x")
    (wide,) = await engine.generate([request("é" * 6)])
    assert wide.kind == "overflow"
    assert engine.abilities.context_tokens == 20


def test_its_tokens_are_bytes():
    engine = ScriptedEngine(lambda r: "")
    assert engine.encode("aé") == (97, 195, 169)
    assert len(engine.encode("\ud800")) == 3


def test_its_name_is_its_digest():
    assert ScriptedEngine(lambda r: "", name="a").digest == "a"
    assert ScriptedEngine(lambda r: "").control_tokens == {"<|im_start|>", "<|im_end|>"}


async def test_a_number_is_a_scalar_without_text():
    engine = ScriptedEngine(
        lambda r: -0.25 * len(r.messages), scalar=True, reference=True, context_tokens=5
    )
    assert engine.abilities == Abilities(context_tokens=5, scalar=True, reference=True)
    (made,) = await engine.generate([request("hello", max_tokens=10)])
    assert made == Generation("x", "", scalar=-0.25)
    (long,) = await engine.generate([request("hello!")])
    assert long.kind == "overflow"
    assert not ScriptedEngine(lambda r: "").abilities.scalar
