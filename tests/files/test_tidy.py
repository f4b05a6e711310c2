import pytest

from judge.errors import RubricError
from judge.files import read_text
from judge.files.tidy import tidy


def test_white_space_and_line_ends():
    text = "\ufeffa: 1  \r\n# note \t\r\nb: [1,   2]\r\n\r\n\r\n"
    assert tidy(text) == "a: 1\n# note\nb: [1,   2]\n"


def test_white_space_inside_a_text_is_content():
    text = 'a: |\n  two  \n  lines \nb: "x  \n\n  y"\nc: >-\n  p \n  q\n'
    assert tidy(text) == text


def test_kept_line_ends_of_a_last_text_stay():
    text = "a: |+\n  x\n\n\n"
    assert tidy(text) == text
    assert read_text(tidy(text)).data() == {"a": "x\n\n\n"}


def test_first_line_is_added_once():
    once = tidy("a: 1\n", first_line="# lang: $schema=s.json")
    assert once == "# lang: $schema=s.json\na: 1\n"
    assert tidy(once, first_line="# lang: $schema=other.json") == once


def test_tidying_twice_changes_nothing_more():
    text = "# c  \na:   \n  - x   # y  \n\n\n"
    assert tidy(tidy(text)) == tidy(text)


def test_broken_file_is_an_error_of_the_given_class():
    with pytest.raises(RubricError) as caught:
        tidy("a: b: c", file="f.yaml", error=RubricError)
    assert caught.value.file == "f.yaml"
