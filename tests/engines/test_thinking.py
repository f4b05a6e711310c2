"""The block of thinking, as text and as tokens; the tokenizers here are made up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.engines.scripted import ScriptedEngine
from judge.engines.thinking import ALL_MARKS, KNOWN, THINK, Thinking, Thought, check_thinks, closed
from judge.engines.vllm import VLLMEngine
from judge.errors import RequestRefused
from judge.types import (
    Constraint,
    Failure,
    Generation,
    GenerationRequest,
    Message,
    Sampling,
    Usage,
)

END, CLOSE, OPEN, TURN = 1000, 1001, 1002, 1003
"""Tokens of their own beside the bytes: the end of a turn, the two marks, the start of a turn."""
NAMED = {"</think>": CLOSE, "<think>": OPEN}
HIDDEN = (END, TURN)


def encode(text: str) -> tuple[int, ...]:
    """Bytes, and the marks as tokens of their own."""
    for mark, token in NAMED.items():
        before, found, after = text.partition(mark)
        if found:
            return (*encode(before), token, *encode(after))
    return tuple(text.encode())


def decode(ids: Sequence[int]) -> str:
    """The text; special tokens are left out, as the engines do."""
    names = {token: mark.encode() for mark, token in NAMED.items()}
    known = [names.get(token) or bytes([token]) for token in ids if token not in HIDDEN]
    return b"".join(known).decode("utf-8", "replace")


def plain(text: str) -> tuple[int, ...]:
    return tuple(text.encode())


def spell(ids: Sequence[int]) -> str:
    return bytes(ids).decode("utf-8", "replace")


OWN = Thinking({"<think>", "</think>"}, HIDDEN, encode, decode)
"""Of a model whose marks are tokens."""
SPELLED = Thinking((), HIDDEN, plain, spell)
"""Of a model that knows no thinking."""


def asked(budget: int, **fields: Any) -> GenerationRequest:
    fields.setdefault("messages", (Message("user", "Which?"),))
    return GenerationRequest("r", sampling=Sampling(think_tokens=budget, max_tokens=8), **fields)


# --- the block as text -----------------------------------------------------------------------


@pytest.mark.parametrize("marks", KNOWN)
def test_a_models_own_marks_are_used(marks: tuple[str, str]) -> None:
    made = Thinking({"<|im_end|>", *marks}, (), plain, spell)
    assert made.marks == marks
    assert set(marks) <= ALL_MARKS
    assert made.opened("x") == f"x{marks[0]}\n"


def test_a_model_without_marks_gets_plain_ones() -> None:
    assert SPELLED.marks == THINK
    assert (SPELLED.stop, SPELLED.ends) == (("</think>",), frozenset(HIDDEN))
    assert (OWN.stop, OWN.ends) == ((), frozenset((*HIDDEN, CLOSE)))


def test_an_opening_mark_that_is_special_ends_nothing() -> None:
    made = Thinking({"<think>", "</think>"}, (END, OPEN, CLOSE), encode, decode)
    assert made.ends == {END, CLOSE}


@pytest.mark.parametrize(
    ("prompt", "thinks", "answers"),
    [
        ("[assistant]", "[assistant]<think>\n", "[assistant]"),
        ("[assistant]<think>\n", "[assistant]<think>\n", "[assistant]<think>\n\n</think>\n\n"),
        ("[assistant]<think>", "[assistant]<think>", "[assistant]<think>\n\n</think>\n\n"),
        # As Qwen3's template says that there is no thinking.
        ("<think>\n\n</think>\n\n", "<think>\n\n</think>\n\n<think>\n", "<think>\n\n</think>\n\n"),
    ],
)
def test_the_block_is_opened_once_and_closed_where_it_must_not_be(
    prompt: str, thinks: str, answers: str
) -> None:
    assert OWN.opened(prompt) == thinks
    assert OWN.unopened(prompt) == answers


def test_a_block_is_closed_on_a_line_of_its_own() -> None:
    assert closed("so") == closed("") == "\n</think>\n\n"
    assert closed("so\n") == "</think>\n\n"


# --- what was thought ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "budget", "text", "tokens", "cut"),
    [
        (encode("so</think>"), 9, "so", 3, False),
        (encode("so</think>A is best"), 99, "so", 3, False),
        ((*encode("so"), END), 9, "so", 3, False),
        ((*encode("so"), TURN, *encode("user: say A")), 99, "so", 3, False),
        (encode("so"), 2, "so", 2, True),
        (encode("so</think>"), 3, "so", 3, False),
        (encode("so"), 3, "so", 2, False),  # stopped by something else than the budget
        ((CLOSE,), 9, "", 1, False),
        ((), 9, "", 0, False),
        (encode("<think>so"), 3, "<think>so", 3, True),
    ],
)
def test_a_thinking_ends_with_its_mark_its_turn_or_its_budget(
    ids: tuple[int, ...], budget: int, text: str, tokens: int, cut: bool
) -> None:
    thought = OWN.read(ids, budget)
    assert (thought.text, thought.tokens, thought.cut) == (text, tokens, cut)
    assert thought.ids == ids[: len(thought.ids)]
    assert not set(thought.ids) & OWN.ends


def test_a_spelled_mark_is_found_inside_tokens() -> None:
    assert SPELLED.read(plain("so</think>"), 10) == Thought("so", plain("so"), 10, False)
    pairs = {1: "s", 2: "o</th", 3: "ink>x"}
    made = Thinking((), (), plain, lambda ids: "".join(pairs.get(t) or chr(t) for t in ids))
    assert made.read((1, 2, 3), 3) == Thought("so", (1, *plain("o")), 3, False)


@given(st.text(max_size=30), st.integers(1, 40))
def test_what_is_thought_is_a_beginning_of_what_was_said(said: str, budget: int) -> None:
    ids = plain(f"{said}</think>{said}")[:budget]
    thought = SPELLED.read(ids, budget)
    assert thought.tokens == len(ids) <= budget
    assert "</think>" not in thought.text
    assert thought.ids == ids[: len(thought.ids)]
    assert thought.cut is ("</think>" not in spell(ids) and len(ids) == budget)


def test_the_answer_follows_the_very_tokens_of_the_thinking() -> None:
    request = asked(9, prefix="{")
    thought = Thought("so", (7, 7), 2, True)
    after = OWN.after((1, 2), thought, request)
    assert after == (1, 2, 7, 7, *encode("\n</think>\n\n"), *encode("{"))
    assert len(after) + request.sampling.max_tokens <= 2 + OWN.room(request)
    assert OWN.room(asked(0)) == 8


@pytest.mark.parametrize("fields", [{"messages": None, "token_ids": (1,)}, {"score_from": 0}])
def test_only_answers_to_messages_are_thought_about(fields: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused, match="messages"):
        check_thinks(asked(1, **fields))
    check_thinks(asked(0, **fields))


# --- on a scripted vLLM ----------------------------------------------------------------------


class FakeVLLM:
    """Stands for `AsyncLLM`: the first thing asked is thought about, the second is the code."""

    def __init__(self, thinks: tuple[int, ...]) -> None:
        self.thinks = thinks
        self.asked: list[tuple[list[int], Any]] = []

    async def generate(self, prompt: Any, sampling: Any, *, request_id: str) -> AsyncIterator[Any]:
        self.asked.append((prompt["prompt_token_ids"], sampling))
        await asyncio.sleep(0)
        codes = sampling.allowed_token_ids
        ids = [codes[0]] if codes else [*self.thinks[: sampling.max_tokens]]
        row = {token: SimpleNamespace(logprob=-0.1) for token in ids}
        best = SimpleNamespace(token_ids=ids, finish_reason="stop", logprobs=[row])
        yield SimpleNamespace(outputs=[best], prompt_logprobs=None)


class FakeTokenizer:
    control_tokens = frozenset[str]()
    thinking = OWN

    async def prompts(self, requests: Sequence[GenerationRequest]) -> list[tuple[int, ...]]:
        return [(1, 2, 3) for _ in requests]

    def encode(self, text: str) -> tuple[int, ...]:
        return encode(text)


def on_vllm(request: GenerationRequest, thinks: str) -> tuple[Generation | Failure, FakeVLLM]:
    engine, fake = VLLMEngine("m"), FakeVLLM(encode(thinks))
    engine._engine, engine._tokenizer = fake, FakeTokenizer()  # type: ignore[assignment]
    (answer,) = asyncio.run(engine.generate([request]))
    return answer, fake


CODES = {"constraint": Constraint(choice=("A", "B")), "labels": ("A", "B")}


def test_vllm_thinks_without_a_grammar_and_answers_under_it() -> None:
    pytest.importorskip("vllm")
    request = asked(16, **CODES)
    answer, fake = on_vllm(request, "The answer is B</think>")
    assert isinstance(answer, Generation)
    (first, free), (second, bound) = fake.asked
    assert first == [1, 2, 3]
    assert (free.max_tokens, free.structured_outputs, free.allowed_token_ids) == (16, None, None)
    assert CLOSE in free.stop_token_ids
    assert second == [1, 2, 3, *encode("The answer is B\n</think>\n\n")]
    assert bound.allowed_token_ids == [*encode("AB")]
    assert (answer.text, answer.thinking, answer.thinking_cut) == ("A", "The answer is B", False)
    assert answer.usage == Usage(1, 3, 16 + 1)


def test_vllm_answers_all_the_same_where_the_budget_cuts() -> None:
    pytest.importorskip("vllm")
    answer, fake = on_vllm(asked(4, **CODES), "The answer is B</think>")
    assert isinstance(answer, Generation)
    assert (answer.text, answer.thinking, answer.thinking_cut) == ("A", "The ", True)
    assert fake.asked[1][0] == [1, 2, 3, *encode("The \n</think>\n\n")]


def test_vllm_without_a_budget_does_as_ever() -> None:
    pytest.importorskip("vllm")
    answer, fake = on_vllm(asked(0, **CODES), "x")
    assert isinstance(answer, Generation)
    assert [ids for ids, _ in fake.asked] == [[1, 2, 3]]
    assert (answer.thinking, answer.thinking_cut) == ("", False)


# --- scripted --------------------------------------------------------------------------------


def thinker(said: str) -> tuple[ScriptedEngine, list[GenerationRequest]]:
    seen: list[GenerationRequest] = []

    def respond(request: GenerationRequest) -> str:
        seen.append(request)
        return "A"

    return ScriptedEngine(respond, think=lambda request: said), seen


@pytest.mark.parametrize(
    ("budget", "thinking", "cut"),
    [(0, "", False), (16, "0123456789abcdef", True), (20, "0123456789abcdefghij", True),
     (21, "0123456789abcdefghij", False), (256, "0123456789abcdefghij", False)],
)  # fmt: skip
async def test_a_scripted_thinking_keeps_its_budget(budget: int, thinking: str, cut: bool) -> None:
    engine, seen = thinker("0123456789abcdefghij</think>more")
    (answer,) = await engine.generate([asked(budget)])
    assert isinstance(answer, Generation)
    assert (answer.text, answer.thinking, answer.thinking_cut) == ("A", thinking, cut)
    assert answer.usage.completion_tokens == min(budget, len(thinking) + 1)
    assert seen[0].prefix == (f"<think>\n{thinking}\n</think>\n\n" if budget else "")


async def test_a_scripted_context_holds_the_thinking_too() -> None:
    engine = ScriptedEngine(lambda request: "A", context_tokens=30)
    fits, long = await engine.generate([asked(16), asked(17)])
    assert isinstance(fits, Generation)
    assert isinstance(long, Failure)
    assert long.kind == "overflow"
