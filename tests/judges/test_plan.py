import pytest

from judge.decoding import OVERALL, Column, ListSpec
from judge.errors import ConfigError, RecipeError, TemplateError
from judge.judges.plan import _kinds, check_served, questions
from judge.prompts import PromptTemplate, template_directories
from judge.types import Abilities

CRITERIA = ("a", {"id": "b", "allow_na": True, "scale": "1..5"}, {"id": "c", "kind": "pitfall"})


@pytest.fixture
def plan(make_rubric, make_recipe, coded_engine):
    """The questions about some criteria."""

    def make(
        listed=CRITERIA,
        *,
        base="pointwise",
        fields=None,
        engine=None,
        directory=None,
        shown=(False, False),
        **sections,
    ):
        rubric = make_rubric(*listed, **(fields or {}))
        recipe = make_recipe(base, **sections)
        template = PromptTemplate(recipe.judge.mode, template_directories(directory))
        return questions(
            rubric,
            rubric.judged,
            recipe,
            template,
            engine or coded_engine(),
            pairs=recipe.judge.mode == "pairwise",
            has_reference=shown[0],
            has_context=shown[1],
        )

    return make


def asked(made):
    return [[criterion.id for criterion in question.criteria] for question in made]


@pytest.mark.parametrize(
    ("calls", "chunks"),
    [
        ("one", [["a", "b", "c"]]),
        ("each", [["a"], ["b"], ["c"]]),
        (1, [["a"], ["b"], ["c"]]),
        (2, [["a", "b"], ["c"]]),
        (3, [["a", "b", "c"]]),
        (9, [["a", "b", "c"]]),
    ],
)
def test_criteria_are_asked_together_as_the_recipe_says(plan, calls, chunks):
    assert asked(plan(judge={"calls": calls})) == chunks
    assert asked(plan(base="pairwise-win-rate", judge={"calls": calls})) == chunks


def test_a_criterion_comes_after_those_it_depends_on(plan):
    criteria = (
        {"id": "d", "depends_on": ["c", "a"]},
        "a",
        {"id": "c", "depends_on": ["b"]},
        "b",
    )
    assert asked(plan(criteria, judge={"calls": "each"})) == [["a"], ["b"], ["c"], ["d"]]


def test_nothing_to_judge_is_no_call(plan):
    assert plan(({"id": "short", "check": {"max_words": 3}},)) == ()


def test_the_grammar_of_levels(plan):
    (question,) = plan(judge={"reasoning": "none"})
    slots = {slot.key: slot for slot in question.spec.slots}
    assert slots["a"].codes == ("1", "2")
    assert slots["b"].codes == ("1", "2", "3", "4", "5")
    assert (slots["a"].optional, slots["b"].optional) == (False, True)
    assert question.spec.critique_chars == 0


def test_what_is_said_before_a_verdict(plan):
    quoting = ({"id": "a", "evidence": "quote"}, "b")
    (brief,) = plan(quoting, judge={"reasoning": "brief", "max_reason_chars": 70})
    assert [(slot.reason_chars, slot.evidence) for slot in brief.spec.slots] == [
        (70, True),
        (70, False),
    ]
    (critique,) = plan(quoting, judge={"reasoning": "critique", "max_reason_chars": 70})
    assert critique.spec.critique_chars == 70
    assert [slot.reason_chars for slot in critique.spec.slots] == [0, 0]


@pytest.mark.parametrize(
    ("verdict", "codes"),
    [
        ("two_way", ("A", "B")),
        ("three_way", ("A", "B", "C")),
        ("five_way", tuple("12345")),
        ("six_way", tuple("123456")),
    ],
)
def test_the_grammar_of_pairs(plan, verdict, codes):
    (question,) = plan(base="pairwise-win-rate", judge={"verdict": verdict})
    assert [(slot.key, slot.codes) for slot in question.spec.slots] == [(k, codes) for k in "abc"]
    assert not any(slot.optional for slot in question.spec.slots)


def test_the_grammar_of_scores(plan):
    (question,) = plan(base="pairwise-win-rate", judge={"verdict": "scores", "reasoning": "brief"})
    slots = question.spec.slots
    assert [slot.key for slot in slots] == ["a.A", "a.B", "b.A", "b.B", "c.A", "c.B"]
    assert {slot.codes for slot in slots} == {tuple("123456789")}
    assert [bool(slot.reason_chars) for slot in slots] == [True, False] * 3


@pytest.mark.parametrize(
    ("verdict", "keys"), [("two_way", [OVERALL]), ("scores", ["overall.A", "overall.B"])]
)
def test_one_verdict_over_all(plan, verdict, keys):
    (question,) = plan(
        base="pairwise-win-rate", criteria={"combine": "overall"}, judge={"verdict": verdict}
    )
    assert [slot.key for slot in question.spec.slots] == keys
    assert len(question.criteria) == 3


def test_a_compact_answer_is_asked_for_where_the_tokenizer_needs_it(plan, coded_engine):
    class Merging(coded_engine):
        def encode(self, text):
            return tuple(text.replace(" 1", "\x01").replace(" 2", "\x02").encode())

    (question,) = plan(("a",), engine=Merging())
    assert '"a":<1 or 2>' in question.skeleton.messages[0].content


def test_a_tokenizer_that_cannot_serve_is_an_error(plan, coded_engine):
    class Merging(coded_engine):
        def encode(self, text):
            return (hash(text),)

    with pytest.raises(ConfigError, match="one-token"):
        plan(("a",), engine=Merging())


@pytest.mark.parametrize(
    "criterion",
    [
        {"id": "x", "scale": {"errors": {"aspects": ["fluency"]}}},
        {"id": "x", "kind": "step"},
        {"id": "x", "kind": "span"},
    ],
)
def test_what_cannot_be_judged_this_way_is_an_error(plan, criterion, make_rubric, make_recipe):
    with pytest.raises(RecipeError, match="'x'"):
        plan((criterion,))
    with pytest.raises(RecipeError, match="'x'"):
        check_served(make_rubric(criterion).judged, make_recipe())


def test_a_criterion_named_like_the_critique_is_an_error_where_one_is_asked(plan):
    with pytest.raises(ConfigError, match="critique"):
        plan(("critique",))
    assert plan(("critique",), judge={"reasoning": "brief"})


def test_a_template_that_misuses_a_value_is_an_error(plan, tmp_path):
    (tmp_path / "pointwise.jinja").write_text(
        "{% block system %}{{ criteria.nothing }}{% endblock %}{% block user %}{% endblock %}"
    )
    with pytest.raises(TemplateError):
        plan(directory=tmp_path)


# --- the key ---------------------------------------------------------------------------------


def key(made):
    (question,) = made
    return question.key


@pytest.mark.parametrize(
    "change",
    [
        {"listed": ("a", "b")},
        {"listed": (*CRITERIA[:2], {"id": "c", "question": "Another?"})},
        {"fields": {"description": "Another."}},
        {"judge": {"reasoning": "brief"}},
        {"judge": {"readout": "label"}},
        {"judge": {"temperature": 0.5}},
        {"judge": {"max_tokens": 99}},
        {"judge": {"overflow": "cut_middle"}},
        {"judge": {"samples": 2, "temperature": 1.0}},
        {"guards": {"min_label_mass": 0.5}},
        {"base": "pairwise-win-rate"},
    ],
)
def test_all_that_can_change_a_verdict_is_in_the_key(plan, change):
    assert key(plan(**change)) != key(plan())


@pytest.mark.parametrize(
    "change",
    [
        {"fields": {"title": "Another title"}},
        {"fields": {"version": "2.0.0"}},
        {"criteria": {"tiers": {"core": 1.0}}},
        {"criteria": {"combine": "product"}},
        {"judge": {"attempts": 5}},
        {"guards": {"min_coverage": 0.1}},
        {"output": {"range": [-1, 1]}},
        {"group": {}},
    ],
)
def test_what_cannot_change_a_verdict_is_not(plan, change):
    assert key(plan(**change)) == key(plan())


def test_the_engine_and_the_template_are_in_the_key(plan, coded_engine, tmp_path):
    assert key(plan(engine=coded_engine(name="other"))) != key(plan())
    source = template_directories(None)[-1]
    for file in source.glob("*.jinja"):
        (tmp_path / file.name).write_text(file.read_text())
    assert key(plan(directory=tmp_path)) == key(plan())
    (tmp_path / "_rules.jinja").write_text("Be kind.")
    assert key(plan(directory=tmp_path)) != key(plan())


def test_the_compact_form_is_in_the_key(plan, coded_engine):
    class Merging(coded_engine):
        def encode(self, text):
            return tuple(text.replace(" 1", "\x01").replace(" 2", "\x02").encode())

    assert key(plan(("a",), engine=Merging())) != key(plan(("a",)))


def test_a_list_is_a_regex_where_a_schema_lets_a_model_write_spaces_for_ever():
    kinds = frozenset(("json_schema", "regex", "choice"))
    spec = ListSpec((), key="errors", columns=(Column("location", 20),), most=2)
    for spaced, kind in ((False, "json_schema"), (True, "regex")):
        offered = _kinds(Abilities(constraints=kinds, spaced_json=spaced))
        assert spec.constraint(offered).kind == kind
    assert _kinds(Abilities(constraints=frozenset(("json_schema",)), spaced_json=True))
