import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.adapters.batches import batch_of, read_rows, share_rewards
from judge.adapters.ranks import Ranks
from judge.errors import AdapterError, ConfigError, JudgeError
from judge.types import Message

CHAT = [{"role": "user", "content": "Hi"}]


def read(prompts, texts, **columns):
    return read_rows(prompts, texts, None, columns, same_prompt=True)


@given(
    size=st.integers(1, 4),
    prompts=st.integers(1, 6),
    cuts=st.lists(st.integers(0, 24), max_size=3),
)
def test_however_rows_are_spread_each_group_has_one_owner(size, prompts, cuts):
    """Prompts are all different; each text says which row it is."""
    total = size * prompts
    asked = [f"p{row // size}" for row in range(total)]
    edges = [0, *sorted(min(cut, total) for cut in cuts), total]
    slices = [slice(a, b) for a, b in itertools.pairwise(edges)]
    parts = [read(asked[s], [str(row) for row in range(total)][s]) for s in slices]
    owned = []
    for rank, own in enumerate(slices):
        batch = batch_of(parts, rank, (size,), "interleaved", "{size}")
        assert batch.rows == own
        owned += batch.own
        texts = [[r.text for r in group.responses] for group in batch.grouped.groups]
        assert batch.grouped.scatter(texts)[batch.rows] == [str(k) for k in range(total)][own]
    assert owned == list(range(prompts))


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("said", "said"),
        ([{"role": "assistant", "content": "said"}], "said"),
        ([{"role": "assistant", "content": None}], ""),
    ],
)
def test_one_plain_turn_is_its_text(completion, text):
    batch = batch_of([read([CHAT], [completion])], 0, (1,), "interleaved", "")
    assert batch.grouped.groups[0].responses[0].text == text


def test_a_call_of_a_tool_is_kept():
    calls = [{"function": {"name": "f", "arguments": "{}"}}]
    turns = [{"role": "assistant", "content": "", "tool_calls": calls}]
    batch = batch_of([read([CHAT], [turns])], 0, (1,), "interleaved", "")
    assert batch.grouped.groups[0].responses[0].text[0].tool_calls == ("f({})",)


@pytest.mark.parametrize(
    ("prompts", "sizes", "wanted"),
    [
        ("pppp", (4, 1), 4),
        ("pqrs", (4, 1), 1),
        ("ppqq", (4, 2), 2),
        ("pppp", (2, 4), 2),
        ("p", (4, 1), 1),
    ],
)
def test_the_first_size_that_fits(prompts, sizes, wanted):
    batch = batch_of([read(list(prompts), list(prompts))], 0, sizes, "interleaved", "")
    assert batch.size == wanted


def test_a_column_that_one_part_lacks():
    parts = [read(["p"], ["a"], reference=["r"]), read(["q"], ["b"])]
    groups = batch_of(parts, 0, (1,), "interleaved", "").grouped.groups
    assert [group.reference for group in groups] == ["r", None]


def test_rows_must_be_as_many_everywhere():
    with pytest.raises(AdapterError, match="2 prompts, 1 completions"):
        read(["p", "p"], ["a"])
    with pytest.raises(AdapterError, match="do to 2"):
        batch_of([read(["p"] * 3, ["a"] * 3)], 0, (2,), "interleaved", "do to {size}")


def test_rewards_are_shared_and_an_error_is_raised_everywhere(make_result):
    parts = [read(["p"], ["a"]), read(["q"], ["b"])]
    batches = [batch_of(parts, rank, (1,), "interleaved", "") for rank in range(2)]
    results = [make_result(batches[0].grouped.groups[rank], [float(rank)]) for rank in range(2)]

    def share(*given):
        """Both processes' calls, each with what the other hands over."""
        handed = [
            ({rank: one.rewards}, []) if not isinstance(one, JudgeError) else ({}, [str(one)])
            for rank, one in enumerate(given)
        ]
        told = []
        for rank, (batch, one) in enumerate(zip(batches, given, strict=True)):
            ranks = Ranks(rank, lambda item: handed)
            told.append(asyncio.run(caught(share_rewards(ranks, batch, [one]))))
        return told

    async def caught(work):
        try:
            return await work
        except JudgeError as error:
            return type(error), error.message

    assert share(*results) == [[result.rewards for result in results]] * 2
    assert share(results[0], ConfigError("no recipe")) == [
        (AdapterError, "process 1: no recipe"),
        (ConfigError, "no recipe"),
    ]


def test_a_completion_with_images_stays_a_turn():
    image = {"type": "image_url", "image_url": {"url": "https://a.org/1.png"}}
    turn = {"role": "assistant", "content": [{"type": "text", "text": "a"}, image]}
    rows = read(["p", "p"], [[turn], [{"role": "assistant", "content": "b"}]])
    groups = batch_of([rows], 0, (2,), "interleaved", "").grouped.groups
    first, second = groups[0].responses
    assert first.text == (Message("assistant", "a", images=("https://a.org/1.png",)),)
    assert second.text == "b"
