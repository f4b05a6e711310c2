from __future__ import annotations

import asyncio
import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.engines.base import (
    NEXT_TURN,
    ChatTokenizer,
    Stall,
    check_room,
    check_scored,
    failed,
    label_tokens,
    numbers,
    sendable,
    token_texts,
    until_stop,
)
from judge.engines.embedded import pull
from judge.errors import ConfigError, ContextOverflow, EngineTimeout, RequestRefused
from judge.types import GenerationRequest, Message, Sampling

transformers = pytest.importorskip("transformers")

NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
    "{% endif %}{% if m.role == 'tool' %}{{ raise_exception('no tools') }}{% endif %}"
    "[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
)
SYSTEM_DROPPED = (
    "{% for m in messages if m.role != 'system' %}[{{ m.role }}]{{ m.content }}{% endfor %}"
)

SWITCHED = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n"
    "{% endif %}"
)
"""As Qwen3's template has it."""
ALWAYS = NO_SYSTEM + "{{ '<think>\n' }}"
"""As DeepSeek-R1's."""
NAMED = "{% if thinking %}(at length){% endif %}" + NO_SYSTEM
"""As DeepSeek-V3.1's."""
SHUT = "[user]U[assistant]<think>\n\n</think>\n\n"


@pytest.fixture(scope="module")
def hf() -> Any:
    return transformers.AutoTokenizer.from_pretrained(pull())


@pytest.fixture(scope="module")
def chat(hf: Any) -> ChatTokenizer:
    return ChatTokenizer(hf)


def _with_template(hf: Any, template: str | None) -> Any:
    other = copy.deepcopy(hf)
    other.chat_template = template
    return other


def _asked(*messages: Message, **fields: Any) -> GenerationRequest:
    return GenerationRequest("r", messages, **fields)


def _bytes(text: str) -> tuple[int, ...]:
    return tuple(text.encode())


# --- failures --------------------------------------------------------------------------------


def test_a_failure_keeps_what_the_error_says() -> None:
    failure = failed(_asked(Message("user", "x")), EngineTimeout("too late"))
    assert (failure.stage, failure.kind, failure.message) == ("engine", "timeout", "too late")
    assert failure.retryable
    assert failure.call == "r"


def test_room_is_prompt_and_answer_together() -> None:
    check_room(90, 10, 100)
    check_room(10**9, 10, None)
    with pytest.raises(ContextOverflow, match=r"91 prompt tokens and 10 .* 100"):
        check_room(91, 10, 100)


def test_options_of_a_name_become_typed() -> None:
    options = {"a": "2", "b": "true", "c": "auto", "d": "0.5", "e": '{"x": 1}', "f": "012"}
    typed = {"a": 2, "b": True, "c": "auto", "d": 0.5, "e": {"x": 1}, "f": "012"}
    assert numbers(options) == typed


# --- text and tokens -------------------------------------------------------------------------


def test_label_tokens_are_those_after_the_marker() -> None:
    assert label_tokens(_bytes, 'x": ', ("1", "2")) == {"1": 49, "2": 50}
    with pytest.raises(RequestRefused, match="'10' after 'x'"):
        label_tokens(_bytes, "x", ("1", "10"))


def test_a_label_merged_with_its_marker_is_refused() -> None:
    merged = {"a": (1,), "ab": (2,)}
    with pytest.raises(RequestRefused, match="not one token"):
        label_tokens(merged.__getitem__, "a", ("b",))


def test_labels_of_the_embedded_tokenizer_are_tokens_of_their_own(chat: ChatTokenizer) -> None:
    for marker, labels in (('"overall": "', "ABC"), ('"a.b": ', "0123456789")):
        found = label_tokens(chat.encode, marker, tuple(labels))
        assert [chat.decode((token,)) for token in found.values()] == [*labels]
        assert len(set(found.values())) == len(labels)


@pytest.mark.parametrize(
    "text",
    ["plain text", "robot \U0001f916!", "\U0001f469\u200d\U0001f680 and é, 漢字", "\U0001f916"],
)
def test_pieces_spell_the_text_and_characters_stay_whole(chat: ChatTokenizer, text: str) -> None:
    ids = chat.encode(text)
    pieces = token_texts(chat.decode, ids)
    assert len(pieces) == len(ids)
    assert "".join(pieces) == text
    assert "\ufffd" not in "".join(pieces)


def test_a_character_belongs_to_the_last_of_its_tokens(chat: ChatTokenizer) -> None:
    pieces = token_texts(chat.decode, chat.encode("x\U0001f916y"))
    assert len(pieces) > 3, "the tokenizer was expected to split this character"
    assert [piece for piece in pieces if piece] == ["x", "\U0001f916", "y"]


def test_an_answer_cut_inside_a_character_keeps_its_place(chat: ChatTokenizer) -> None:
    ids = chat.encode("x\U0001f916")[:-1]
    pieces = token_texts(chat.decode, ids)
    assert "".join(pieces) == chat.decode(ids)
    assert pieces[0] == "x"


@settings(deadline=None, max_examples=200)
@given(text=st.text(max_size=40))
def test_pieces_spell_any_text(chat: ChatTokenizer, text: str) -> None:
    ids = chat.encode(text)
    assert "".join(token_texts(chat.decode, ids)) == chat.decode(ids)


@settings(deadline=None, max_examples=200)
@given(ids=st.lists(st.integers(min_value=17, max_value=49151), max_size=30))
def test_pieces_spell_any_tokens(chat: ChatTokenizer, ids: list[int]) -> None:
    pieces = token_texts(chat.decode, ids)
    assert len(pieces) == len(ids)
    assert "".join(pieces) == chat.decode(ids)


def test_pieces_of_a_tokenizer_that_drops_a_leading_space() -> None:
    words = ("▁the", "▁sky", "s", "▁is")

    def decode(ids: Any) -> str:
        return "".join(words[at] for at in ids).replace("▁", " ").removeprefix(" ")

    assert token_texts(decode, (0, 1, 2, 3)) == ("the", " sky", "s", " is")


@pytest.mark.parametrize(
    ("stop", "kept"),
    [
        ((), ("one", " two", " three")),
        (("four",), ("one", " two", " three")),
        (("wo th",), ("one", " t")),
        (("three", " two"), ("one",)),
        (("one",), ()),
    ],
)
def test_pieces_end_before_the_first_stop(stop: tuple[str, ...], kept: tuple[str, ...]) -> None:
    assert until_stop(("one", " two", " three"), stop) == kept


def test_lone_surrogates_are_replaced_and_nothing_else() -> None:
    assert sendable("a\ud800b") == "a?b"
    assert sendable("é 漢 \U0001f916\x00") == "é 漢 \U0001f916\x00"


# --- the chat tokenizer ----------------------------------------------------------------------


def test_no_chat_template_is_a_clear_error(hf: Any) -> None:
    with pytest.raises(ConfigError, match="no chat template"):
        ChatTokenizer(_with_template(hf, None))


def test_control_tokens_are_those_of_the_model(chat: ChatTokenizer) -> None:
    assert {"<|im_start|>", "<|im_end|>", "<|endoftext|>"} <= chat.control_tokens
    assert all(token.strip() for token in chat.control_tokens)


async def test_the_chat_template_is_applied_once(chat: ChatTokenizer, hf: Any) -> None:
    ask = (Message("system", "S"), Message("user", "U"))
    (ids,) = await chat.prompts([_asked(*ask)])
    said = "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n"
    assert hf.decode(ids) == said


@pytest.mark.parametrize(
    ("role", "opened"), [("assistant", "<|im_start|>assistant\n"), ("user", "<|im_start|>user\n")]
)
async def test_a_conversation_ends_where_the_next_turns_text_begins(
    chat: ChatTokenizer, hf: Any, role: Any, opened: str
) -> None:
    turns = (Message("system", "S"), Message("user", f"U{NEXT_TURN}"), Message("assistant", "A"))
    said = (
        f"<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU{NEXT_TURN}<|im_end|>\n"
        "<|im_start|>assistant\nA<|im_end|>\n"
    )
    assert hf.decode(await chat.chat_ids(turns, role)) == said + opened
    (asked,) = await chat.prompts([_asked(*turns)])
    assert await chat.chat_ids(turns) == asked


async def test_a_conversation_the_template_does_not_take_is_refused(hf: Any) -> None:
    chat = ChatTokenizer(_with_template(hf, NO_SYSTEM))
    for role in ("assistant", "user"):
        with pytest.raises(RequestRefused, match="chat template"):
            await chat.chat_ids((Message("user", "U"), Message("tool", "T")), role)
    mute = ChatTokenizer(_with_template(hf, "{{ messages[0].content }}"))
    with pytest.raises(RequestRefused, match="leaves out"):
        await mute.chat_ids((Message("user", "U"),), "user")


@pytest.mark.parametrize(("start", "refused"), [(None, 0), (1, 0), (2, 0), (0, 1), (3, 1), (-1, 1)])
def test_scores_begin_behind_the_first_token(start: int | None, refused: int) -> None:
    asked = GenerationRequest("r", token_ids=(1, 2, 3), score_from=start)
    with pytest.raises(RequestRefused) if refused else contextlib.nullcontext():
        check_scored(asked, 3)


async def test_a_prefix_follows_the_prompt(chat: ChatTokenizer) -> None:
    ask = _asked(Message("user", "U"))
    plain, led = await chat.prompts([ask, _asked(Message("user", "U"), prefix='{"a": ')])
    assert led == plain + chat.encode('{"a": ')


async def test_token_ids_pass_through(chat: ChatTokenizer) -> None:
    raw = GenerationRequest("r", token_ids=(5, 6, 7), prefix="x")
    asked = [raw, _asked(Message("user", "U"))]
    found = await chat.prompts(asked)
    assert found[0] == (5, 6, 7, *chat.encode("x"))
    assert found[1:] == await chat.prompts(asked[1:])


@pytest.mark.parametrize("template", [NO_SYSTEM, SYSTEM_DROPPED])
async def test_a_template_without_a_system_role_gets_it_in_the_first_turn(
    hf: Any, template: str
) -> None:
    chat = ChatTokenizer(_with_template(hf, template))
    (ids,) = await chat.prompts([_asked(Message("system", "S"), Message("user", "U"))])
    assert hf.decode(ids).startswith("[user]S\n\nU")


async def test_a_message_with_images_fails_alone(hf: Any) -> None:
    seen = Message("user", "U", images=("https://a.org/1.png",))
    good, bad = _asked(Message("user", "U")), _asked(Message("system", "S"), seen)
    for template in (NO_SYSTEM, None):
        chat = ChatTokenizer(_with_template(hf, template) if template else hf)
        found = await chat.prompts([good, bad, good])
        assert isinstance(found[1], RequestRefused)
        assert "takes no images" in found[1].message
        assert found[0] == found[2]
        with pytest.raises(RequestRefused, match="takes no images"):
            await chat.chat_ids(bad.messages or ())


async def test_a_message_the_template_refuses_fails_alone(hf: Any) -> None:
    chat = ChatTokenizer(_with_template(hf, NO_SYSTEM))
    good, bad = _asked(Message("user", "U")), _asked(Message("tool", "T"))
    found = await chat.prompts([good, bad, good])
    assert isinstance(found[1], RequestRefused)
    assert "no tools" in found[1].message
    assert found[0] == found[2]
    assert found[0]


@pytest.mark.parametrize(
    ("template", "thinks", "answers", "off"),
    [
        (SWITCHED, "[user]U[assistant]<think>\n", SHUT, True),
        (ALWAYS, "[user]U[assistant]<think>\n", SHUT, True),
        (NAMED, "(at length)[user]U[assistant]<think>\n", "[user]U[assistant]", False),
        (NO_SYSTEM, "[user]U[assistant]<think>\n", "[user]U[assistant]", False),
    ],
)
async def test_a_budget_opens_the_block_and_none_keeps_it_shut(
    hf: Any, template: str, thinks: str, answers: str, off: bool
) -> None:
    chat = ChatTokenizer(_with_template(hf, template))
    turn = Message("user", "U")
    long = Sampling(think_tokens=9)
    found = await chat.prompts([_asked(turn, sampling=long, prefix="{"), _asked(turn, prefix="{")])
    assert [hf.decode(ids) for ids in found] == [thinks, answers + "{"]
    assert chat.facts == ({"thinking": "off"} if off else {})
    # What a trained model's own answers are scored on stays the template's.
    assert hf.decode(await chat.chat_ids((turn,))) == ChatTokenizer.text(chat, (turn,))


async def test_token_ids_cannot_be_thought_about(chat: ChatTokenizer) -> None:
    raw = GenerationRequest("r", token_ids=(5, 6), sampling=Sampling(think_tokens=9))
    (found,) = await chat.prompts([raw])
    assert isinstance(found, RequestRefused)


async def test_a_lone_surrogate_does_not_stop_the_batch(chat: ChatTokenizer) -> None:
    texts = ["fine", "a\ud800b", "x" * 1_000_000]
    found = await chat.prompts([_asked(Message("user", text)) for text in texts])
    assert [len(ids) > 5 for ids in found if isinstance(ids, tuple)] == [True] * 3


# --- waiting ---------------------------------------------------------------------------------


def test_waiting_ends_with_the_last_task(virtually: Any) -> None:
    async def work() -> list[bool]:
        tasks = [asyncio.ensure_future(asyncio.sleep(s)) for s in (1.0, 5.0)]
        await Stall().wait(tasks, 30.0)
        return [task.done() for task in tasks]

    assert virtually(work()) == ([True, True], 5.0)


def test_waiting_ends_when_nothing_finishes(virtually: Any) -> None:
    async def work() -> bool:
        stuck = asyncio.ensure_future(asyncio.sleep(1000.0))
        await Stall().wait([stuck], 30.0)
        return stuck.cancel()  # False had it finished

    assert virtually(work()) == (True, 30.0)


def test_progress_anywhere_is_patience_everywhere(virtually: Any) -> None:
    async def work() -> bool:
        stall = Stall()

        async def other() -> None:
            for _ in range(4):
                await asyncio.sleep(20.0)
                stall.progress()

        slow = asyncio.ensure_future(asyncio.sleep(95.0))
        busy = asyncio.ensure_future(other())
        await stall.wait([slow], 30.0)
        await busy
        return slow.done()

    assert virtually(work()) == (True, 95.0)


def test_without_a_limit_waiting_is_endless(virtually: Any) -> None:
    async def work() -> None:
        await Stall().wait([asyncio.ensure_future(asyncio.sleep(1e6))], None)

    assert virtually(work()) == (None, 1e6)
