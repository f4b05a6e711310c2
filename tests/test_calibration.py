import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.calibration import (
    Calibration,
    ProbabilityMap,
    expit,
    load_calibration,
    logit,
    without_order,
)
from judge.errors import ConfigError
from judge.types import Comparison

STEPS = ((0.0, 0.1), (0.4, 0.3), (0.6, 0.3), (1.0, 0.9))
MAPS = st.one_of(
    st.just(ProbabilityMap()),
    st.builds(ProbabilityMap, st.just("temperature"), st.floats(0, 5)),
    st.builds(ProbabilityMap, st.just("platt"), st.floats(0, 5), st.floats(-5, 5)),
    st.just(ProbabilityMap("isotonic", knots=STEPS)),
)
SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=9)


@given(MAPS, SHARES)
def test_every_map_rises_and_stays_in_range(made, shares):
    found = made.apply(np.sort(shares))
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


@given(SHARES, st.floats(0, 1))
def test_nothing_fitted_changes_nothing(shares, tie):
    fresh = Calibration()
    assert fresh.first_share(shares).tolist() == shares
    whole = sum(shares) + 1
    levels = [share / whole for share in (*shares, 1.0)]
    assert fresh.distribution(levels).tolist() == levels
    left = (1 - tie) * shares[0]
    told = Comparison(0, 1, left, tie, 1 - tie - left if tie + left <= 1 else 0.0, lean=0.5)
    assert fresh.comparison(told) is told


@given(MAPS, st.floats(-4, 4), st.lists(st.floats(0.001, 1), min_size=3, max_size=3))
def test_a_calibrated_comparison_is_one_and_keeps_its_tie(made, effect, weights):
    first, tie, second = (weight / sum(weights) for weight in weights)
    told = Comparison(0, 1, first, tie, second)
    found = Calibration(pairs=made, order_effect=effect).comparison(told)
    assert found.p_tie == tie
    assert found.p_first + found.p_second == pytest.approx(first + second)


@given(MAPS, st.lists(st.floats(0.001, 1), min_size=1, max_size=7))
def test_calibrated_levels_are_a_distribution(made, weights):
    levels = np.array(weights) / sum(weights)
    found = Calibration(levels=made).distribution(levels)
    assert found.sum() == pytest.approx(1.0)
    assert (found >= -1e-12).all()


def test_the_order_effect_is_taken_out_before_the_map():
    made = Calibration(pairs=ProbabilityMap("temperature", 0.5), order_effect=1.0)
    told = Comparison(0, 1, float(expit(3.0)), 0.0, float(expit(-3.0)), log_odds=3.0, lean=0.5)
    found = made.comparison(told)
    assert found.p_first == pytest.approx(float(expit(1.0)))
    assert found.log_odds == pytest.approx(1.0)
    assert found.lean is None


def test_log_odds_are_not_clipped_by_a_line():
    made = Calibration(pairs=ProbabilityMap("platt", 2.0, 1.0))
    assert made.comparison(Comparison(0, 1, 1.0, 0.0, 0.0, log_odds=40.0)).log_odds == 81.0


def test_labels_become_probabilities():
    made = Calibration(pairs=ProbabilityMap("temperature", 0.1))
    found = made.comparison(Comparison(0, 1, 1.0, 0.0, 0.0, graded=False))
    assert found.graded
    assert found.p_first == pytest.approx(float(expit(0.1 * logit(1.0))))


def test_a_sure_tie_stays():
    told = Comparison(0, 1, 0.0, 1.0, 0.0)
    assert Calibration(order_effect=2.0).comparison(told) is told


def test_temperature_and_steps_by_hand():
    assert ProbabilityMap("temperature", 2.0).apply([0.8]) == pytest.approx([16 / 17])
    steps = ProbabilityMap("isotonic", knots=STEPS)
    assert steps.apply([0.2, 0.5, 0.8]) == pytest.approx([0.2, 0.3, 0.6])
    assert without_order([0.5], math.log(3)) == pytest.approx([0.25])


def test_levels_by_hand():
    """P(1 or better) = .5 and P(2) = .2 become .75 and 3/7 under odds times 3."""
    made = Calibration(levels=ProbabilityMap("platt", 1.0, math.log(3)))
    assert made.distribution([0.5, 0.3, 0.2]) == pytest.approx([0.25, 0.75 - 3 / 7, 3 / 7])


def test_json_gives_the_same_calibration_and_digest():
    made = Calibration(
        "abc", ProbabilityMap("isotonic", knots=STEPS), ProbabilityMap("platt", 0.1, -1 / 3), 0.2, 5
    )
    again = Calibration.from_json(made.to_json())
    assert again == made
    assert again.digest == made.digest != Calibration("abd").digest


def test_a_file_is_read_or_refused_by_its_name(tmp_path):
    made = Calibration("abc", order_effect=0.25, n_pairs=3, about="a judge")
    path = tmp_path / "c.json"
    path.write_text(made.to_json() + "\n")
    assert load_calibration(path) == load_calibration(str(path)) == made
    assert load_calibration(made) is made
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_calibration(path)
    path.write_text("[]")
    with pytest.raises(ConfigError, match=r"c\.json: not a calibration"):
        load_calibration(path)


@pytest.mark.parametrize("text", ["{", "[]", '{"pairs": {"kind": "cubic"}}', '{"n_pairs": "x"}'])
def test_other_json_is_refused(text):
    with pytest.raises(ConfigError, match="not a calibration"):
        Calibration.from_json(text)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"slope": -1.0}, "slope"),
        ({"intercept": math.inf}, "slope"),
        ({"kind": "isotonic"}, "knots"),
        ({"knots": STEPS}, "knots"),
        ({"kind": "isotonic", "knots": ((0.0, 0.5), (1.0, 0.4))}, "knots"),
        ({"kind": "isotonic", "knots": ((0.5, 0.5), (0.5, 0.6))}, "knots"),
        ({"kind": "isotonic", "knots": ((0.5, 1.5),)}, "knots"),
    ],
)
def test_a_map_that_falls_or_leaves_the_range_is_refused(settings, named):
    with pytest.raises(ConfigError, match=named):
        ProbabilityMap(**settings)


def test_what_is_no_probability_is_refused():
    with pytest.raises(ConfigError, match="p:"):
        ProbabilityMap().apply([1.1])
    with pytest.raises(ConfigError, match="levels"):
        Calibration().distribution([0.5, 0.6])
    with pytest.raises(ConfigError, match="order_effect"):
        Calibration(order_effect=math.nan)
