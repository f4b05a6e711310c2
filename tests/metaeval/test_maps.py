import numpy as np
import pytest

from judge.calibration import expit, logit
from judge.metaeval.maps import fit_map, fit_order_effect
from judge.metaeval.reliability import log_loss


def judged(n, sharpness, effect, seed=0):
    """A judge that knows the right log-odds, times `sharpness`, plus an order effect."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.5, n)
    return expit(sharpness * true + effect), rng.random(n) < expit(true)


def test_a_pair_and_its_mirror_get_mirrored_probabilities():
    said, right = judged(400, 2.0, 0.0)
    at = np.linspace(0.01, 0.99, 21)
    for kind in ("temperature", "platt", "isotonic"):
        made = fit_map(said, right, kind, mirrored=True)
        assert made.apply(at) + made.apply(1 - at) == pytest.approx(np.ones(21), abs=1e-4)


def test_fitting_lowers_the_loss_and_knows_no_certainty():
    said, right = judged(500, 4.0, 0.5)
    before = log_loss(said, right)
    losses = {kind: log_loss(fit_map(said, right, kind).apply(said), right)
              for kind in ("temperature", "platt", "isotonic")}  # fmt: skip
    assert losses["platt"] <= losses["temperature"] < before
    assert losses["isotonic"] < before
    separable = fit_map([0.4, 0.6] * 20, [0, 1] * 20, "isotonic").apply([0.0, 1.0])
    assert 0.0 < separable[0] < separable[1] < 1.0
    assert np.isfinite(fit_map([0.4, 0.6] * 20, [0, 1] * 20, "platt").slope)


def test_a_judge_that_is_always_wrong_is_flattened_not_turned_round():
    said, right = judged(500, 1.0, 0.0)
    assert fit_map(said, ~right, "temperature").slope == 0.0
    assert fit_order_effect(said, ~right) == 0.0


@pytest.mark.parametrize("kind", ["temperature", "platt"])
@pytest.mark.parametrize("turned", [False, True])
def test_no_map_near_the_fitted_one_is_likelier(kind, turned):
    said, right = judged(300, 2.0, 0.7, seed=4)
    right = ~right if turned else right
    made = fit_map(said, right, kind)

    def penalised(slope, intercept):
        found = expit(slope * logit(said) + intercept)
        return 300 * log_loss(found, right) + 0.5 * ((slope - 1.0) ** 2 + intercept**2)

    best = penalised(made.slope, made.intercept)
    for slope in (-0.01, 0.0, 0.01):
        for intercept in (-0.01, 0.0, 0.01) if kind == "platt" else (0.0,):
            at = max(0.0, made.slope + slope), made.intercept + intercept
            assert penalised(*at) >= best - 1e-9
    assert (made.slope == 0.0) is turned


def test_verdicts_that_are_sure_and_right_are_fitted_too():
    made = fit_map([0.0] * 50 + [1.0] * 50, [0] * 50 + [1] * 50, "platt")
    assert np.isfinite([made.slope, made.intercept]).all()
    assert made.apply([0.0, 1.0]) == pytest.approx([0.0, 1.0], abs=1e-3)
