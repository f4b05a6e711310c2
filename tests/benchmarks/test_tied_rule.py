import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.benchmarks.items import Judged
from judge.benchmarks.schema import Metric
from judge.benchmarks.tied_rule import HIGHEST, margins, tied_answers
from judge.errors import ConfigError

METRIC = Metric(rule="tied_answers")


def version(name, right, wrong, **more):
    truth = (1.0,) * len(right) + (0.0,) * len(wrong)
    return Judged(f"Ties/{name}", "Ties", name, truth, tuple(right + wrong), **more)


def reference(prompts):
    """The formula of rewardbench/utils.py over all prompts at once, written anew."""
    sides = {
        name: np.array(
            [(min(c) - max(i), max(c) - min(c)) for c, i in (two[name] for two in prompts)]
        ).T
        for name in ("ref", "tied")
    }
    lead_ref, (lead, spread) = sides["ref"][0], sides["tied"]
    with np.errstate(divide="ignore", invalid="ignore"):
        lean = np.nan_to_num(np.tanh(np.minimum(lead_ref, lead) / spread - 1), nan=0.0)
    return (
        0.3 * (lead > 0).mean()
        + 0.3 * (lead_ref > 0).mean()
        + 0.2 * (lead > spread).mean()
        + 0.2 * (np.minimum(lead_ref, lead) > spread).mean()
        + 0.01 * lean.mean()
    )


ratings = st.integers(1, 10).map(float)
several = st.lists(ratings, min_size=2, max_size=4)
prompt = st.fixed_dictionaries(
    {
        "ref": st.tuples(st.lists(ratings, min_size=1, max_size=1), several),
        "tied": st.tuples(several, several),
    }
)


@given(st.lists(prompt, min_size=1, max_size=6))
def test_the_mean_of_our_credits_is_the_reference_formula(prompts):
    judged = [version(f"{name}:{k}", *two[name]) for k, two in enumerate(prompts) for name in two]
    made = tied_answers(judged, METRIC)
    assert made.official.mean() == pytest.approx(reference(prompts))
    assert (made.official[made.strict == 1.0] >= 1.0).all()


def test_a_judge_that_likes_all_right_answers_the_same_gets_the_most():
    judged = [version("ref:1", [9.0], [1.0, 2.0]), version("tied:1", [9.0] * 3, [1.0])]
    made = tied_answers(judged, METRIC)
    assert made.official.tolist() == pytest.approx([HIGHEST])
    assert made.strict.tolist() == [1.0]
    assert made.bounds[1] == HIGHEST


def test_a_tie_of_right_and_wrong_is_not_accurate():
    one = margins(version("tied:1", [5.0, 5.0], [5.0]))
    assert (one.accurate, one.spread, one.lead) == (False, 0.0, 0.0)
    judged = [version("ref:1", [5.0], [5.0]), version("tied:1", [5.0, 5.0], [5.0])]
    made = tied_answers(judged, METRIC)
    assert made.official.tolist() == [0.0]  # 0 / 0 counts 0
    assert made.tied.tolist() == [1.0]


@pytest.mark.parametrize(
    ("right", "wrong", "accurate"), [([9.0, None], [1.0], False), ([9.0, 8.0], [None], True)]
)
def test_a_failed_verdict_ranks_last_and_is_wrong_strictly(right, wrong, accurate):
    assert margins(version("tied:1", right, wrong)).accurate is accurate
    judged = [version("ref:1", [9.0], [1.0]), version("tied:1", right, wrong)]
    assert tied_answers(judged, METRIC).strict.tolist() == [0.0]


def test_a_prompt_without_its_other_version_is_left_out():
    whole = [version("ref:1", [9.0], [1.0]), version("tied:1", [9.0, 9.0], [1.0])]
    made = tied_answers([*whole, version("ref:2", [1.0], [9.0])], METRIC)
    assert len(made.official) == 1
    assert made.notes == ("1 prompts of which a version is missing are left out",)
    assert math.isclose(made.official[0], HIGHEST)


def test_ties_are_rated_singly():
    with pytest.raises(ConfigError, match="judged alone"):
        tied_answers([version("ref:1", [9.0], [1.0], alone=False)], METRIC)
