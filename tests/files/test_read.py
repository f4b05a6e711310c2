from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.errors import FileError, RubricError
from judge.files import read_file, read_text
from judge.files.read import MAX_BYTES, MAX_NODES


def place(text):
    with pytest.raises(FileError) as caught:
        read_text(text)
    return caught.value.line, caught.value.column, caught.value


def test_scalars_follow_yaml_1_2():
    first = "a: yes\nb: no\nc: on\nd: true\ne: 1_000\nf: 0o17\n"
    rest = "g: 1e3\nh: ~\ni:\nj: 2024-01-01\nk: 1.0.0\nl: 012"
    assert read_text(first + rest).data() == {
        "a": "yes", "b": "no", "c": "on", "d": True, "e": "1_000", "f": 15, "g": 1000.0, "h": None,
        "i": None, "j": "2024-01-01", "k": "1.0.0", "l": 12,
    }  # fmt: skip


def test_keys_are_text_whatever_they_look_like():
    assert read_text("yes: 1\n1: 2\ntrue: 3\n-1: 4").data() == {
        "yes": 1,
        "1": 2,
        "true": 3,
        "-1": 4,
    }


def test_places_count_characters_from_one_also_after_a_bom_and_in_crlf():
    root = read_text("\ufeffa: 1\r\nbé:\r\n  - {c: 2}\r\n")
    assert (root.child("a").place.line, root.child("a").place.column) == (1, 1)
    entry = root.find(("bé", 0, "c"))
    assert (entry.place.line, entry.place.column) == (3, 6)
    assert (entry.node.place.line, entry.node.place.column) == (3, 9)


def test_an_empty_value_is_right_after_its_colon_or_dash():
    root = read_text("a:   # note: x\n\nb:\n  - \n  - c:\nd: 1\n")
    places = [root.find(path).node.place for path in (("a",), ("b", 0), ("b", 1, "c"))]
    assert [(place.line, place.column) for place in places] == [(1, 3), (4, 4), (5, 7)]


def test_duplicate_key_is_reported_at_the_second_one():
    line, column, error = place("a: 1\nb:\n  c: 1\n  c: 2\n")
    assert (line, column) == (4, 3)
    assert "first on line 3" in str(error)


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("a: !!python/object:os.system x", 1, 4, "tags"),
        ("a: !!str 5", 1, 4, "tags"),
        ("!x {a: 1}", 1, 1, "tags"),
        ("a:\n  <<: {b: 1}", 2, 3, "merge keys"),
        ("a: *nothing", 1, 4, "unknown alias"),
        ("a: 1\n---\nb: 2", 2, 1, "second document"),
        ("? [a, b]\n: 1", 1, 3, "a key must be"),
        ("a: 99999999999999999999999", 1, 4, "digits"),
        ("a: x\x00y", 1, 5, "U+0000"),
        ("a: x\ud800", 1, 5, "U+D800"),
        ("a: Is it: a or b?", 1, 9, "mapping values"),
    ],
)
def test_refused_with_its_place(text, line, column, said):
    at_line, at_column, error = place(text)
    assert (at_line, at_column) == (line, column)
    assert said in error.message


def test_unquoted_colon_hints_at_quotes():
    assert "must be quoted" in place("a: Is it: a or b?")[2].hint


def test_tab_indentation_is_an_error_with_its_line():
    line, _, error = place("a:\n\tb: 1")
    assert line == 2
    assert "tab" in f"{error.message} {error.hint}"


def test_billion_laughs_is_refused_before_it_expands():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12)
    )
    line, _, error = place(bomb)
    assert str(MAX_NODES) in error.message
    assert line < 8


def test_deep_nesting_is_refused():
    assert "deep" in place("a: " + "[" * 5000)[2].message
    assert "deep" in place("\n".join(" " * k + "a:" for k in range(200)))[2].message


def test_alias_shares_content():
    assert read_text("a: &x [1, 2]\nb: *x").data() == {"a": [1, 2], "b": [1, 2]}


def test_alias_inside_its_own_anchor_is_refused():
    assert "unknown alias" in place("a: &x [*x]")[2].message


def test_empty_file():
    assert "empty" in place("# only a comment\n")[2].message


def test_file_errors_carry_the_file_and_the_class(tmp_path):
    path = tmp_path / "big.yaml"
    path.write_bytes(b"a: 1\n" + b"#" * MAX_BYTES)
    with pytest.raises(RubricError, match="larger than") as caught:
        read_file(path, RubricError)
    assert caught.value.file == str(path)
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(RubricError, match="UTF-8") as caught:
        read_file(path, RubricError)
    assert caught.value.line == 2
    with pytest.raises(RubricError, match="cannot read"):
        read_file(tmp_path / "none.yaml", RubricError)


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab:-# \n\t[]{},&*!|>'\"?%@`\\\r\u2028\x85\x00~0.1<")))
def test_any_text_reads_or_is_a_file_error(text):
    with suppress(FileError):
        assert isinstance(read_text(text).content, str | int | float | list | dict | None)
