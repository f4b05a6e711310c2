from typing import get_args

import numpy as np
import pytest

from judge.benchmarks.rules import RULES
from judge.benchmarks.schema import RuleName

FITTING = {
    "tied_answers": [("Ties/ref:1", (1, 0)), ("Ties/tied:1", (1, 1, 0))],
    "grid": [("a", (1, 1, 1, 0, 0, 0))],
    "threshold": [("a", (1,)), ("b", (0,))],
    "contrast": [("a/own", (1, 0)), ("a/other", (1, 0))],
}


def items(name, told, wrong=False, lost=False):
    made = []
    for one, truth in FITTING.get(name, [("a", (1, 0)), ("b", (0, 1))]):
        values = [1.0 - y if wrong else float(y) for y in truth]
        values = [None] * len(values) if lost else values
        made.append(told(values, truth=truth, id=one, cluster="c", subset="s"))
    return made


def test_every_rule_of_the_schema_is_here():
    assert set(RULES) == set(get_args(RuleName))


@pytest.mark.parametrize("name", RULES)
def test_right_is_all_wrong_is_nothing_and_lost_is_strictly_nothing(name, told, metric):
    right, wrong, lost = (
        RULES[name](items(name, told, **more), metric(name))
        for more in ({}, {"wrong": True}, {"lost": True})
    )
    assert (right.strict == 1.0).all()
    assert right.official.mean() >= 1.0
    assert (wrong.strict == 0.0).all()
    assert wrong.official.mean() <= 0.0
    assert (lost.strict == 0.0).all()
    for made in (right, wrong, lost):
        known = made.official[~np.isnan(made.official)]
        assert ((known >= made.bounds[0]) & (known <= made.bounds[1])).all()
        assert len(made.official) == len(made.strict) == len(made.tied) == len(made.clusters)
