from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.report.figures.svg import LETTER, box, clean, drawing, label, shortened, tag, words


@given(st.text(), st.text())
def test_whatever_is_drawn_is_xml_and_keeps_its_text(title, said):
    parts = [words(1.0, 2.0, said), box(0.0, 0.0, 1.0, 1.0, "fill-a", said), label(0, 0, said, 40)]
    svg = drawing(title, said, 10.0, parts)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.find("{*}text").text in (None, said.replace("\r", "\n")) or clean(said) != said
    assert root.get("aria-label")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "</svg>", '"x" onload="y"', "a & b"])
def test_texts_are_escaped_inside_and_in_attributes(text):
    svg = tag("g", words(0.0, 0.0, text), data_name=text)
    root = ElementTree.fromstring(svg)
    assert [child.tag for child in root] == ["text"]
    assert list(root.attrib) == ["data-name"]
    assert root.get("data-name") == root[0].text == text


@given(st.text(), st.floats(0.0, 300.0))
def test_a_shortened_text_fits_and_is_whole_where_there_is_room(text, room):
    short = shortened(text, room)
    assert len(short) * LETTER <= room + LETTER
    if 2 * len(text) * LETTER <= room:
        assert short == " ".join(text.split())


def test_a_shortened_text_keeps_both_ends():
    short = shortened("a-model-with-a-long-name-70b", 100.0)
    assert short.startswith("a-model")
    assert short.endswith("70b")
    assert "\u2026" in short


def test_wide_letters_take_twice_the_room():
    assert len(shortened("\u65e5" * 30, 67.0)) < len(shortened("a" * 30, 67.0))


def test_numbers_in_attributes_are_short():
    assert tag("rect", x=1 / 3, y=2.0, rx=None) == '<rect x="0.33" y="2"></rect>'


@pytest.mark.parametrize("code", [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0, 0x1B, 0xD800])
def test_a_text_can_neither_break_the_page_nor_turn_what_follows(code):
    assert clean(f"a{chr(code)}b") == "a\ufffdb"


def test_all_languages_stay_as_they_are():
    text = "\u0633\u0644\u0627\u0645 \u05e9\u05dc\u05d5\u200f \u65e5\u672c \U0001f600\tand\nlines"
    assert clean(text) == text
