"""What a calibration changes on held-out verdicts: figures before and after, and intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from judge.calibration import EDGE
from judge.metaeval.calibrate import HeldOut
from judge.metaeval.maps import fit_order_effect
from judge.metaeval.reliability import BINS, bin_codes, drawn_gaps, expected_calibration_error
from judge.statistics import INTERVAL_DRAWS, IntArray, cluster_bootstrap, cluster_codes
from judge.types import FloatArray, Record

EFFECT_DRAWS = 200
"""Draws of the order effect, which is fitted again in each."""


class Gain(Record, frozen=True):
    """One figure of a judge's probabilities, as they were and calibrated."""

    before: float
    after: float
    change: float
    """after - before."""
    low: float
    """Ends of the 95 % bootstrap interval of the change, by prompt."""
    high: float


def gains(held_out: HeldOut, *, seed: int = 0) -> dict[str, Gain]:
    """Brier score, log loss in nats, ECE (bins of equal mass) and accuracy at 1/2.

    Accuracy is the share of events on the side of 1/2 that the probability is; 1/2 counts 1/2.
    Predictions stay as they are while prompts are drawn again, in pairs of before and after. The
    intervals of ECE share its upward bias, which the two sides have in different measure: judge by
    the others.

    Args:
        held_out: As `judge.metaeval.calibrate` gives it.
        seed: Of the draws.
    """
    stated, predicted, events, prompts = held_out
    made = {}
    for name, figure, bound in (
        ("brier", _squares, 1.0),
        ("log_loss", _logs, float(-np.log(EDGE))),
        ("accuracy", _rights, 1.0),
    ):
        before, after = figure(stated, events), figure(predicted, events)
        ends = cluster_bootstrap(after - before, prompts, bounds=(-bound, bound), seed=seed)
        made[name] = _gain(float(before.mean()), float(after.mean()), ends)
    made["ece"] = _ece(held_out, seed)
    return made


def order_gain(held_out: HeldOut, *, draws: int = EFFECT_DRAWS, seed: int = 0) -> Gain:
    """The order effect in logits, of pairs, before and after; the change is that of its size.

    Args:
        held_out: Of comparisons of which the better response was shown first as often as second.
        draws: Of the prompts; the effect is fitted again in each.
        seed: Of the draws.
    """
    stated, predicted, events, prompts = held_out
    effects = [fit_order_effect(side, events) for side in (stated, predicted)]
    members = _members(cluster_codes(prompts, len(events)))
    rng = np.random.default_rng(seed)
    changes = []
    for _ in range(draws):
        picked = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[at] for at in picked])
        drawn = [fit_order_effect(side[rows], events[rows]) for side in (stated, predicted)]
        changes.append(abs(drawn[1]) - abs(drawn[0]))
    low, high = np.quantile(changes, (0.025, 0.975))
    before, after = effects
    return Gain(before, after, abs(after) - abs(before), float(low), float(high))


def _gain(before: float, after: float, ends: tuple[float, float]) -> Gain:
    return Gain(before, after, after - before, ends[0], ends[1])


def _squares(p: FloatArray, events: FloatArray) -> FloatArray:
    squares: FloatArray = (p - events) ** 2
    return squares


def _logs(p: FloatArray, events: FloatArray) -> FloatArray:
    """As `log_loss`, of each event; the events are 0 or 1."""
    inside = np.clip(p, EDGE, 1.0 - EDGE)
    logs: FloatArray = -np.log(np.where(events > 0.5, inside, 1.0 - inside))
    return logs


def _rights(p: FloatArray, events: FloatArray) -> FloatArray:
    rights: FloatArray = np.where(p == 0.5, 0.5, ((p > 0.5) == (events > 0.5)).astype(np.float64))
    return rights


def _ece(held_out: HeldOut, seed: int) -> Gain:
    stated, predicted, events, prompts = held_out
    codes = cluster_codes(prompts, len(events))
    drawn, figures = [], []
    for side in (stated, predicted):
        bins = bin_codes(side, BINS, "mass")
        # Equal seeds draw equal prompts for both sides.
        drawn.append(drawn_gaps(side, events, (bins,), codes, INTERVAL_DRAWS, seed)[:, 0])
        figures.append(expected_calibration_error(side, events, binning="mass"))
    low, high = np.quantile(drawn[1] - drawn[0], (0.025, 0.975))
    return _gain(figures[0], figures[1], (float(low), float(high)))


def _members(codes: IntArray) -> Sequence[IntArray]:
    """The events of each cluster."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes))[:-1])
