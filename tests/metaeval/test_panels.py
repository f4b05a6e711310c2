"""From a panel's verdicts to the confusions that a recipe holds."""

import numpy as np
import pytest

from judge.aggregate.panels import dawid_skene
from judge.errors import ConfigError
from judge.metaeval.panels import panel_votes
from judge.reward_model import RewardModel
from judge.types import CriterionVerdict, Group, Listing, Pairwise, Pointwise, Scalar


def part(*votes, level=0, width=3):
    row = tuple(float(k == level) for k in range(width)) if level is not None else ()
    return CriterionVerdict("a", level, None if level is None else 0.5, row, votes=votes)


@pytest.mark.parametrize(
    ("verdict", "classes", "rows"),
    [
        (Pointwise(0, (part(2, 0, None), part(1, 1, 1))), 3, [[2, 0, -1], [1, 1, 1]]),
        (Pointwise(0, (part(1, 0, width=2), part(1, 0))), 2, [[1, 0]]),
        (Pointwise(0, (part(2, 1), part(None, None, level=None))), 3, [[2, 1]]),
        (Listing((0, 1), ((part(2, 2),), (part(0, 1),))), 3, [[2, 2], [0, 1]]),
        (Pairwise(0, 1, 1.0, 0.0, 0.0, (part(2, 0, 2),)), 2, [[1, 0, 1]]),
        (Pairwise(0, 1, 1.0, 0.0, 0.0, (part(2, 0, 1),)), 3, [[2, 0, 1]]),
        (Pairwise(0, 1, 1.0, 0.0, 0.0, (part(2, 0, 1),)), 2, []),
        (Pointwise(0, (part(),)), 3, []),
        (Scalar(0, 1.0), 3, []),
    ],
)
def test_votes_are_a_table(verdict, classes, rows):
    assert panel_votes([verdict], classes).tolist() == rows


def test_panels_of_different_sizes_are_not_one_table():
    verdicts = [Pointwise(0, (part(1, 1),)), Pointwise(0, (part(1, 1, 1),))]
    with pytest.raises(ConfigError, match="different sizes"):
        panel_votes(verdicts, 3)
    with pytest.raises(ConfigError, match="classes"):
        panel_votes(verdicts, 1)


ACCURACIES = {"judge": 0.65, "second": 0.9, "third": 0.65}


def test_confusions_estimated_from_a_run_serve_the_next(
    coded_engine, make_rubric, make_recipe, quality_of
):
    """One judge mostly knows and two hardly do: the votes show which without any truth, and the
    panel that is told so is right where the mean of the three is not."""

    def truth(text):
        return quality_of(text, "truth") > 0.5

    def judge(role):
        def chances(texts, key, codes):
            knows = quality_of(texts[0], role) < ACCURACIES[role]
            return {code: float(code == codes[truth(texts[0]) is knows]) for code in codes}

        return coded_engine(chances, name=role)

    def scored(texts, **panel):
        members = [{"role": role} for role in ACCURACIES]
        recipe = make_recipe("panel-mean", panel={"members": members, **panel})
        engines = {role: judge(role) for role in ACCURACIES}
        with RewardModel.build(make_rubric(), recipe=recipe, engine=engines) as model:
            return model.score([Group.of("Say it.", texts, id="g")])[0]

    def right(result, texts):
        pairs = zip(result.values, texts, strict=True)
        return sum((value > 0.5) == truth(text) for value, text in pairs) / len(texts)

    first, second = ([f"text {k}" for k in range(n, n + 600)] for n in (0, 600))
    votes = panel_votes(scored(first).verdicts, 2)
    assert votes.shape == (600, 3)
    found = dawid_skene(votes, 2, iterations=5000)
    assert found.converged
    known = [np.diag(table).mean() for table in found.confusion]
    assert known == pytest.approx(list(ACCURACIES.values()), abs=0.1)
    told = [
        {"role": role, "confusion": table.tolist()}
        for role, table in zip(ACCURACIES, found.confusion, strict=True)
    ]
    prior = found.priors.tolist()
    panel = scored(second, members=told, combine="dawid_skene", prior=prior)
    assert right(panel, second) > right(scored(second), second) + 0.03
