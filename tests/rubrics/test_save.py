import pytest

from judge.errors import RubricError
from judge.files import read_text
from judge.rubrics import load_rubric
from judge.rubrics.save import editor_line, format_rubric, save_rubric


def test_saving_keeps_comments_order_and_quoting(put, text):
    path = put("r.yaml", "# my notes\n" + text)
    data = read_text(text).data()
    data["criteria"][0]["weight"] = 5
    data["version"] = "1.3.0"
    save_rubric(path, data)
    expected = "# my notes\n" + text.replace("weight: 3 ", "weight: 5 ").replace("1.2.3", "1.3.0")
    assert path.read_text() == expected
    assert load_rubric(path).criteria[0].weight == 5.0


def test_saving_the_same_changes_no_byte(put, text):
    content = text.replace("\n", "\r\n") + "\r\n# end"
    path = put("r.yaml", content)
    save_rubric(path, read_text(text).data())
    assert path.read_bytes().decode() == content


def test_new_file_reads_back(tmp_path, text):
    path = tmp_path / "new" / "r.yaml"
    data = read_text(text).data()
    save_rubric(path, data)
    assert read_text(path.read_text()).data() == data
    assert path.read_text().startswith("# yaml-language-server: $schema=rubric.schema.json\n")


def test_what_cannot_be_saved_leaves_the_file_alone(put, text):
    path = put("r.yaml", "a: &x {b: 1}\nc: *x\n")
    with pytest.raises(RubricError, match="cannot be made"):
        save_rubric(path, {"a": {"b": 2}, "c": {"b": 1}})
    with pytest.raises(RubricError, match="not a rubric"):
        save_rubric(path, {"a": {1, 2}})
    assert path.read_text() == "a: &x {b: 1}\nc: *x\n"


def test_format_adds_the_editors_line_and_changes_no_content(text):
    tidied = format_rubric("\ufeff" + text.replace("\n", "  \r\n"))
    assert tidied == "# yaml-language-server: $schema=rubric.schema.json\n" + text
    assert format_rubric(tidied) == tidied


def test_editors_line_leads_to_the_nearest_schema(put):
    put("rubrics/rubric.schema.json", "{}")
    path = put("rubrics/deep/er/r.yaml", "a: 1\n")
    assert editor_line(path) == "# yaml-language-server: $schema=../../rubric.schema.json"


def test_broken_file_is_not_formatted():
    with pytest.raises(RubricError, match="mapping values"):
        format_rubric("a: b: c\n")
