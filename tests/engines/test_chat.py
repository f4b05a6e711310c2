from __future__ import annotations

import copy
from typing import Any

import pytest

from judge.engines.chat import NEXT_TURN, ChatTokenizer
from judge.errors import ConfigError, RequestRefused
from judge.types import GenerationRequest, Message, Sampling

pytest.importorskip("transformers")

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


def _with_template(hf: Any, template: str | None) -> Any:
    other = copy.deepcopy(hf)
    other.chat_template = template
    return other


def _asked(*messages: Message, **fields: Any) -> GenerationRequest:
    return GenerationRequest("r", messages, **fields)


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
