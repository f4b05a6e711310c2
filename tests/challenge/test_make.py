from hypothesis import given, settings
from hypothesis import strategies as st

from judge.challenge.edit import Edit
from judge.challenge.make import RULES, challenge_pairs, edits_of
from judge.challenge.prose import Good
from judge.types import Group

ASKED = "How do I get from Paris to the river, and why?"
PROSE = [
    "The capital of France is Paris.",
    "The river is 1,250.5 km long.",
    "The bridge was opened to the public in 1969.",
    "The heat causes evaporation.",
    "It costs $25 in the town, at least on the coast.",
    "A virus cannot reproduce outside of a cell.",
    "The steps are\n1. Go to the bank.\n2. Take the bus.\n3. Cross it.\n4. Ask the mayor.",
    "The meeting is on March 3 in the hall.",
    "It is around 5 km, or more.",
]
OTHER = [
    "```\nThe river is 7 km long. The capital is Rome. In 1999, it fell.\n```",
    "`the sky is 5 km away`",
    "https://example.org/in/1999/the-sky-is-blue?km=5%20km",
    '"The sea is 5 km deep."',
    "$x = 5 km$",
]
TEXTS = st.lists(st.sampled_from([*PROSE, *OTHER]), min_size=1, max_size=8).map("\n\n".join)


def group_of(text, id="g", prompt=ASKED):
    return Group.of(prompt, [text], id=id)


@settings(deadline=None)
@given(TEXTS, st.integers(0, 1000))
def test_one_place_is_changed_and_only_in_prose(text, seed):
    found = edits_of(Good(text, ASKED), key="g", seed=seed)
    for edit in found.values():
        bad = edit.applied(text)
        assert text[edit.start : edit.end] == edit.before
        assert edit.before != edit.after
        assert bad != text
        assert bad.startswith(text[: edit.start])
        assert bad.endswith(text[edit.end :])
        assert len(bad) == len(text) + len(edit.after) - len(edit.before)
        for snippet in OTHER:
            assert bad.count(snippet) == text.count(snippet)
    assert found == edits_of(Good(text, ASKED), key="g", seed=seed)


@settings(deadline=None)
@given(st.text(max_size=400), st.text(max_size=80))
def test_any_text_gives_changes_or_none(text, prompt):
    for edit in edits_of(Good(text, prompt), key="g").values():
        assert edit.applied(text) != text


def test_every_phenomenon_is_met():
    assert set(edits_of(Good("\n\n".join(PROSE), ASKED), key="g")) == set(RULES)


def test_pairs_stand_for_the_good_one_on_either_side():
    groups = [group_of("\n\n".join(PROSE), id=f"g{k}") for k in range(30)]
    before = [group.responses[0].text for group in groups]
    rows = list(challenge_pairs(groups))
    assert [group.responses[0].text for group in groups] == before
    assert len(rows) == 30 * len(RULES)
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        good, bad = row["responses"][row["label"]], row["responses"][1 - row["label"]]
        edit, at = row["edit"], row["edit"]["at"]
        assert good == before[0]
        end = at + len(edit["before"])
        assert bad == good[:at] + edit["after"] + good[end:]
        assert row["id"] == f"{row['source']}/{row['phenomenon']}"
    labels = [row["label"] for row in rows]
    assert 0.35 < sum(labels) / len(labels) < 0.65


def test_the_seed_alone_decides():
    groups = [group_of("\n\n".join(PROSE), id=f"g{k}") for k in range(5)]
    first = list(challenge_pairs(groups, seed=1))
    assert first == list(challenge_pairs(groups, seed=1))
    assert first != list(challenge_pairs(groups, seed=2))
    alone = list(challenge_pairs(groups[3:4], only=["number"], seed=1))
    assert alone == [row for row in first if row["id"] == "g3/number"]


def test_draws_are_the_same_in_every_process():
    found = edits_of(Good("The river is 25 km in the town.", ASKED), key="g", seed=7)
    assert found == {
        "number": Edit(13, "25", "45"),
        "negation": Edit(10, "is", "is not"),
        "invented_citation": Edit(30, "", " (Marchetti & Castellan, 1996)"),
    }


def test_texts_that_come_twice_are_taken_once_and_ids_stay_apart():
    text, other = "The river is 25 km in the town.", "The river is 35 km in the town."
    groups = [group_of(text), group_of(text), group_of(other)]
    rows = list(challenge_pairs(groups, only=["number"]))
    assert len(rows) == 2
    assert rows[0]["id"] == "g/number"
    assert rows[1]["id"] != rows[0]["id"]


def test_chats_and_what_no_rule_fits_give_no_pair():
    chat = Group.of(ASKED, [[{"role": "assistant", "content": PROSE[1]}]])
    assert (
        list(challenge_pairs([chat, group_of("Yes."), group_of(PROSE[1], prompt="A poem!")])) == []
    )


def test_what_a_judge_needs_goes_along():
    group = Group.of(
        [{"role": "user", "content": ASKED}], [PROSE[1]], id="g", reference="r", context="c",
        rubric="demo/short",
    )  # fmt: skip
    (row, *_) = challenge_pairs([group], only=["number"])
    assert (row["reference"], row["context"], row["rubric"]) == ("r", "c", "demo/short")
    assert row["prompt"][0]["content"] == ASKED
