from __future__ import annotations

import pytest

from judge.engines.reward_styles import polar_text
from judge.errors import RequestRefused
from judge.judges.reward_inputs import reward_messages
from judge.types import Message, Response

TURNS = (Message("user", "Q1"), Message("assistant", "A1"), Message("user", "Q2"))
TRAJECTORY = (Message("assistant", "look"), Message("tool", "found"), Message("assistant", "B"))


@pytest.mark.parametrize(
    ("prompt", "text", "shown"),
    [
        ("Q", "B", "Q\nR<|reward|>Q\nB[UNUSED_TOKEN_130]"),
        (TURNS, "B", "Q1\nA1\nQ2\nR<|reward|>Q1\nA1\nQ2\nB[UNUSED_TOKEN_130]"),
        ("Q", TRAJECTORY, "Q\nR<|reward|>Q\nlook\nfound\nB[UNUSED_TOKEN_130]"),
    ],
)
def test_polars_format(
    prompt: str | tuple[Message, ...], text: str | tuple[Message, ...], shown: str
) -> None:
    """As `RewardModelClient._encode` of POLAR's authors joins them (wrapper "sft")."""
    assert polar_text(reward_messages(prompt, Response(text), "R")) == shown


def test_a_prompt_that_ends_with_the_assistant_stays_the_prompt() -> None:
    prompt = (Message("user", "Q"), Message("assistant", "half"))
    shown = polar_text(reward_messages(prompt, Response("B"), "R"))
    assert shown == "Q\nhalf\nR<|reward|>Q\nhalf\nB[UNUSED_TOKEN_130]"


@pytest.mark.parametrize(
    "messages",
    [
        reward_messages("Q", Response("B")),
        reward_messages((), Response("B"), "R"),
        reward_messages("Q", Response(()), "R"),
        (),
    ],
)
def test_what_lacks_a_part_is_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(RequestRefused, match="a reference and a response"):
        polar_text(messages)
