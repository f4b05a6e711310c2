import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.errors import FileError
from judge.files import emit, read_text
from judge.files.edit import rewrite, write_atomically

AWKWARD = {
    "comments everywhere": "# c\na: 1 # one\n\n# more\nb:   # x\n  - x # item\n  # last\n\n# end",
    "quoting": "a: 'single ''quoted'''\nb: \"double \\n \\u00e9\"\nc: plain, and:x\nd: 'yes'\n",
    "no indent in list": "a:\n- id: x\n  v: 1\n- id: y\n",
    "wide indent": "a:\n      - id: x\n        v:    1\n      - id: y\n        v: 2\n",
    "flow": "a: {b: [1, 2,   3], 'c': {d: e}}\nf: [{id: x}, {id: y}]\n",
    "flow over lines": "a: [\n  1,\n  2, # two\n]\nb: {\n  c: d,\n}\n",
    "block texts": "a: |\n  one\n\n  two  \nb: >-\n  folded\n  text\nc: |+\n  keep\n\nd: 1\n",
    "long plain text over lines": "a: some words\n  that go on\n  and on\nb: 1\n",
    "anchors": "a: &x {b: 1}\nc: *x\nd: &y text\ne: *y\n",
    "crlf": "# c\r\na: 1\r\nb:\r\n  - x\r\n  - y\r\n",
    "bom": "\ufeffa: 1\nb: 2\n",
    "no newline at the end": "a: 1\nb:\n  - x",
    "odd spacing": "a  :   1\n'b' : 2\n?  c\n:  3\n",
    "empty values": "a:\nb: ~\nc: []\nd: {}\ne: ''\n",
    "nested dashes": "a:\n  - - 1\n    - 2\n  -\n    id: x\n",
    "document marks": "%YAML 1.2\n---\na: 1\n...\n",
}


@pytest.mark.parametrize("name", AWKWARD)
def test_saving_unchanged_data_changes_no_byte(name):
    text = AWKWARD[name]
    assert rewrite(text, read_text(text).data()) == text


@pytest.mark.parametrize("name", AWKWARD)
def test_adding_a_key_and_taking_it_away_again_restores_every_byte(name):
    text = AWKWARD[name]
    data = read_text(text).data()
    longer = rewrite(text, {**data, "zz": {"x": ["y"]}})
    assert read_text(longer).data() == {**data, "zz": {"x": ["y"]}}
    assert rewrite(longer, data) == text or name == "no newline at the end"


@pytest.mark.parametrize(
    "value", ["new value", "two\nlines\n", 7, None, [], {}, ["x"], {"x": ["y"]}]
)
@pytest.mark.parametrize("name", AWKWARD.keys() - {"anchors"})
def test_any_value_can_be_replaced_and_comments_outside_it_stay(name, value):
    text = AWKWARD[name]
    data = read_text(text).data()
    for key in data:
        changed = rewrite(text, {**data, key: value})
        assert same(read_text(changed).data(), {**data, key: value})
        above = [line for line in text.splitlines() if line.startswith(("#", "\ufeff#"))]
        assert set(above) <= set(changed.splitlines())


SOURCE = """\
# yaml-language-server: $schema=rubric.schema.json

schema: rubric/v1
title:   'It''s'   # keep me
criteria:

  # about the first
  - id: first      # id comment
    question: >-
      A folded
      question?
    weight: 3      # heavy
    scale: # worst first
      - bad: Not good.  # a
      - fine: Fine.     # b
  # about the second
  - {id: second, weight: 1, tags: [x, y]}

  - id: third
    text: |
      One.
      Two.
# tail
tests: []
"""


def edited(change):
    data = read_text(SOURCE).data()
    before = copy.deepcopy(data)
    change(data)
    assert data != before
    new = rewrite(SOURCE, data)
    assert read_text(new).data() == data
    old_lines, new_lines = SOURCE.splitlines(), new.splitlines()
    gone = [line for line in old_lines if line not in new_lines]
    came = [line for line in new_lines if line not in old_lines]
    return gone, came


def test_one_number():
    gone, came = edited(lambda d: d["criteria"][0].update(weight=5))
    assert gone == ["    weight: 3      # heavy"]
    assert came == ["    weight: 5      # heavy"]


def test_quoting_style_is_kept():
    gone, came = edited(lambda d: d.update(title="It's 'new'"))
    assert came == ["title:   'It''s ''new'''   # keep me"]
    assert len(gone) == 1


def test_text_that_needs_quotes_gets_them():
    _, came = edited(lambda d: d["criteria"][0]["scale"][0].update(bad="Is: #1"))
    assert came == ['      - bad: "Is: #1"  # a']


def test_item_is_added_after_its_neighbour():
    def change(data):
        data["criteria"][0]["scale"].insert(1, {"fair": "So so."})

    gone, came = edited(change)
    assert gone == []
    assert came == ["      - fair: So so."]


def test_criterion_is_removed_and_the_others_stay():
    gone, came = edited(lambda d: d["criteria"].pop(1))
    assert gone == ["  - {id: second, weight: 1, tags: [x, y]}"]
    assert came == []


def test_criterion_is_added_at_the_end():
    gone, came = edited(lambda d: d["criteria"].append({"id": "fourth", "scale": ["a", "b"]}))
    assert gone == []
    assert came == ["  - id: fourth", "    scale:", "      - a", "      - b"]


def test_criterion_is_added_in_front():
    gone, came = edited(lambda d: d["criteria"].insert(0, {"id": "zero"}))
    assert gone == []
    assert came == ["  - id: zero"]


def test_key_is_added_and_removed():
    def change(data):
        data["criteria"][0]["kind"] = "pitfall"
        del data["criteria"][0]["weight"]
        del data["title"]

    gone, came = edited(change)
    assert gone == ["title:   'It''s'   # keep me", "    weight: 3      # heavy"]
    assert came == ["    kind: pitfall"]


def test_first_key_of_an_item_is_removed():
    gone, came = edited(lambda d: d["criteria"][2].pop("id"))
    assert gone == ["  - id: third", "    text: |"]
    assert came == ["  - text: |"]


def test_block_text_stays_a_block_text():
    _, came = edited(lambda d: d["criteria"][2].update(text="One.\nTwo and a half.\n"))
    assert came == ["      Two and a half."]


def test_scalar_becomes_a_list():
    _, came = edited(lambda d: d["criteria"][0].update(weight=["a", {"b": "c"}]))
    assert "      - b: c      # heavy" in came


def test_change_inside_flow():
    gone, came = edited(lambda d: d["criteria"][1].update(weight=2.5, tags=["x", "a, b"]))
    assert came == ['  - {id: second, weight: 2.5, tags: [x, "a, b"]}']
    assert len(gone) == 1


def test_renamed_criterion_does_not_inherit_the_others_comments():
    def change(data):
        data["criteria"][0] = {"id": "other", "weight": 3}

    _, came = edited(change)
    assert came == ["  - id: other", "    weight: 3"]


def test_line_ends_of_the_file_are_used():
    new = rewrite("a: 1\r\nb:\r\n  - x\r\n", {"a": 1, "b": ["x", "y"], "c": 3})
    assert new == "a: 1\r\nb:\r\n  - x\r\n  - y\r\nc: 3\r\n"


def test_file_without_a_last_line_end():
    assert rewrite("a: 1", {"a": 1, "b": "x\ny\n"}) == "a: 1\nb: |\n  x\n  y\n"


def test_true_and_one_differ():
    assert rewrite("a: 1\n", {"a": True}) == "a: true\n"
    assert rewrite("a: 1\n", {"a": 1.0}) == "a: 1.0\n"


def test_change_through_an_anchor_is_refused_rather_than_guessed():
    text = "a: &x {b: 1}\nc: *x\n"
    with pytest.raises(FileError, match="cannot be made"):
        rewrite(text, {"a": {"b": 2}, "c": {"b": 1}})
    assert rewrite(text, {"a": {"b": 1}, "c": {"b": 2}}) == "a: &x {b: 1}\nc:\n  b: 2\n"


TEXTS = st.text(max_size=12) | st.sampled_from(
    ["yes", "1.0", "- a", "a: b", "x #y", "~", "", "|", "a\nb\n"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
DATA = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4)


def same(one, two):
    return json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)


@settings(deadline=None)
@given(DATA)
def test_what_is_written_reads_back(data):
    assert same(read_text(emit.block(data, 0) + "\n").data(), data)
    assert same(read_text(emit.flow(data)).data(), data)


@settings(max_examples=200, deadline=None)
@given(DATA, DATA)
def test_any_change_reads_back(old, new):
    text = "# first\n" + emit.block(old, 0) + "\n# last\n"
    changed = rewrite(text, new)
    assert same(read_text(changed).data(), new)
    assert changed.startswith("# first\n")


FLOW = st.dictionaries(st.sampled_from("abc"), st.recursive(
    st.sampled_from([1, "x", "a b", None, "y, z", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
), min_size=1)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(FLOW, FLOW, st.sampled_from([", ", ",", " ,\n  ", ", # note\n  "]))
def test_any_change_inside_brackets_reads_back(old, new, comma):
    text = "# first\n" + emit.flow(old).replace(", ", comma) + "\n# last\n"
    if same(read_text(text).data(), old):
        changed = rewrite(text, new)
        assert same(read_text(changed).data(), new)
        assert changed.startswith("# first\n")
        assert changed.endswith("\n# last\n")


def test_atomic_write_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "new" / "a.yaml"
    write_atomically(path, "a: 1\n")
    write_atomically(path, "a: 2\n")
    assert path.read_text() == "a: 2\n"
    assert [file.name for file in path.parent.iterdir()] == ["a.yaml"]
