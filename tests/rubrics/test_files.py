import json

import jsonschema
import pytest

from judge.errors import RubricError
from judge.files import read_text
from judge.rubrics import load_rubric, parse_rubric
from judge.rubrics.files import json_schema


def test_load_by_path_and_by_id(put, text):
    path = put("rubrics/general/example.yaml", text)
    assert load_rubric(path) == load_rubric("general/example") == load_rubric(str(path))
    assert load_rubric(path).criteria[0].weight == 3.0


def test_directory_option_comes_first(put, text, tmp_path):
    put("rubrics/general/example.yaml", text)
    put("mine/general/example.yaml", text.replace("1.2.3", "9.0.0"))
    assert load_rubric("general/example", directory=tmp_path / "mine").version == "9.0.0"


def test_bom_and_crlf_are_read(put, text):
    path = put("r.yaml", "\ufeff" + text.replace("\n", "\r\n"))
    assert load_rubric(path).digest == load_rubric(put("s.yaml", text)).digest


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("weight: 4", "weight: @.inf", "finite"),
        ("weight: 4", "weight: @.nan", "finite"),
        ("weight: 4", "weight: 4\n    @tier: core", "together"),
        ("weight: 4", "weight: 4\n    @weight: 5", "second time"),
        ("id: invented_facts", "id: @answers_question", "second time"),
        ("id: invented_facts", "id: @total", "reserved"),
        ("kind: pitfall", "kind: @pitfal", "did you mean 'pitfall'"),
        ("below: partly", "below: @party", "did you mean 'partly'"),
        ("max_words: 300", "@max_wrods: 300", "did you mean 'max_words'"),
        ("max_words: 300", "max_words: {@limt: 300}", "did you mean 'limit'"),
        ("max_words: 300", "max_words: @lots", "limit"),
        ("answers_question: missed", "answers_question: @mised", "did you mean 'missed'"),
        ("answers_question: missed", "@answer_question: missed", "did you mean 'answers_question'"),
        ("{at_most: 0.2}", "{at_most: @2}", "less than or equal"),
        ("- partly: Answers", "- @missed: Answers", "second time"),
        ("title: An example", "title: An example@: one", "must be quoted"),
        ("title: An example", "title: @!!str x", "tags"),
        ("title: An example", "@titel: An example", "did you mean 'title'"),
        ("schema: rubric/v1", "schema: @rubric/v2", "rubric/v1"),
        ("id: general/example", "id: @General Example", "match pattern"),
        ("weight: 4", "scale: @0..10", "9 are the most"),
        ("weight: 4", "needs: [context, @refrence]", "did you mean 'reference'"),
        ("weight: 4", "gate: {below: no, @then: cap}", "needs `at`"),
    ],
)
def test_errors_have_their_exact_place(text, error_of, old, new, said):
    assert old in text
    marked = text.replace(old, new, 1)
    before = marked[: marked.index("@")]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    error = error_of(marked.replace("@", "", 1))
    assert said in str(error)
    assert (error.line, error.column) == (line, column)
    assert error.file.endswith("r.yaml")
    assert str(error).startswith(f"{error.file}:{line}:{column}: ")


def test_error_names_its_criterion(text, error_of):
    assert error_of(text.replace("kind: pitfall", "kind: pit")).criterion == "invented_facts"
    assert error_of(text.replace("title", "titel")).criterion is None


def test_mapping_without_a_file_is_placed_by_its_path():
    raw = {"schema": "rubric/v1", "id": "r", "criteria": [{"id": "a", "questoin": "A?"}]}
    with pytest.raises(RubricError) as caught:
        parse_rubric(raw)
    assert "criteria[0].questoin: unknown key" in caught.value.message
    assert caught.value.criterion == "a"
    with pytest.raises(RubricError) as caught:
        parse_rubric(raw, file="data.jsonl:7")
    assert str(caught.value).startswith("data.jsonl:7: ")


@pytest.mark.parametrize("raw", [{}, {"schema": object()}, {"criteria": 1}, {1: 2}, {"extends": 3}])
def test_mappings_that_are_no_rubric(raw):
    with pytest.raises(RubricError):
        parse_rubric(raw)


def test_mapping_that_contains_itself():
    raw = {"schema": "rubric/v1"}
    raw["criteria"] = [raw]
    with pytest.raises(RubricError):
        parse_rubric(raw)


def test_a_row_cannot_read_files_through_extends(put, text):
    put("secret.yaml", text)
    for name in ("./secret.yaml", "../secret.yaml", "/etc/passwd", "secret.yaml"):
        with pytest.raises(RubricError, match="not a rubric's id"):
            parse_rubric({"schema": "rubric/v1", "id": "r", "extends": name})


# --- the schema for editors ------------------------------------------------------------------


def valid(text):
    validator = jsonschema.Draft202012Validator(json_schema())
    return validator.is_valid(read_text(text).data())


def test_schema_is_a_json_schema():
    jsonschema.Draft202012Validator.check_schema(json_schema())
    json.dumps(json_schema())


def test_schema_accepts_what_the_loader_accepts(text):
    assert valid(text)
    for check in ("degenerate", "{degenerate: null}", "{words: {min: 1}}", "{contains: [a, b]}"):
        assert valid(text.replace("{max_words: 300}", check)), check
    for scale in ("yes_no", "1..5", "[a, b]", "{errors: {aspects: [a]}}"):
        assert valid(text.replace("kind: pitfall", f"scale: {scale}")), scale


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title:", "titel:"),
        ("question:", "queston:"),
        ("max_words:", "max_wrods:"),
        ("max_words: 300", "max_words: {limt: 300}"),
        ("kind: pitfall", "kind: pitfal"),
        ("kind: pitfall", "scale: 0..10"),
        ("weight: 4", "weight: heavy"),
        ("{at_most: 0.2}", "{atmost: 0.2}"),
        ("schema: rubric/v1", "schema: rubric/v2"),
    ],
)
def test_schema_refuses_what_the_loader_refuses(text, error_of, old, new):
    changed = text.replace(old, new, 1)
    assert not valid(changed)
    assert error_of(changed).line


def test_schema_explains_its_keys():
    criterion = json_schema()["$defs"]["Criterion"]["properties"]
    assert all(
        "description" in criterion[name] for name in ("kind", "weight", "scale", "gate", "check")
    )
