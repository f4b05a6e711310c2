"""A typo in any key of any rubric is reported exactly where it is."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.errors import RubricError
from judge.files import Node, read_text
from judge.rubrics import load_rubric, parse_rubric
from judge.rubrics.files import RUBRICS, _resolve

FREE = ("scale", "expect")
"""Keys under these are the author's own words."""


def keys(node: Node, path=()):
    """The place of every key that the format defines."""
    if isinstance(node.content, dict):
        for key, entry in node.content.items():
            if not (path and path[-1] in FREE) and not (len(path) > 1 and path[-2] == "scale"):
                yield key, entry, set(node.content)
            yield from keys(entry.node, (*path, key))
    elif isinstance(node.content, list):
        for index, item in enumerate(node.content):
            yield from keys(item, (*path, index))


TEXTS = {file.stem: file.read_text(encoding="utf-8") for file in RUBRICS.bundled.rglob("*.yaml")}
PLACES = [
    (name, key, entry, siblings)
    for name, text in TEXTS.items()
    for key, entry, siblings in keys(read_text(text))
]


def typos(key):
    """One letter dropped, doubled, swapped with the next or replaced."""
    for k in range(len(key)):
        yield key[:k] + key[k + 1 :]
        yield key[:k] + key[k] + key[k:]
        yield key[:k] + "x" + key[k + 1 :]
        if key[k : k + 1] != key[k + 1 : k + 2] and k + 1 < len(key):
            yield key[:k] + key[k + 1] + key[k] + key[k + 2 :]


def mutated(seed):
    """A bundled rubric with one key mistyped; every other one deep inside."""
    draw = random.Random(seed)
    name, key, entry, siblings = draw.choice(
        [place for place in PLACES if (place[2].place.column == 1) is (seed % 2 == 0)]
    )
    known = siblings | {"", "tags", "at"}
    wrong = draw.choice([typo for typo in typos(key) if typo not in known])
    text = TEXTS[name]
    return text[: entry.start] + wrong + text[entry.start + len(key) :], wrong, entry.place


@pytest.mark.parametrize("seed", range(50))
def test_typo_in_a_file_is_reported_at_its_line_and_column(put, seed):
    text, wrong, place = mutated(seed)
    path = put("mutated.yaml", text)
    with pytest.raises(RubricError) as caught:
        load_rubric(path)
    error = caught.value
    assert (error.file, error.line, error.column) == (str(path), place.line, place.column)
    assert repr(wrong) in error.message
    assert error.hint


def test_mutations_are_many_and_at_every_depth():
    found = [mutated(seed) for seed in range(50)]
    assert len({text for text, _, _ in found}) > 45
    assert {place.column for _, _, place in found} >= {1, 5}


def test_there_are_many_places_to_mistype():
    assert len(PLACES) > 300


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_typo_in_a_key_is_reported_at_the_key(data):
    name, key, entry, siblings = data.draw(st.sampled_from(PLACES))
    known = siblings | {"", "tags", "at"}
    wrong = data.draw(st.sampled_from([typo for typo in typos(key) if typo not in known]))
    text = TEXTS[name]
    broken = text[: entry.start] + wrong + text[entry.start + len(key) :]
    with pytest.raises(RubricError) as caught:
        _resolve(read_text(broken, file=name, error=RubricError), None, None, (), name)
    error = caught.value
    assert (error.file, error.line, error.column) == (name, entry.place.line, entry.place.column)
    assert repr(wrong) in error.message


@settings(deadline=None)
@given(st.data())
def test_typo_in_a_mapping_names_the_key(data):
    name, key, entry, siblings = data.draw(st.sampled_from(PLACES))
    wrong = data.draw(st.sampled_from([typo for typo in typos(key) if typo not in siblings | {""}]))
    text = TEXTS[name]
    broken = text[: entry.start] + wrong + text[entry.start + len(key) :]
    with pytest.raises(RubricError) as caught:
        parse_rubric(read_text(broken).data())
    assert f"{wrong}: " in caught.value.message
