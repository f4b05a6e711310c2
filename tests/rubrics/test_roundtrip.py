"""Formatting and editing change what they mean to, and no other byte, of awkward files."""

import copy
import json
from difflib import SequenceMatcher

import pytest

from judge.errors import FileError
from judge.files import read_text
from judge.files.edit import rewrite
from judge.files.tidy import tidy
from judge.rubrics.files import RUBRICS
from judge.rubrics.save import format_rubric

AWKWARD = {
    "comments": "# c\n\n# d\na: 1 # one\n\n# more\nb:   # x\n  # before\n  - x # item\n\n  # mid\n"
    "  - y\n  # last\n# end of b\nc: {x: 1} # flow\n\n# end\n# end2",
    "quoting": "a: 'single ''quoted'''\nb: \"double \\n \\u00e9 \\\" \\x41\"\nc: plain, and:x\n"
    "d: 'yes'\n\"e k\": 'x # y'\n'f': \"a: b\"\n",
    "chomping": "a: |\n  one\n\nb: |-\n  two\nc: >\n  f\n  g\n\n  h\nd: >-\n  i\ne: >+\n  j\n\n"
    "# c\ng: |2\n    ind\n   x\nh: |1-\n  y\n",
    "kept line ends at the end": "a: 1\nb: |+ # x\n  x\n\n\n",
    "block texts in a list": "a:\n  - |\n    x\n    y\n  - >-\n    z\n  # c\n  - q\n",
    "flow": "a: { b : [ 1,2 , 3 ] , 'c': {d: e} }\nf: [{id: x,}, {id: y}, ]\ng: [\n  1, # c\n  2,\n"
    "\n  # d\n  3\n  ]\nh: {\n  x: 1, # c\n  y: 2\n}\n",
    "json": '{"a": 1, "b": [1, 2, {"c": "d"}],\n "e": "\\ud83d\\ude00"}\n',
    "indentation": "a:\n- id: x\n  v: 1\n-   id: y\n    v:\n          - 1\n          - 2\n"
    "b:\n          c: 1\n          d:\n           e: 2\n",
    "trailing spaces": "a: 1   \nb: x  # c  \nc:   \n  - 1 \n  - 2 \nd: 'a  '   \n   \ne: |\n"
    "  x  \n  \n  y\t\nf: plain  \n  cont   \n",
    "unicode": "ключ: значение # коммент\n日本: [語, \"é\"]\n\U0001f600: '\U0001f44d\U0001f3fd'\n"
    "nbsp: a\u00a0b\nzero: a\u200bb\nright: \u202eabc\nline: a\u2028b\n",
    "crlf": "# c\r\na: 1 # d\r\nb:\r\n  - x\r\n  - y\r\nc: |\r\n  t\r\n  u\r\nd: 1\r\n",
    "mixed line ends": "# c\r\na: 1 # d\nb:\r\n  - x\n  - y\r\n",
    "bom": "\ufeff# c\na: 1\nb: 2\n",
    "no line end at the end": "a: 1\nb:\n  - x # c",
    "document marks": "%YAML 1.2\n--- # c\na: 1\nb: [x]\n... # d\n# e\n",
    "empty values": "a:\nb: ~\nc: []\nd: {}\ne: ''\nf: \"\"\ng: [ ]\nh: # c\ni:\n  # c\n  - 1\n",
    "texts over lines": "a: some words\n  that go on\n\n  and on # c\nb: \"q\n  r\n\n  s\" # d\n"
    "c: 'q\n\n  r'\n",
    "blank lines": "\n\na: 1\n\n\n\nb: 2\n\n",
    "marks in words": "a: http://x.y/z\nb: a#b\nc: -1\n-d: 1\n?e: 2\n:f: 3\n",
}  # fmt: skip
AWKWARD |= {
    f"bundled {path.stem}": path.read_text(encoding="utf-8")
    for path in sorted(RUBRICS.bundled.glob("general/helpfulness.yaml"))
}
REFUSED = {
    "shared by an alias": ("a: &x {b: 1}\nc: *x\n", ("a", "b")),
    "shared text": ("a: &x text\nb: *x\n", ("a",)),
    "lone carriage returns": ("a: 1\rb:\r  - x\r  - y\r", ("b", 0)),
    "list in a list": ("a:\n  - - 1\n    - 2\n", ("a", 0, 0)),
}
"""What is refused: changing the first two, deleting from the others; a person must do it."""


def same(one, two):
    return json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)


def trails(data, path=()):
    parts = data.items() if isinstance(data, dict) else enumerate(data)
    for step, value in parts:
        yield (*path, step), value
        if isinstance(value, dict | list):
            yield from trails(value, (*path, step))


def changed(data, path, *new):
    """The data with the value at a path replaced, or deleted without a new one."""
    data = copy.deepcopy(data)
    part = data
    for step in path[:-1]:
        part = part[step]
    if new:
        part[path[-1]] = new[0]
    else:
        del part[path[-1]]
    return data


def hunks(old, new):
    matcher = SequenceMatcher(None, old.splitlines(True), new.splitlines(True), autojunk=False)
    return [step for step in matcher.get_opcodes() if step[0] != "equal"]


VALUES = [
    (name, path)
    for name, text in AWKWARD.items()
    for path, value in trails(read_text(text).data())
    if not isinstance(value, dict | list)
]
PARTS = [
    (name, path) for name, text in AWKWARD.items() for path, _ in trails(read_text(text).data())
]


def test_there_is_much_to_change():
    assert len(VALUES) > 120


@pytest.mark.parametrize("name", AWKWARD)
def test_saving_the_same_changes_no_byte(name):
    text = AWKWARD[name]
    assert rewrite(text, read_text(text).data()) == text


@pytest.mark.parametrize("name", AWKWARD)
def test_format_changes_white_space_alone_and_once(name):
    text = AWKWARD[name]
    tidied = format_rubric(text)
    assert same(read_text(tidied).data(), read_text(text).data())
    assert format_rubric(tidied) == tidied
    body = tidied.removeprefix(format_rubric("a: 1\n").removesuffix("a: 1\n"))
    assert "".join(body.split()) == "".join(text.removeprefix("\ufeff").split())


def test_format_takes_white_space_at_line_ends_unless_it_is_content():
    assert tidy(AWKWARD["trailing spaces"]) == (
        "a: 1\nb: x  # c\nc:\n  - 1\n  - 2\nd: 'a  '\n\ne: |\n  x  \n  \n  y\t\nf: plain  \n"
        "  cont\n"
    )


@pytest.mark.parametrize("name", AWKWARD)
def test_changing_one_value_touches_one_place(name):
    text = AWKWARD[name]
    data = read_text(text).data()
    comments = [line[line.index("#") :].rstrip() for line in text.splitlines() if " #" in line]
    for path in (path for owner, path in VALUES if owner == name):
        if path[-1] in ("id", "name") and len(path) > 1:
            continue  # another name is another criterion
        for new in ("changed", 5, "two\nlines", None):
            wanted = changed(data, path, new)
            out = rewrite(text, wanted)
            assert same(read_text(out).data(), wanted), path
            assert len(hunks(text, out)) <= 1, (path, new)
            if name != "quoting":
                assert all(comment in out for comment in comments), (path, new)
            assert ("\r\n" in out) is ("\r\n" in text)


@pytest.mark.parametrize("name", AWKWARD)
def test_deleting_one_part_leaves_the_others(name):
    text = AWKWARD[name]
    data = read_text(text).data()
    for path in (path for owner, path in PARTS if owner == name):
        wanted = changed(data, path)
        out = rewrite(text, wanted)
        assert same(read_text(out).data(), wanted), path
        gone = hunks(text, out)
        assert len(gone) <= 2, path
        kept = "".join(out.split())
        for line in text.splitlines():
            if line.startswith("#"):
                assert "".join(line.split()) in kept, path


@pytest.mark.parametrize("name", AWKWARD)
def test_adding_a_key_and_taking_it_away_restores_the_file(name):
    text = AWKWARD[name]
    data = read_text(text).data()
    longer = rewrite(text, {**data, "zz": "w"})
    assert same(read_text(longer).data(), {**data, "zz": "w"})
    back = rewrite(longer, data)
    assert back.removesuffix("\n") == text.removesuffix("\n")


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_changed_safely_is_refused(name):
    text, path = REFUSED[name]
    data = read_text(text).data()
    new = ("z",) if "shared" in name else ()
    with pytest.raises(FileError, match="cannot be made"):
        rewrite(text, changed(data, path, *new))


FLOW = "g: [\n  1, # one\n  2, # two\n  # about three\n  3 # three\n]\n"


@pytest.mark.parametrize(
    ("items", "lines"),
    [
        ([1, 2, 3, 4], ["  1, # one", "  2, # two", "  # about three", "  3, 4 # three"]),
        ([0, 1, 2, 3], ["  0, 1, # one", "  2, # two", "  # about three", "  3 # three"]),
        ([1, 9, 3], ["  1, # one", "  9, # two", "  # about three", "  3 # three"]),
        ([1, 3], ["  1, # one", "   # two", "  # about three", "  3 # three"]),
        ([1, 2], ["  1, # one", "  2 # two", "  # about three", " # three"]),
    ],
)
def test_comments_inside_brackets_stay(items, lines):
    assert rewrite(FLOW, {"g": items}).splitlines()[1:-1] == lines
