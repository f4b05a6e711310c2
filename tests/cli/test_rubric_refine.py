import json

import pytest
from typer.testing import CliRunner

from judge.cli import app, rubric_refine
from judge.errors import ConfigError
from judge.rubrics import load_rubric

TEXT = """\
# a person's file
schema: rubric/v1
id: my/own
version: 1.2.0   # the second
title: Mine
criteria:
  - id: cites    # what counts
    question: 'Does the text cite a source?'
    weight: 1
  - id: long     # misleads
    question: Is the text long?
    weight: 3
"""


def judged(texts, key, codes):
    lead = ("[1]" in texts[0]) - ("[1]" in texts[1])
    if "long" in key:
        lead = -lead
    weights = {"A": 1.0 + 3 * (lead > 0), "B": 1.0 + 3 * (lead < 0), "C": 0.1}
    total = sum(weights[code] for code in codes)
    return {code: weights[code] / total for code in codes}


@pytest.fixture
def invoke(monkeypatch, tmp_path, coded_engine):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text(TEXT)
    rows = [
        {"prompt": f"Prompt {k}.", "responses": [f"text {k}", f"text {k} [1]"], "label": 1}
        for k in range(40)
    ]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))

    def run(*arguments, answers=""):
        engine = coded_engine(judged, name="judge")
        monkeypatch.setattr(rubric_refine, "engine_maker", lambda name: lambda: engine)
        asked = ["rubric", "refine", "own.yaml", "--data", "pairs.jsonl", *arguments]
        return CliRunner().invoke(app, asked, input=answers), engine

    return run


def test_an_accepted_edit_is_a_new_version_and_changes_nothing_else(invoke, tmp_path):
    done, _ = invoke("--yes")
    assert done.exit_code == 0, done.output
    assert "better on the frozen pairs" in done.output
    text = (tmp_path / "own.yaml").read_text()
    rubric = load_rubric(tmp_path / "own.yaml")
    assert [c.id for c in rubric.criteria] == ["cites"]
    assert rubric.version == "1.3.0"
    assert rubric.provenance.method == "refine"
    assert rubric.provenance.parents == ("my/own@1.2.0",)
    for kept in ("# a person's file", "# the second", "# what counts", "'Does the text cite"):
        assert kept in text


def test_a_person_decides_edit_by_edit(invoke, tmp_path):
    done, _ = invoke(answers="n\n" * 9)
    assert done.exit_code == 0, done.output
    assert "- - id: long" in done.output.replace("  ", " ")
    assert "accept:" in done.output
    assert (tmp_path / "own.yaml").read_text() == TEXT


def test_the_report_and_the_cost(invoke, tmp_path):
    done, engine = invoke("--dry-run", "--json")
    cost = json.loads(done.stdout)
    assert engine.requests == []
    done, engine = invoke("--yes", "--json")
    told = json.loads(done.stdout)
    assert (told["accepted"], told["pairs"]) == (True, 12)
    assert told["calls"] == len(engine.requests) <= cost["calls_to_judge_at_most"]
    assert (tmp_path / "own.refine.jsonl").exists()


def test_a_budget_that_does_not_pay_is_an_error(invoke, tmp_path):
    done, _ = invoke("--budget", "3")
    assert isinstance(done.exception, ConfigError)
    assert (tmp_path / "own.yaml").read_text() == TEXT
