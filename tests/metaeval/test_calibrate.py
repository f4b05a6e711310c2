import numpy as np
import pytest

from judge.calibration import expit, logit
from judge.errors import ConfigError
from judge.metaeval.calibrate import LabelledPair, fit_levels, fit_pairs
from judge.types import Comparison


def judged(n, sharpness, effect, seed=0):
    """Pairs of a judge that knows the right log-odds, times `sharpness`, plus an order effect."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.5, n)
    said = expit(sharpness * true + effect)
    return said, rng.random(n) < expit(true), [str(at // 2) for at in range(n)]


def pairs_of(said, right, prompts):
    return [
        LabelledPair(Comparison(0, 1, p, 0.0, 1.0 - p), bool(first), prompt)
        for p, first, prompt in zip(said.tolist(), right, prompts, strict=True)
    ]


def test_a_loud_judge_with_an_order_effect_is_found_out():
    found = fit_pairs(pairs_of(*judged(3000, 3.0, 1.2)), judge="j")
    assert found.calibration.order_effect == pytest.approx(1.2, abs=0.25)
    assert found.calibration.judge == "j"
    assert found.calibration.n_pairs == 3000
    assert found.after.brier < found.before.brier
    assert found.after.ece_mass < 0.5 * found.before.ece_mass
    calibrated = found.calibration.first_share([0.2, 0.5, 0.8])
    assert calibrated == pytest.approx(expit((logit([0.2, 0.5, 0.8]) - 1.2) / 3), abs=0.06)


def test_the_kind_has_the_lowest_held_out_loss():
    found = fit_pairs(pairs_of(*judged(800, 3.0, 0.0)))
    assert found.calibration.pairs.kind == min(found.losses, key=found.losses.get)
    assert found.losses["temperature"] < found.losses["identity"]


def test_a_judge_that_is_right_about_its_doubt_is_nearly_left_alone():
    found = fit_pairs(pairs_of(*judged(3000, 1.0, 0.0, seed=3)))
    said = np.linspace(0.05, 0.95, 19)
    assert abs(found.calibration.first_share(said) - said).max() < 0.06


def test_a_calibrated_judge_is_not_given_a_map_that_only_fits_noise():
    """Held out, what is fitted to nothing loses: identity, and no event seen by its own choice."""
    found = fit_pairs(pairs_of(*judged(300, 1.0, 0.0, seed=5)), order_effect=False)
    assert found.losses["identity"] < found.losses["isotonic"]
    stated, predicted, events, prompts = found.held_out
    assert len(stated) == len(predicted) == len(events) == len(prompts) == 300
    assert found.after.log_loss >= min(found.losses.values())


def test_who_was_shown_first_must_not_tell_who_is_better():
    said, _, prompts = judged(200, 1.0, 0.0)
    better = np.arange(200) % 10 > 1
    with pytest.raises(ConfigError, match="shown first in 80%"):
        fit_pairs(pairs_of(said, better, prompts))
    assert fit_pairs(pairs_of(said, better, prompts), order_effect=False).calibration.n_pairs == 200


def test_the_kinds_can_be_named():
    pairs = pairs_of(*judged(400, 3.0, 0.5))
    only = fit_pairs(pairs, kinds=("identity",)).calibration
    assert only.pairs.kind == "identity"
    assert only.order_effect != 0.0
    with pytest.raises(ConfigError, match="kinds"):
        fit_pairs(pairs, kinds=())
    with pytest.raises(ConfigError, match="folds"):
        fit_pairs(pairs, folds=2)


def test_levels_of_scales_of_different_lengths_share_a_map():
    rows, right = [], []
    rng = np.random.default_rng(1)
    for k in range(400):
        p = rng.uniform(0.05, 0.95)
        loud = float(expit(3 * logit(p)))
        level = int(rng.random() < p)
        rows.append([1 - loud, loud] if k % 2 else [1 - loud, 0.0, loud])
        right.append(level if k % 2 else 2 * level)
    found = fit_levels(rows, right)
    assert len(found.held_out.events) == 600
    assert found.calibration.levels.slope == pytest.approx(1 / 3, abs=0.08)


def test_levels_of_a_loud_judge_are_softened():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, (1500, 4))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    loud = true**3 / (true**3).sum(1, keepdims=True)
    right = np.array([rng.choice(4, p=p) for p in true])
    found = fit_levels(loud, right)
    assert found.after.log_loss < found.before.log_loss
    soft = found.calibration.distribution(loud)
    at = np.arange(len(right))
    assert np.log(np.clip(soft[at, right], 1e-6, 1)).mean() > np.log(loud[at, right]).mean()
    assert found.calibration.n_levels == 1500


def test_too_little_is_refused():
    with pytest.raises(ConfigError, match="too few"):
        fit_pairs(pairs_of(*judged(20, 1.0, 0.0)))
    said, right, _ = judged(100, 1.0, 0.0)
    with pytest.raises(ConfigError, match="prompts"):
        fit_pairs(pairs_of(said, right, ["a"] * 100))
    with pytest.raises(ConfigError, match="levels"):
        fit_levels([[0.5, 0.5]], [2])
    with pytest.raises(ConfigError, match="one of each"):
        fit_levels([[0.5, 0.5]], [1, 0])
    with pytest.raises(ConfigError, match="too few"):
        fit_levels([], [])
