import copy

import pytest

from judge.errors import ConfigError
from judge.rubrics import parse_rubric
from judge.rubrics.save import save_rubric
from judge.synthesis.drafts import Proposal
from judge.synthesis.edits import Edit, applied, criteria_of, weight_of

CONTENT = {
    "schema": "rubric/v1",
    "id": "a/b",
    "title": "Kept",
    "criteria": [
        {"id": "cites", "question": "Does it cite a source?", "weight": 2},
        {"id": "long", "question": "Is it long?", "tier": "core"},
        {"id": "calm", "question": "Is it calm?", "scale": ["no", "some", "yes"]},
    ],
}


def proposal(question, kind="principle"):
    return Proposal(question, kind, "core", ("s",))


@pytest.mark.parametrize(
    ("edit", "ids"),
    [
        (Edit("delete", ("long",)), ["cites", "calm"]),
        (
            Edit("add", proposals=(proposal("Does it name a step?"),)),
            ["cites", "long", "calm", "name_step"],
        ),
        (Edit("rewrite", ("long",), (proposal("Is it brief?"),)), ["cites", "long", "calm"]),
        (
            Edit("split", ("cites",), (proposal("Does it cite?"), proposal("Is it dated?"))),
            ["cite", "dated", "long", "calm"],
        ),
        (Edit("merge", ("cites", "calm"), (proposal("Is it sound?"),)), ["sound", "long"]),
    ],
)
def test_an_edit_touches_its_targets_alone(edit, ids):
    before = copy.deepcopy(CONTENT)
    made = applied(CONTENT, edit)
    assert [criterion["id"] for criterion in criteria_of(made)] == ids
    parse_rubric(made)
    assert before == CONTENT
    untouched = [c for c in criteria_of(made) if c in before["criteria"]]
    assert len(untouched) >= 1
    assert made["title"] == "Kept"
    assert edit.sentence().startswith(edit.kind)


def test_weights_are_kept_in_sum():
    parts = (proposal("Does it cite?"), proposal("Is it dated?", "pitfall"))
    split = applied(CONTENT, Edit("split", ("cites",), parts))
    assert sum(weight_of(c) for c in criteria_of(split)[:2]) == 2.0
    assert criteria_of(split)[1]["kind"] == "pitfall"
    merged = applied(CONTENT, Edit("merge", ("cites", "calm"), (proposal("Is it sound?"),)))
    assert weight_of(criteria_of(merged)[0]) == 3.0


def test_weights_and_levels():
    made = applied(CONTENT, Edit("reweigh", ("long",), factor=0.5))
    assert criteria_of(made)[1] == {"id": "long", "question": "Is it long?", "weight": 2.5}
    scaled = applied(CONTENT, Edit("rescale", ("cites",), scale=("none", "some", "all")))
    assert criteria_of(scaled)[0]["scale"] == ["none", "some", "all"]
    assert "scale" not in criteria_of(applied(CONTENT, Edit("rescale", ("calm",))))[2]


def test_what_cannot_be_done_is_an_error():
    with pytest.raises(ConfigError, match="nowhere"):
        applied(CONTENT, Edit("delete", ("nowhere",)))
    alone = {**CONTENT, "criteria": CONTENT["criteria"][:1]}
    with pytest.raises(ConfigError, match="nothing of weight"):
        applied(alone, Edit("delete", ("cites",)))


def test_saving_an_edit_keeps_comments_order_and_quoting(tmp_path):
    text = """\
# a person's comment
schema: rubric/v1
id: "a/b"        # quoted on purpose
criteria:
  - id: cites    # the one that counts
    question: 'Does it cite a source?'
    weight: 2
  # about the next
  - id: long
    question: Is it long?
"""
    path = tmp_path / "b.yaml"
    path.write_text(text)
    content = {
        "schema": "rubric/v1",
        "id": "a/b",
        "criteria": [
            {"id": "cites", "question": "Does it cite a source?", "weight": 2},
            {"id": "long", "question": "Is it long?"},
        ],
    }
    save_rubric(path, applied(content, Edit("reweigh", ("cites",), factor=2.0)))
    assert path.read_text() == text.replace("weight: 2", "weight: 4.0")
