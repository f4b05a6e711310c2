"""The judges of a recipe, put together."""

import json
import logging

import pytest

from judge.judges.cascade import Cascade
from judge.judges.panel import Panel
from judge.prompts import PromptTemplate, template_directories
from judge.recipes import load_recipe
from judge.scoring.seats import bench_of, seats_of, told

PLACES = template_directories(None)


@pytest.fixture
def seated(coded_engine):
    def make(recipe, *names):
        roles = list(recipe.roles)
        engines = {
            role: coded_engine(name=name) for role, name in zip(roles, names or roles, strict=True)
        }
        templates = {recipe.judge.mode: PromptTemplate(recipe.judge.mode, PLACES)}
        return seats_of(recipe, engines, templates, PLACES)

    return make


@pytest.mark.parametrize(
    ("name", "kind", "roles"),
    [
        ("pointwise", None, ["judge"]),
        ("panel-mean", Panel, ["judge", "second", "third"]),
        ("cascade", Cascade, ["judge", "strong"]),
    ],
)
def test_a_recipe_has_its_judges(seated, name, kind, roles):
    recipe = load_recipe(name)
    assert [seat.name for seat in seated(recipe)] == roles
    asked = []
    bench = bench_of(recipe, lambda role: asked.append(role) or role)
    assert bench is None if kind is None else isinstance(bench, kind)
    assert asked == roles


def test_judges_on_one_engine_share_who_asks_it(make_recipe):
    members = [{"role": "judge"}, {"role": "second"}, {"role": "judge", "template": "pairwise"}]
    recipe = make_recipe(panel={"members": members})
    made = {}
    bench = bench_of(recipe, lambda role: made.setdefault(role, object()))
    assert bench.askers == [made["judge"], made["second"], made["judge"]]


def test_a_member_may_have_a_template_of_its_own(seated, make_recipe):
    members = [{"role": "judge"}, {"role": "second", "template": "listwise"}]
    one, other = seated(make_recipe(panel={"members": members}))
    assert other.name == "second/listwise"
    assert [seat.templates["pointwise"].name for seat in (one, other)] == ["pointwise", "listwise"]


def test_the_record_tells_judges_apart(seated):
    recipe = load_recipe("panel-mean")
    record = told(seated(recipe), "pointwise")
    assert record["engine_name"] == "judge + second + third"
    names, engines, templates = zip(*json.loads(record["judges"]), strict=True)
    assert names == engines == ("judge", "second", "third")
    assert len(set(templates)) == 1
    assert told(seated(load_recipe("pointwise")), "pointwise") == {}


def test_the_same_model_twice_is_said(seated, caplog):
    with caplog.at_level(logging.WARNING, "judge"):
        seated(load_recipe("panel-mean"))
        assert caplog.text == ""
        seated(load_recipe("panel-mean"), "one", "two", "one")
    assert "the judges judge and third are the same model" in caplog.text
