import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.challenge.prose import HEDGED, Good

SNIPPETS = [
    "```python\nx = 5 km\nIt is 5 km.\n```",
    "~~~\nIt is 5 km.\n~~~",
    "```\nIt is 5 km. It never ends.",
    "`It is 5 km.`",
    "``It is `5` km.``",
    "    It is 5 km.",
    "\tIt is 5 km.",
    "> It is 5 km.",
    "## It is 5 km.",
    "| It is 5 km. |",
    "https://a.org/in/1999/5%20km.",
    "www.is-it-5.km.",
    "<b title='It is 5 km.'>",
    "[link](</It is 5 km.>)",
    "me.is.5@km.example.",
    "example.com/is/5",
    "/usr/is/5/km.txt",
    r"\(It is 5 km.\)",
    r"\[It is 5 km.\]",
    "$$It is\n5 km.$$",
    "$It is 5 km.$",
    '"It is 5 km."',
    "\u201cIt is 5 km.\u201d",
]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_what_is_no_prose_is_protected(snippet):
    text = f"The sky is blue.\n{snippet}"
    good = Good(text, "")
    at = text.index(snippet)
    inside = [place for place in range(at, len(text)) if "5" in text[place]]
    assert inside
    assert not any(good.is_free(place, place + 1) for place in inside)
    assert [one.text for one in good.sentences] == ["The sky is blue."]


def test_sentences_are_whole_and_say_where_they_stand():
    text = (
        "The sky is blue. Dr. Lee was there. Is it? The sea is not.\n- The sun is hot.\n"
        "1. **Water is wet.** the end is near. Around noon the light is best. No end"
    )
    good = Good(text, "")
    assert [one.text for one in good.sentences] == [
        "The sky is blue.",
        "The sea is not.",
        "The sun is hot.",
    ]
    for one in good.sentences:
        assert text[one.start : one.end] == one.text


@pytest.mark.parametrize("word", ["about", "e.g.", "could", "such as", "~", "up to", "or", "if"])
def test_hedges_are_seen(word):
    assert HEDGED.search(f"It takes {word} 5 hours.")
    assert not HEDGED.search("It takes the oracle 5 hours on the aboutface.")


@pytest.mark.parametrize(
    ("text", "prompt", "checkable"),
    [
        ("The capital of France is Paris.", "What is it?", True),
        ("The capital of France is Paris.", "Write a poem about it.", False),
        ("The capital of France is Paris.", "Suggest a city.", False),
        ("The capital of France is Paris.", "Tell me something false.", False),
        ("Die Hauptstadt von Frankreich heisst Paris.", "Was?", False),
        ("", "What is it?", False),
    ],
)
def test_rules_apply_to_english_prose_that_was_not_to_be_invented(text, prompt, checkable):
    assert Good(text, prompt).is_checkable is checkable


@settings(deadline=None)
@given(st.text(alphabet='ab.A `~$\\()[]<>"/:@#>|\n\t5', max_size=300))
def test_any_text_can_be_read(text):
    good = Good(text, "")
    for start, end in good.protected:
        assert 0 <= start < end <= len(text)
    for one in good.sentences:
        assert text[one.start : one.end] == one.text
        assert good.is_free(one.start, one.end)
