import math
from typing import get_args

import pytest
from pydantic import ValidationError

from judge.aggregate import SCHEDULES
from judge.aggregate.combine import COMBINERS
from judge.aggregate.pairs import PAIR_COMBINERS
from judge.aggregate.rewards import REWARDS
from judge.aggregate.tables import GROUP_RULES
from judge.decoding import PAIR_CODES
from judge.judges.plan import TWO_SIDED
from judge.prompts import PromptTemplate, template_directories
from judge.recipes import schema
from judge.recipes.schema import Recipe

POINTWISE = {"schema": "recipe/v1", "id": "r", "judge": {"mode": "pointwise"}}
PAIRWISE = {
    "schema": "recipe/v1",
    "id": "r",
    "judge": {"mode": "pairwise"},
    "group": {"schedule": "round_robin", "reward": "win_rate"},
}


def changed(base, **sections):
    raw = {**base}
    for name, value in sections.items():
        raw[name] = {**raw.get(name, {}), **value} if isinstance(value, dict) else value
    return raw


def test_the_least_a_recipe_can_say():
    assert Recipe.model_validate(POINTWISE).judge.calls == "one"
    assert Recipe.model_validate(PAIRWISE).group.orders == "both"


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (changed(POINTWISE, schema="recipe/v2"), "recipe/v1"),
        (changed(POINTWISE, id="Not An Id"), "id"),
        (changed(POINTWISE, judge={"moode": "x"}), "moode"),
        (changed(POINTWISE, extra={}), "extra"),
        (changed(POINTWISE, judge={"mode": "passages"}), "mode"),
        (changed(POINTWISE, judge={"samples": 3}), "set a temperature"),
        (changed(POINTWISE, judge={"temperature": math.nan}), "finite"),
        (changed(POINTWISE, judge={"attempts": 0}), "attempts"),
        (changed(POINTWISE, judge={"think_tokens": -1}), "think_tokens"),
        (changed(POINTWISE, judge={"if_cut": "fail"}), "set think_tokens"),
        (changed(POINTWISE, judge={"calls": 0}), "calls"),
        (changed(POINTWISE, judge={"calls": "two"}), "calls"),
        (changed(POINTWISE, group={"schedule": "round_robin"}), "schedule: none"),
        (changed(POINTWISE, group={"reward": "win_rate"}), "reward: score"),
        (changed(POINTWISE, group={"seeds": "scalar"}), "mode: pairwise"),
        (changed(POINTWISE, criteria={"combine": "overall"}), "does not work in mode pointwise"),
        (changed(POINTWISE, criteria={"tiers": {"core": -1.0}}), "tiers"),
        (changed(POINTWISE, guards={"min_coverage": 1.5}), "min_coverage"),
        (changed(POINTWISE, output={"range": [1, 1]}), "low < high"),
        (changed(POINTWISE, output={"range": [0, math.inf]}), "finite"),
        (changed(PAIRWISE, group={"schedule": "none"}), "schedule other than none"),
        (changed(PAIRWISE, group={"reward": "score"}), "reward other than score"),
        (changed(PAIRWISE, group={"reward": "beats_reference"}), "schedule: reference"),
        (changed(PAIRWISE, group={"schedule": "anchor"}), "beats_reference"),
        (changed(PAIRWISE, group={"schedule": "reference"}), "beats_reference"),
        (changed(PAIRWISE, group={"ties": {"band": 1.0}}), "band"),
        (changed(PAIRWISE, group={"budget": 0}), "budget"),
        (changed(PAIRWISE, criteria={"combine": "product"}), "does not work in mode pairwise"),
        (changed(PAIRWISE, criteria={"combine": "overall"}, judge={"verdict": "levels"}), "levels"),
        (changed(PAIRWISE, group={"reward": "mean_score"}), "verdict: scores"),
        (changed(PAIRWISE, group={"max_skew": 0.5}), "reward: brpo"),
        (
            changed(PAIRWISE, group={"reward": "posterior_mean"}, output={"range": [0, 1]}),
            "no bounds",
        ),
        (changed(POINTWISE, criteria={"combine": "layers"}), "needs `weights`"),
        (changed(POINTWISE, criteria={"smoothing": 0.5}), "combine: gated_product"),
        (changed(POINTWISE, criteria={"combine": "borda", "margin": 1.0}), "combine: hierarchy"),
        (
            changed(POINTWISE, criteria={"combine": "log_and"}, output={"range": [0, 1]}),
            "no bounds",
        ),
        (
            changed(PAIRWISE, criteria={"combine": "overall"}, judge={"calls": "each"}),
            "calls: one",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(raw, word):
    with pytest.raises(ValidationError, match=word):
        Recipe.model_validate(raw)


def test_the_digest_is_that_of_all_that_can_change_a_reward():
    base = Recipe.model_validate(PAIRWISE)
    for same in ({"id": "other"}, {"about": "words"}, {"extends": "parent"}):
        assert Recipe.model_validate({**PAIRWISE, **same}).digest == base.digest
    others = [
        changed(PAIRWISE, judge={"verdict": "two_way"}),
        changed(PAIRWISE, judge={"attempts": 3}),
        changed(PAIRWISE, group={"ties": {"band": 0.1}}),
        changed(PAIRWISE, guards={"min_coverage": 0.4}),
        changed(PAIRWISE, criteria={"tiers": {"core": 1.0}}),
        changed(PAIRWISE, output={"range": [-1, 1]}),
    ]
    digests = {Recipe.model_validate(raw).digest for raw in others}
    assert len(digests | {base.digest}) == len(others) + 1


def test_a_recipe_cannot_be_changed():
    recipe = Recipe.model_validate(POINTWISE)
    with pytest.raises(ValidationError):
        recipe.judge.samples = 2


def test_every_name_a_recipe_may_use_is_known_to_the_rest():
    assert set(get_args(schema.Schedule)) == {"none", *SCHEDULES}
    assert set(get_args(schema.RewardName)) == {"score", *REWARDS}
    assert set(get_args(schema.OwnRule)) == {"weighted_mean", *COMBINERS}
    assert set(get_args(schema.PairRule)) == set(PAIR_COMBINERS)
    assert set(get_args(schema.GroupRule)) == set(GROUP_RULES)
    assert {name for name, rule in REWARDS.items() if rule.against_one} == set(schema.AGAINST_ONE)
    assert {name for name, rule in REWARDS.items() if rule.range is None} == set(schema.UNBOUNDED)
    assert set(get_args(schema.PairVerdict)) == {*PAIR_CODES, *TWO_SIDED}
    for mode in set(get_args(schema.Mode)) - set(schema.WORDLESS):
        PromptTemplate(mode, template_directories(None))
