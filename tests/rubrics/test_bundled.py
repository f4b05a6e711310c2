import json

import jsonschema
import pytest

from judge.checks import run_check
from judge.files import bundled, read_text
from judge.rubrics.files import RUBRICS, SCHEMA_FILE, json_schema, load_rubric, open_rubric
from judge.rubrics.lint import lint
from judge.rubrics.save import format_rubric

FOLDER = bundled("rubrics")
NAMES = sorted(
    file.relative_to(FOLDER).with_suffix("").as_posix() for file in FOLDER.rglob("*.yaml")
)
CHECKED = [
    (name, case, criterion)
    for name in NAMES
    for case in load_rubric(name, directory=FOLDER).tests
    for criterion in load_rubric(name, directory=FOLDER).checked
    if criterion.id in case.expect
]
COUNTED = ("matching/", "relevance/")
"""Rubrics of which a program decides everything."""


def test_the_promised_rubrics_are_there():
    assert {
        "code/answer",
        "demo/short",
        "general/helpfulness",
        "general/honesty",
        "general/instruction-following",
        "maths/answer",
        "safety/harmlessness",
        "search/answer-with-citations",
        "writing/creative",
        "writing/summarisation",
    } <= set(NAMES)


def test_schema_file_is_up_to_date():
    # Written by: judge rubric schema --out rubrics/rubric.schema.json
    assert json.loads((FOLDER / SCHEMA_FILE).read_text()) == json_schema()


@pytest.mark.parametrize("name", NAMES)
def test_loads_lints_clean_and_is_formatted(name):
    source = open_rubric(name, directory=FOLDER)
    assert source.rubric.id == name
    assert lint(source) == []
    assert format_rubric(source.text, file=source.path) == source.text
    jsonschema.validate(read_text(source.text).data(), json_schema())


@pytest.mark.parametrize("name", NAMES)
def test_is_made_with_care(name):
    rubric = load_rubric(name, directory=FOLDER)
    assert bool(rubric.judged) is not name.startswith(COUNTED)
    assert len(rubric.judged) <= (12 if name.startswith("meta/") else 6)
    assert len(rubric.tests) >= (1 if name.startswith("meta/") else 3)
    assert any(case.better is not None for case in rubric.tests)
    assert rubric.title
    assert rubric.description
    for criterion in rubric.judged:
        assert all(level.meaning for level in criterion.levels) or len(criterion.levels) == 2
    gates = [c.check.name for c in rubric.checked if c.gate is not None]
    assert "degenerate" in gates or name.startswith(("demo/", "meta/"))


@pytest.mark.parametrize(("name", "case", "criterion"), CHECKED, ids=lambda value: str(value)[:40])
def test_checks_meet_the_rubrics_own_expectations(name, case, criterion):
    texts = {"prompt": case.prompt, "reference": case.reference, "context": case.context}
    found = run_check(criterion.check.name, criterion.check.params, case.response, **texts)
    expected = case.expect[criterion.id]
    if found.value is None and criterion.hybrid:
        return  # the judge is asked
    if expected.bounds is not None:
        assert expected.bounds.at_least <= found.value <= expected.bounds.at_most
        return
    level = "yes" if found.value == 1.0 else "no"
    assert level in expected.levels


@pytest.mark.parametrize("name", NAMES)
def test_no_response_that_should_win_is_stopped_by_a_check(name):
    rubric = load_rubric(name, directory=FOLDER)
    for case in rubric.tests:
        for criterion in rubric.checked:
            if case.better is not None and criterion.gate is not None:
                assert (
                    run_check(criterion.check.name, criterion.check.params, case.better).value
                    == 1.0
                )


def test_every_listed_id_can_be_found():
    assert set(NAMES) <= set(RUBRICS.names(FOLDER))
