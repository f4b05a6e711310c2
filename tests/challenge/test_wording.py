import pytest

from judge.challenge.wording import causes, negations


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("The sky is blue.", "The sky is not blue."),
        ("Plants can make sugar.", "Plants cannot make sugar."),
        ("A virus cannot reproduce alone.", "A virus can reproduce alone."),
        ("The plant does not need soil.", "The plant does need soil."),
        ("The plant isn't a fungus.", "The plant is a fungus."),
        ("- The payment must arrive by Friday.", "- The payment must not arrive by Friday."),
    ],
)
def test_a_plain_statement_is_turned_round(changed, text, made):
    assert changed(negations, text) == [made]


@pytest.mark.parametrize(
    "text",
    [
        "Is the sky blue?",
        "The sky is often blue.",
        "All planets are round.",
        "It is false to say so.",
        "The sky is not only blue.",
        "The sky is blue and the sea is green.",
        "The sky is blue because light scatters.",
        "I am sure the sky is blue.",
        "The `sky` is blue.",
        "The sky isn't blue and is never green.",
        "the sky is blue.",
        "The sky is blue",
        "If the sky is blue, go.",
        "There is a sky.",
        "The way is to go.",
        "The sky is mostly blue.",
    ],
)
def test_what_a_negation_may_not_reach_is_left_alone(changed, text):
    assert changed(negations, text) == []


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (
            "The heat causes evaporation.",
            "Evaporation causes the heat.",
        ),
        (
            "Cheap loans lead to price bubbles. We know cheap loans.",
            "Price bubbles lead to cheap loans. We know cheap loans.",
        ),
    ],
)
def test_cause_and_effect_are_exchanged(changed, text, made):
    assert changed(causes, text) == [made]


@pytest.mark.parametrize(
    "text",
    [
        "Germany produces steel.",  # is Germany written small?
        "It causes evaporation.",
        "The heat causes headaches.",  # headaches causes
        "The heat causes evaporation and rain.",
        "The heat often causes evaporation.",
        "The heat causes the water to rise.",
        "The heat may cause evaporation.",
        "The heat causes evaporation, as is known.",
        "`The heat causes evaporation.`",
    ],
)
def test_what_might_not_fit_the_other_way_is_left_alone(changed, text):
    assert changed(causes, text) == []
