import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.adapters import TRL_CURE, group_rows
from judge.adapters.grouping import chunks
from judge.errors import AdapterError
from judge.types import Group, Message, Response

CHAT = [{"role": "user", "content": "Hi"}]


def texts(grouped):
    return [[response.text for response in group.responses] for group in grouped.groups]


def laid_out(groups, layout):
    """Lists of one item a response, by group, as the flat list of that layout."""
    if layout == "interleaved":
        return [item for group in groups for item in group]
    return [item for copies in zip(*groups, strict=True) for item in copies]


# --- where rows stand ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "rows", "wanted"),
    [
        ("interleaved", 6, [(0, 1), (2, 3), (4, 5)]),
        ("block", 6, [(0, 3), (1, 4), (2, 5)]),
        ("interleaved", 2, [(0, 1)]),
        ("block", 2, [(0, 1)]),
        ("interleaved", 0, []),
        ("block", 0, []),
    ],
)
def test_chunks(layout, rows, wanted):
    assert chunks(rows, 2, layout) == wanted


@pytest.mark.parametrize("layout", ["interleaved", "block"])
def test_a_group_of_one_is_a_row(layout):
    grouped = group_rows(["p", "q"], ["a", "b"], 1, layout=layout)
    assert texts(grouped) == [["a"], ["b"]]
    assert [group.prompt for group in grouped.groups] == ["p", "q"]


PROMPT = st.sampled_from(["p", "q", "é\ud800", CHAT, [{"role": "system", "content": "S"}, *CHAT]])


@given(
    prompts=st.lists(PROMPT, max_size=6),
    size=st.integers(1, 4),
    layout=st.sampled_from(["interleaved", "block"]),
    data=st.data(),
)
def test_there_and_back_again(prompts, size, layout, data):
    answers = [
        data.draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=size, max_size=size))
        for _ in prompts
    ]
    flat = laid_out(answers, layout)
    asked = laid_out([[prompt] * size for prompt in prompts], layout)
    grouped = group_rows(asked, flat, size, layout=layout)
    assert texts(grouped) == answers
    assert grouped.scatter(texts(grouped)) == flat
    numbers = [[f"{g}.{k}" for k in range(size)] for g in range(len(prompts))]
    assert grouped.scatter(numbers) == laid_out(numbers, layout)
    assert len({group.id for group in grouped.groups}) == len(prompts)
    told = [g.prompt if isinstance(g.prompt, str) else len(g.prompt) for g in grouped.groups]
    assert told == [prompt if isinstance(prompt, str) else len(prompt) for prompt in prompts]
    assert group_rows(asked, flat, size, layout=layout) == grouped


def test_what_comes_back_must_fit():
    grouped = group_rows(["p"] * 4, "abcd", 2)
    for items in ([[1, 2]], [[1, 2], [3]], [[1, 2], [3, 4], [5, 6]], []):
        with pytest.raises(AdapterError, match="items for groups of"):
            grouped.scatter(items)
    assert grouped.scatter([[1, None], [3, 4]]) == [1, None, 3, 4]


# --- straddling ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompts", "size", "said"),
    [
        (["p"] * 7, 4, "7 rows are not whole groups of 4"),
        (["p"] * 3, 4, "3 rows are not whole groups of 4"),
        (["p", "p", "q", "q", "q", "q", "r", "r"], 4, "rows 0 and 2 have different prompts"),
        (["p"] * 4 + ["q"] * 3 + ["r"], 4, "rows 4 and 7 have different prompts"),
        ([CHAT, [{"role": "user", "content": "Ho"}]], 2, "rows 0 and 1"),
        (["Hi", CHAT], 2, "rows 0 and 1"),
    ],
)
def test_groups_that_straddle_are_refused_and_the_cure_is_named(prompts, size, said):
    with pytest.raises(AdapterError, match=said) as caught:
        group_rows(prompts, ["a"] * len(prompts), size, cure=TRL_CURE)
    for setting in (
        "per_device_train_batch_size * steps_per_generation",
        f"num_generations ({size})",
    ):
        assert setting in caught.value.hint
    with pytest.raises(AdapterError, match=f"a multiple of {size} rows"):
        group_rows(prompts, ["a"] * len(prompts), size)


@pytest.mark.parametrize(
    ("layout", "other", "prompts"),
    [("interleaved", "block", list("pqpq")), ("block", "interleaved", list("ppqq"))],
)
def test_the_other_layout_is_named_where_it_fits(layout, other, prompts):
    with pytest.raises(AdapterError, match=f"the batch has the layout '{other}'"):
        group_rows(prompts, list("abcd"), 2, layout=layout)


def test_equal_prompts_in_a_row_are_two_groups():
    grouped = group_rows(["p"] * 4, ["a", "b", "c", "d"], 2)
    assert texts(grouped) == [["a", "b"], ["c", "d"]]


def test_prompts_are_compared_by_what_they_say():
    typed = [Message("user", "Hi")]
    padded = [{"role": "user", "content": "Hi", "tool_calls": None}]
    grouped = group_rows([CHAT, typed, padded], list("abc"), 3)
    assert grouped.groups[0].prompt == tuple(typed)


def test_prompts_of_environments_may_differ():
    grouped = group_rows(["p", "p'", "q", "q'"], list("abcd"), 2, same_prompt=False)
    assert [group.prompt for group in grouped.groups] == ["p", "q"]


# --- columns -------------------------------------------------------------------------------------


def test_columns_are_lists_by_row_or_one_value_for_all():
    grouped = group_rows(
        ["p", "q"] * 2,
        [Response("a", truncated=True), "b", [{"role": "assistant", "content": "c"}], "d"],
        2,
        layout="block",
        id=["x", 7, "x", 7],
        reference=["R", None] * 2,
        context="C",
        rubric=["general/honesty", json.dumps({"id": "i", "notes": None})] * 2,
        meta={"domain": ["maths", "law"] * 2, "step": 3, "tags": [["t"], []] * 2},
        attempt=2,
    )
    said = (Message("assistant", "c"),)
    assert grouped.groups == (
        Group(
            "x",
            "p",
            (Response("a", truncated=True), Response(said)),
            "R",
            "C",
            "general/honesty",
            attempt=2,
            meta={"domain": "maths", "step": 3, "tags": ["t"]},
        ),
        Group(
            "7",
            "q",
            (Response("b"), Response("d")),
            None,
            "C",
            {"id": "i", "notes": None},
            attempt=2,
            meta={"domain": "law", "step": 3, "tags": []},
        ),
    )


@pytest.mark.parametrize("name", ["id", "reference", "context", "rubric"])
def test_a_column_that_differs_within_a_group_is_an_error(name):
    with pytest.raises(AdapterError, match=f"rows 2 and 3 .* differ in column '{name}'"):
        group_rows(["p"] * 4, list("abcd"), 2, **{name: ["x", "x", "x", "y"]})


def test_so_it_is_in_meta():
    with pytest.raises(AdapterError, match="differ in column 'own'"):
        group_rows(["p"] * 2, list("ab"), 2, meta={"own": [1, 2]})


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((["p"], ["a", "b"], 1), {}, "1 prompts, 2 responses"),
        ((["p"], ["a"], 0), {}, "groups of 0"),
        ((["p"], ["a"], 1), {"layout": "striped"}, "layout 'striped'"),
        (([None], ["a"], 1), {}, "row 0: not a prompt"),
        (([[{"role": "user", "content": 1}]], ["a"], 1), {}, "row 0: not a prompt: .*string"),
        ((["p", "p"], ["a", None], 2), {}, "row 1: not a response"),
        ((["p", "p"], ["a", {"said": "b"}], 2), {}, "row 1: not a response"),
        ((["p"], ["a"], 1), {"reference": ["x", "y"]}, "'reference' has 2 values for 1 rows"),
    ],
)
def test_what_cannot_be_used_is_said(arguments, options, said):
    with pytest.raises(AdapterError, match=said):
        group_rows(*arguments, **options)


# --- ids -----------------------------------------------------------------------------------------


def test_ids_are_by_content_whatever_the_order_and_count_occurrences():
    ids = [g.id for g in group_rows(["p"] * 8, list("abbaabca"), 2).groups]
    first = Group.of("p", ["a", "b"]).id
    assert ids == [first, f"{first}#1", f"{first}#2", Group.of("p", ["a", "c"]).id]


def test_ids_of_the_callers_own_that_look_like_ours_stay_apart():
    ids = [g.id for g in group_rows(["p"] * 3, list("abc"), 1, id=["x", "x", "x#1"]).groups]
    assert ids == ["x", "x#1#", "x#1"]
