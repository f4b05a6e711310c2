import re

import pytest

from judge.challenge.names import FIRST, SECOND, bundled_names, citations, names


def test_a_name_gives_way_to_another_of_its_kind(changed):
    text = "The capital of France is Paris."
    made = changed(names, text)
    assert len(made) == 2
    kinds = bundled_names()
    country, city = (re.fullmatch(r"The capital of (.+) is (.+)\.", one).groups() for one in made)
    assert country[0] in kinds["country"]
    assert country[1] == "Paris"
    assert city[0] == "France"
    assert city[1] in kinds["city"]
    assert text not in made


@pytest.mark.parametrize(
    ("text", "prompt", "known", "number"),
    [
        ("Paris is a pleasant place.", "Where to?", "", 0),
        ("Paris is a pleasant place.", "How is Paris?", "", 1),
        ("Paris is a pleasant place.", "Where to?", "It is Paris.", 1),
        ("Albert Einstein was born in a town.", "Who?", "", 1),
        ("France and Spain won it.", "Who?", "", 0),
        ("The capital is New Berlin.", "Where?", "", 0),
        ("The capital is Berlin Brandenburg.", "Where?", "", 0),
        ("The largest is a Paris hotel.", "Where?", "", 0),
        ("The largest is Paris-based.", "Where?", "", 0),
        ("The largest is Paris, Texas.", "Where?", "", 0),
        ("Countries such as France won it first.", "Who?", "", 0),
        ("The capital is `Paris`.", "Where?", "", 0),
        ("The capital is Paris.", "Translate: die Hauptstadt ist Paris.", "", 0),
    ],
)
def test_only_what_is_claimed_or_asked_about(changed, text, prompt, known, number):
    assert len(changed(names, text, prompt, known=known)) == number


def test_the_other_name_occurs_nowhere(changed):
    cities = bundled_names()["city"]
    for seed in range(20):
        prompt, known = " ".join(cities[:20]), " ".join(cities[20:-1])
        (made,) = changed(names, f"The capital is {cities[3]}.", prompt, seed, known)
        assert made == f"The capital is {cities[-1]}."


def test_no_name_stands_in_two_kinds():
    every = [name for kind in bundled_names().values() for name in kind]
    assert len(every) == len(set(every))
    assert min(map(len, bundled_names().values())) >= 4


def test_a_source_is_invented_behind_a_statement(changed):
    text = "The heart of a blue whale weighs hundreds of kilograms. It is large."
    (made,) = changed(citations, text)
    form = rf" \(({'|'.join(FIRST)}) & ({'|'.join(SECOND)}), (?:199[4-9]|20[01]\d|202[01])\)"
    assert re.sub(form, "", made) == text
    assert re.search(rf"kilograms{form}\. It", made)


def test_authors_that_are_named_anywhere_are_not_taken(changed):
    text = "The heart of a blue whale weighs hundreds of kilograms."
    for seed in range(20):
        (made,) = changed(citations, text, " ".join(FIRST[1:]), seed, " ".join(SECOND[:-1]))
        assert f"({FIRST[0]} & {SECOND[-1]}, " in made
    assert changed(citations, text, " ".join(FIRST)) == []


@pytest.mark.parametrize(
    "text",
    [
        "The heart is large and red.",
        "You should know that the heart of a whale is large and red.",
        "The heart of a large blue whale (an animal) is large and red.",
        "Is the heart of a large blue whale heavy and red?",
    ],
)
def test_what_needs_no_source_gets_none(changed, text):
    assert changed(citations, text) == []
