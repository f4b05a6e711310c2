import pytest

from judge.errors import RecipeError
from judge.judges.case import Case
from judge.prompts import PromptTemplate, template_directories
from judge.scoring import setting
from judge.scoring.setting import Plans


@pytest.fixture
def plans(coded_engine, make_recipe):
    places = template_directories(None)
    templates = {name: PromptTemplate(name, places) for name in ("pointwise", "pairwise")}
    return Plans(coded_engine(), make_recipe(), templates)


@pytest.fixture
def case(make_rubric, make_group):
    def make(*listed, fields=None, **inputs):
        return Case(make_group("x", **inputs), make_rubric(*listed, **(fields or {})), 0, None)

    return make


def plan(plans, case, *, pairs=False, some=None):
    return plans.of(case, case.criteria[:some], pairs=pairs)


def test_a_plan_is_made_once_for_a_rubric(plans, case):
    made = plan(plans, case("a", "b"))
    assert plan(plans, case("a", "b", reference=None)) is made
    # A title cannot change a verdict, so it must not change a prompt either.
    assert plan(plans, case("a", "b", fields={"title": "Other"})) is made


def test_a_plan_is_made_anew_for_what_differs(plans, case):
    base = case("a", "b")
    made = [
        plan(plans, base),
        plan(plans, base, some=1),
        plan(plans, base, pairs=True),
        plan(plans, case("a", "c")),
        plan(plans, case("a", "b", reference="R")),
        plan(plans, case("a", "b", context="C")),
    ]
    assert len({id(questions) for questions in made}) == len(made)
    shown = [questions[0].skeleton.messages[1][1][1::2] for questions in made]
    assert shown[4] == ("prompt", "reference", "response")
    assert shown[5] == ("prompt", "context", "response")
    assert shown[2] == ("prompt", "first", "second")


def test_what_is_hidden_is_not_in_the_plan(plans, case):
    hidden = case("a", fields={"inputs": {"hidden": ["context"]}}, reference="R", context="C")
    (question,) = plan(plans, hidden)
    assert question.skeleton.messages[1][1][1::2] == ("prompt", "reference", "response")


def test_plans_do_not_pile_up(plans, case, monkeypatch):
    monkeypatch.setattr(setting, "MAX_PLANS", 2)
    first = plan(plans, case("a"))
    for name in ("b", "c", "d"):
        plan(plans, case(name))
    assert len(plans._made) <= 2
    again = plan(plans, case("a"))
    assert again is not first
    assert again[0].key == first[0].key


def test_what_cannot_be_judged_is_an_error_each_time(plans, case):
    for _ in range(2):
        with pytest.raises(RecipeError):
            plan(plans, case({"id": "x", "kind": "step"}))
