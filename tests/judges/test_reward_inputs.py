from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from judge.engines.reward_styles import REFERENCE, reference_at
from judge.judges.reward_inputs import reward_messages
from judge.types import Message, Response

turns = st.lists(
    st.builds(
        Message,
        st.sampled_from(["system", "user", "assistant", "tool"]),
        st.text(max_size=8),
        st.sampled_from([None, "ada", REFERENCE]),
        st.lists(st.text(min_size=1, max_size=8), max_size=2).map(tuple),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
texts = st.one_of(st.text(max_size=8), turns)


def test_a_question_and_its_answer_are_two_turns() -> None:
    assert reward_messages("Q", Response("A")) == (Message("user", "Q"), Message("assistant", "A"))


def test_the_reference_stands_right_before_the_response() -> None:
    prompt = (Message("system", "S"), Message("user", "Q"))
    assert reward_messages(prompt, Response("A"), "R") == (
        *prompt,
        Message("assistant", "R", REFERENCE),
        Message("assistant", "A"),
    )


def test_tool_calls_become_lines_of_their_turn() -> None:
    asked = Message("assistant", "I look.", tool_calls=('find("x")', "read(1)"))
    only = Message("assistant", "", tool_calls=("stop()",))
    shown = reward_messages("Q", Response((asked, Message("tool", "found", "find"), only)))
    assert shown[1:] == (
        Message("assistant", 'I look.\nfind("x")\nread(1)'),
        Message("tool", "found"),
        Message("assistant", "stop()"),
    )


@given(texts, texts, st.one_of(st.none(), st.text(max_size=8)))
def test_only_our_own_turn_is_named(
    prompt: str | tuple[Message, ...], text: str | tuple[Message, ...], reference: str | None
) -> None:
    """Whatever names the turns of a row have, none is taken for the reference."""
    shown = reward_messages(prompt, Response(text), reference)
    before = 1 if isinstance(prompt, str) else len(prompt)
    after = 1 if isinstance(text, str) else len(text)
    assert reference_at(shown) == (None if reference is None else before)
    assert len(shown) == before + (reference is not None) + after
    assert [turn.name for turn in shown].count(None) == before + after
