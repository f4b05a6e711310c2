import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.curation.strength import Limits, decide, is_noisy, strength
from judge.errors import ConfigError

VOTES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=7).map(np.array)


def test_strength_is_the_mean_lead_with_its_spread():
    found = strength(np.array([0.9, np.nan, 0.5]))
    assert (found.mean, found.spread, found.votes) == (pytest.approx(0.4), pytest.approx(0.4), 2)
    assert strength(np.array([np.nan])).votes == 0


@pytest.mark.parametrize(
    ("votes", "action", "better", "soft"),
    [
        ([0.9, 0.8, 0.9], "keep", 0, 1.0),
        ([0.1, 0.2, 0.1], "flip", 1, 1.0),
        ([0.5, 0.5, 0.5], "soften", 0, 0.5),
        ([0.45, 0.4, 0.4], "soften", 0, 1.25 / 3),
        ([0.0, 0.0, 0.95], "soften", 0, 0.95 / 3),  # they disagree: 1 s.e. reaches 0
        ([0.1, np.nan, np.nan], "unjudged", 0, 1.0),
    ],
)
def test_pairs_are_kept_flipped_or_softened(votes, action, better, soft):
    limits = Limits() if action != "soften" else Limits(z=2.0)
    made = decide(0, np.array(votes), limits)
    assert (made.action, made.better) == (action, better)
    assert made.soft_label == pytest.approx(soft)


@pytest.mark.parametrize("noisy", ["flip", "soften", "drop", "keep"])
@pytest.mark.parametrize("ambiguous", ["soften", "drop", "keep"])
def test_each_kind_is_treated_as_told(noisy, ambiguous):
    limits = Limits(noisy=noisy, ambiguous=ambiguous)
    assert decide(1, np.array([0.1, 0.1]), limits).action == noisy
    assert decide(1, np.array([0.5, 0.5]), limits).action == ambiguous
    assert decide(1, np.array([0.9, 0.9]), limits).action == "keep"


@settings(deadline=None)
@given(VOTES, st.booleans())
def test_a_label_and_its_opposite_are_judged_by_one_measure(votes, one):
    better = int(one)
    found, turned = strength(votes), strength(1.0 - votes)
    assert found.mean == pytest.approx(-turned.mean)
    assert found.spread == pytest.approx(turned.spread)
    assert -1.0 <= found.mean <= 1.0
    limits = Limits()
    assert not (is_noisy(found, limits) and is_noisy(turned, limits))
    made = decide(better, votes, limits)
    assert (made.better != better) == (made.action == "flip")
    assert 0.0 <= made.soft_label <= 1.0
    if made.action == "flip":
        assert decide(made.better, 1.0 - votes, limits).action == "keep"


def test_a_pair_without_a_label_gets_none():
    made = decide(None, np.array([0.9, 0.9]), Limits())
    assert (made.action, made.better, made.strength) == ("unlabelled", None, None)


@pytest.mark.parametrize(
    "wrong", [{"noisy_below": 0.0}, {"clear_from": -0.1}, {"z": -1.0}, {"least_votes": 0}]
)
def test_limits_out_of_range_are_errors(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Limits(**wrong)
