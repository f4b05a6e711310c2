import jsonschema
import pytest

from judge.rubrics import parse_rubric
from judge.synthesis.drafts import (
    Proposal,
    drafts_schema,
    echoes,
    joined,
    leaks,
    names,
    read_drafts,
    rubric_content,
)
from judge.types import Message


def proposal(question, *sources, kind="principle", tier="core"):
    return Proposal(question, kind, tier, sources or ("s",))


def test_the_schema_takes_what_is_read(criteria):
    schema = drafts_schema(1, 3)
    jsonschema.validate(criteria("Does it cite a source?"), schema)
    for wrong in (criteria(), criteria("Does it cite a source?", kind="nice")):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_a_draft_that_breaks_the_schema_stops_no_other(criteria):
    data = criteria("Does it cite a source?", "short", {"question": "Is it calm?", "tier": "top"})
    found, refused = read_drafts(data, "t")
    assert [one.question for one in found] == ["Does it cite a source?"]
    assert [one.question for one in refused] == ["short", "Is it calm?"]
    assert all(one.why for one in refused)
    assert read_drafts({"criteria": "-"}, "t") == ([], [])
    assert read_drafts({"criteria": ["text"]}, "t")[1][0].question == "text"


def test_what_asks_the_same_is_one_and_what_is_proposed_often_comes_first():
    made = joined(
        [
            proposal("Does the answer cite a source?", "a"),
            proposal("Does the answer cite a source for claims?", "b", tier="critical"),
            proposal("Does the answer cite a source?", "c", tier="critical"),
            proposal("Is the figure invented?", "a", kind="pitfall"),
        ]
    )
    assert [one.question for one in made] == [
        "Does the answer cite a source?",
        "Is the figure invented?",
    ]
    assert (made[0].tier, made[0].sources) == ("critical", ("a", "b", "c"))
    assert joined(reversed([*made])) == made


@pytest.mark.parametrize(
    ("question", "leak"),
    [
        ("Does it say that the museum opened in May 1931?", True),
        ("Does it say when the museum opened?", False),
        ("Does it say who built the old town hall?", False),  # so does the prompt
    ],
)
def test_a_criterion_must_not_quote_the_preferred_response(question, leak):
    preferred = "The museum opened in May 1931. Who built the old town hall is not known."
    prompt = "When did the museum open, and who built the old town hall?"
    assert leaks(question, preferred, [prompt]) is leak
    assert leaks(question, (Message("assistant", preferred),), [prompt]) is leak


def test_a_criterion_must_not_repeat_the_prompt():
    prompt = "My invoice shows the wrong address. What can I do?"
    assert echoes("What can I do?", prompt)
    assert echoes("my invoice shows the WRONG address", prompt)
    assert not echoes("Does it say how to change the address?", prompt)


def test_names_are_ids_and_differ():
    made = names(["Does it cite a source?", "Does it cite a source?", "Is it ok?", "Ist es grün?"])
    assert made == ["cite_source", "cite_source_2", "criterion", "criterion_2"]
    assert names(["Does it cite a source?"], taken=["cite_source"]) == ["cite_source_2"]


def test_a_rubric_of_proposals_loads():
    listed = [
        proposal("Does it cite a source?", tier="critical"),
        proposal("Does it invent a figure?", kind="pitfall"),
    ]
    content = rubric_content(listed, id="a/b", title="T", provenance={"method": "contrast"})
    rubric = parse_rubric(content)
    assert [c.tier for c in rubric.criteria] == ["critical", "core"]
    assert rubric.criteria[1].kind == "pitfall"
    assert rubric.provenance.method == "contrast"
    weighed = rubric_content(
        listed, id="a/b", title="T", weights={listed[0].question: 2.0, listed[1].question: 0.5}
    )
    assert [c.weight for c in parse_rubric(weighed).criteria] == [2.0, 0.5]
