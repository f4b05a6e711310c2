import pytest

from judge.challenge.steps import dropped_steps

ASKED = "How do I make tea?"
INTRO = "Follow these steps:\n\n"
LIST = "1. Boil water.\n   Use a pot.\n2. Add the tea.\n\n3. Wait.\n4. Strain it.\n\nThat is all."
TEXT = INTRO + LIST


def test_a_step_inside_is_left_out_and_later_ones_move_up(changed):
    assert changed(dropped_steps, TEXT, ASKED) == [
        f"{INTRO}1. Boil water.\n   Use a pot.\n2. Wait.\n3. Strain it.\n\nThat is all.",
        f"{INTRO}1. Boil water.\n   Use a pot.\n2. Add the tea.\n\n3. Strain it.\n\nThat is all.",
    ]


def test_a_list_that_says_then_is_one_of_steps(changed):
    text = LIST.replace("Add", "Then add").replace("Strain it", "Strain it after that")
    assert changed(dropped_steps, text, ASKED)
    assert changed(dropped_steps, LIST, ASKED) == []


@pytest.mark.parametrize("form", ["{}. ", "{}) ", "Step {}: ", "**{}. ", "**Step {}: "])
def test_lists_of_every_form_and_length_keep_counting(changed, form):
    for length in range(4, 13):
        lines = [f"{form.format(k)}do {'x' * k}" for k in range(1, length + 1)]
        made = changed(dropped_steps, "\n".join(["The steps are", *lines]), ASKED)
        assert len(made) == length - 2
        for dropped, text in enumerate(made, 2):
            kept = [k for k in range(1, length + 1) if k != dropped]
            assert text.split("\n")[1:] == [
                f"{form.format(at)}do {'x' * k}" for at, k in enumerate(kept, 1)
            ]


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        (TEXT, "What are the best ways to make tea?"),
        (TEXT, "Tell me of tea."),
        ("Here are some steps:\n" + LIST, ASKED),
        (INTRO + "1. Pot: a big one.\n2. Tea: a lot.\n3. Water: all.\n4. Wait.", ASKED),
        (TEXT.replace("That is all", "Go back to step 2"), ASKED),
        (TEXT.replace("4. Strain it.\n", ""), ASKED),
        (TEXT.replace("3. ", "5. "), ASKED),
        (TEXT + "\n1. One more.", ASKED),
        (
            TEXT.replace("2. Add", "2. Optionally, add").replace("3. Wait", "3. If needed, wait"),
            ASKED,
        ),
        (f"```\n{TEXT}\n```", ASKED),
        (TEXT.replace("Strain it", "Run `strain`"), ASKED),
    ],
)
def test_lists_that_can_do_without_an_item_are_left_alone(changed, text, prompt):
    assert changed(dropped_steps, text, prompt) == []
