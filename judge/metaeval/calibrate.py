"""A judge's calibration fitted on labelled verdicts, its map chosen by cross-validation.

What it is worth is told by predictions for prompts that neither a map nor the choice of its kind
has seen, against what the judge said of them (`HeldOut`; see `judge.metaeval.gain`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from judge.calibration import Calibration, MapKind, without_order
from judge.errors import ConfigError
from judge.metaeval.maps import fit_map, fit_order_effect
from judge.metaeval.reliability import Reliability, log_loss, reliability
from judge.statistics import IntArray, cluster_codes, wilson
from judge.types import Comparison, FloatArray, Record

PAIR_KINDS: tuple[MapKind, ...] = ("identity", "temperature", "isotonic")
"""Kinds tried on pairs; with the order effect taken out, platt is temperature."""
KINDS: tuple[MapKind, ...] = ("identity", "temperature", "platt", "isotonic")
FOLDS = 5
LEAST = 30
"""Labelled events below which nothing is fitted."""
FAR = 3.29
"""Standard normal quantile, two-sided 99.9 %: chance alone is seldom further off."""

Mask = npt.NDArray[np.bool_]
Predict = Callable[[Mask, Mask, MapKind], FloatArray]
"""(events to fit on, events to predict, kind) -> their probabilities."""


class LabelledPair(NamedTuple):
    """One comparison, and which of the two shown is better."""

    comparison: Comparison
    first_better: bool
    prompt: str


class HeldOut(NamedTuple):
    """Labelled events, what the judge said of them, and what its calibration says; all [n]."""

    stated: FloatArray
    predicted: FloatArray
    """By cross-validation: fitted, and its kind chosen, without the fold of the event."""
    events: FloatArray
    prompts: Sequence[str]


class Fitted(Record, frozen=True, eq=False):
    """A calibration, and what it does on data it was not fitted on."""

    calibration: Calibration
    before: Reliability
    after: Reliability
    """Of the held-out predictions."""
    losses: Mapping[MapKind, float]
    """Kind -> cross-validated log loss in nats; the chosen kind has the lowest."""
    held_out: HeldOut


def fit_pairs(
    pairs: Sequence[LabelledPair],
    *,
    judge: str = "",
    about: str = "",
    order_effect: bool = True,
    kinds: Sequence[MapKind] = PAIR_KINDS,
    folds: int = FOLDS,
    seed: int = 0,
) -> Fitted:
    """A judge's calibration for pairs; sure ties are left out.

    Args:
        pairs: Labelled comparisons, best in both orders.
        judge: The judge's digest, stored with the calibration.
        about: The judge in words, stored too.
        order_effect: Whether to fit it.
        kinds: Of the map; the one with the lowest cross-validated log loss is taken, the earlier
            at a tie, so that `identity` first means that a map must earn its place.
        folds: Prompts are split into so many parts.
        seed: Of the split and of the intervals.

    Raises:
        ConfigError: Fewer than `LEAST` decided comparisons, or fewer prompts than folds; or an
            order effect is wanted, but the better response was shown first too often or seldom.
    """
    decided = [one for one in pairs if one.comparison.p_first + one.comparison.p_second > 0.0]
    share = np.array([_share(one.comparison) for one in decided])
    events = np.array([float(one.first_better) for one in decided])
    prompts = [one.prompt for one in decided]
    if order_effect:
        _check_balanced(events)

    def fit(rows: Mask, kind: MapKind) -> Calibration:
        effect = fit_order_effect(share[rows], events[rows]) if order_effect else 0.0
        at = without_order(share[rows], effect)
        made = fit_map(at, events[rows], kind, mirrored=True)
        return Calibration(judge, made, order_effect=effect, n_pairs=int(rows.sum()), about=about)

    def predict(known: Mask, asked: Mask, kind: MapKind) -> FloatArray:
        return fit(known, kind).first_share(share[asked])

    parts = _parts(prompts, folds, seed)
    losses, predicted = _tried(kinds, parts, events, predict)
    made = fit(np.ones(len(share), dtype=np.bool_), _best(losses))
    return _fitted(made, losses, HeldOut(share, predicted, events, prompts), seed)


def fit_levels(
    distributions: Sequence[npt.ArrayLike],
    levels: Sequence[int],
    clusters: Sequence[str] | None = None,
    *,
    judge: str = "",
    about: str = "",
    kinds: Sequence[MapKind] = KINDS,
    folds: int = FOLDS,
    seed: int = 0,
) -> Fitted:
    """A judge's calibration for levels: one map for P(level k or better), k = 1 .. K - 1.

    Args:
        distributions: n probabilities of levels, worst to best; their numbers K may differ.
        levels: [n], the right level of each, from 0.
        clusters: [n], the prompt of each; None: every verdict on its own.
        judge: As of `fit_pairs`.
        about: As of `fit_pairs`.
        kinds: As of `fit_pairs`.
        folds: As of `fit_pairs`.
        seed: As of `fit_pairs`.

    Raises:
        ConfigError: As `fit_pairs`; or the shapes do not fit, or a level is none.
    """
    rows = [np.asarray(row, dtype=np.float64) for row in distributions]
    names = [str(at) for at in range(len(rows))] if clusters is None else list(clusters)
    if not len(rows) == len(levels) == len(names):
        raise ConfigError("distributions, levels, clusters: need one of each a verdict")
    some, told = [], []
    for row, level in zip(rows, levels, strict=True):
        if row.ndim != 1 or len(row) < 2 or not 0 <= level < len(row):
            raise ConfigError(f"levels: {level} is not one of {row.size} levels, 0 the worst")
        some.append(np.clip(np.cumsum(row[::-1])[::-1][1:], 0.0, 1.0))
        told.append((level >= np.arange(1, len(row))).astype(np.float64))
    above, events = np.concatenate(some or [np.empty(0)]), np.concatenate(told or [np.empty(0)])
    owners = [name for name, row in zip(names, rows, strict=True) for _ in row[1:]]

    def predict(known: Mask, asked: Mask, kind: MapKind) -> FloatArray:
        return fit_map(above[known], events[known], kind).apply(above[asked])

    losses, predicted = _tried(kinds, _parts(owners, folds, seed), events, predict)
    made = fit_map(above, events, _best(losses))
    return _fitted(
        Calibration(judge, levels=made, n_levels=len(rows), about=about),
        losses,
        HeldOut(above, predicted, events, owners),
        seed,
    )


def _fitted(
    calibration: Calibration, losses: Mapping[MapKind, float], held_out: HeldOut, seed: int
) -> Fitted:
    stated, predicted, events, prompts = held_out
    return Fitted(
        calibration,
        reliability(stated, events, prompts, seed=seed),
        reliability(predicted, events, prompts, seed=seed),
        losses,
        held_out,
    )


def _tried(
    kinds: Sequence[MapKind], parts: IntArray, events: FloatArray, predict: Predict
) -> tuple[Mapping[MapKind, float], FloatArray]:
    """The held-out loss of every kind, and predictions in whose making no choice has seen them.

    For these the kind is chosen in each fold anew, by cross-validation over the other folds alone
    (nested, Varma & Simon 2006).
    """
    every = np.ones(len(events), dtype=np.bool_)
    predicted = np.empty(len(events))
    for part in np.unique(parts):
        asked = parts == part
        kind = _best(_losses(kinds, parts, events, predict, ~asked))
        predicted[asked] = predict(~asked, asked, kind)
    return _losses(kinds, parts, events, predict, every), predicted


def _losses(
    kinds: Sequence[MapKind], parts: IntArray, events: FloatArray, predict: Predict, among: Mask
) -> dict[MapKind, float]:
    """The log loss of every kind on some events, each part of them predicted by the others."""
    losses: dict[MapKind, float] = {}
    for kind in kinds:
        held_out = np.empty(len(events))
        for part in np.unique(parts[among]):
            asked = parts == part
            held_out[asked] = predict(among & ~asked, asked, kind)
        losses[kind] = log_loss(held_out[among], events[among])
    return losses


def _best(losses: Mapping[MapKind, float]) -> MapKind:
    """The kind with the lowest loss, the earlier at a tie."""
    if not losses:
        raise ConfigError("kinds: there is none to choose from")
    return min(losses, key=losses.__getitem__)


def _parts(clusters: Sequence[str], folds: int, seed: int) -> IntArray:
    """The part of each event, [n]; a cluster lies in one part."""
    codes = cluster_codes(clusters, len(clusters))
    count = len(set(clusters))
    if folds < 3:
        raise ConfigError(f"folds: {folds} are too few", hint="at least 3")
    if len(codes) < LEAST or count < folds:
        raise ConfigError(
            f"labels: {len(codes)} events of {count} prompts are too few",
            hint=f"at least {LEAST} events, and as many prompts as the {folds} folds",
        )
    order = np.random.default_rng(seed).permutation(count)
    parts: IntArray = (order % folds)[codes]
    return parts


def _check_balanced(first_better: FloatArray) -> None:
    """Raise ConfigError where who was shown first tells who is better."""
    n = len(first_better)
    low, high = wilson(float(first_better.sum()), n, FAR)
    if not low <= 0.5 <= high:
        raise ConfigError(
            f"pairs: the better response was shown first in {first_better.mean():.0%} of {n}"
            " comparisons, so that nothing can be said of the order's own effect",
            hint="judge the pairs in both orders",
        )


def _share(comparison: Comparison) -> float:
    """P(first | decided), of the probabilities, as `Calibration.comparison` reads it."""
    return min(1.0, comparison.p_first / (comparison.p_first + comparison.p_second))
