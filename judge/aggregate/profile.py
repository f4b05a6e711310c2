"""`fit_profile`: what many groups say about the judge itself (empirical Bayes)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from judge.aggregate.gaussian import moments, prior_under, sum_moments
from judge.aggregate.margins import Margins, read
from judge.aggregate.probit import LOGIT_PER_PROBIT, propagate
from judge.aggregate.strength import check_seeds, standardised
from judge.errors import ConfigError
from judge.types import Comparison, FloatArray, JudgeProfile

LAMBDAS: FloatArray = np.geomspace(0.02, 12.0, 25)
TAUS: FloatArray = np.geomspace(0.3, 30.0, 25)
KAPPAS: FloatArray = np.array([0.001, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 4.0])
LABEL_VARS: FloatArray = np.geomspace(0.05, 12.0, 12)
EFFECT_VARS: FloatArray = np.array([0.001, 0.05, 0.2, 0.6])
SEED_RHOS: FloatArray = np.array([0.0, 0.2, 0.4, 0.6, 0.8])
BOTH_WAYS = 50
"""Pairs asked in both orders that are needed to say whether that pays."""
BOTH_PAY = 1.4
_STANDARD = NormalDist()


class _Group(NamedTuple):
    data: Margins
    seed: FloatArray
    """Mean 0 and variance 1; zeros where there is none."""


def fit_profile(
    groups: Iterable[tuple[int, Sequence[Comparison]]],
    *,
    seeds: Iterable[Sequence[float] | None] | None = None,
) -> JudgeProfile:
    """Estimate order effect, noise, spread, tie width and the worth of seeds over many groups.

    Graded margins: marginal likelihood over a grid of strength_var, order_effect_var (and sum_var,
    where all comparisons have scores) over noise_var, order effect and seed slope by generalised
    least squares. Labels: order effect and tie width from the rates of the three
    labels, the spread by the evidence of expectation propagation, in logits. 16 groups give good
    intervals; two already give good ranks.

    Args:
        groups: The number of items and the comparisons of each group.
        seeds: A cheap score an item, one sequence (or None) a group.

    Raises:
        ConfigError: There is no comparison at all, or an argument is wrong.
    """
    pool = list(_read_all(groups, seeds))
    graded = [_only(group, graded=True) for group in pool if group.data.graded.any()]
    labels = [_only(group, graded=False) for group in pool if not group.data.graded.all()]
    if not pool:
        raise ConfigError("groups: there is no comparison in them")
    both = _both_orders_pay([group.data for group in graded or labels])
    if not graded:
        return _from_labels(labels, both, len(pool))
    profile = _from_margins(graded, both, len(pool))
    if not labels:
        return profile
    spread = profile.noise_var + 2.0 * profile.strength_var
    _, width = _rates(labels)
    return replace(profile, tie_width=width * float(np.sqrt(spread)))


def _read_all(
    groups: Iterable[tuple[int, Sequence[Comparison]]],
    seeds: Iterable[Sequence[float] | None] | None,
) -> Iterable[_Group]:
    listed = list(groups)
    cheap = [None] * len(listed) if seeds is None else list(seeds)
    if len(cheap) != len(listed):
        raise ConfigError(f"seeds: {len(cheap)} sequences for {len(listed)} groups")
    for (n, comparisons), own in zip(listed, cheap, strict=True):
        check_seeds(own, n)
        seen, data = read(n, comparisons).compact()
        if len(data):
            seed = None if own is None else standardised(np.asarray(own, np.float64)[seen])
            yield _Group(data, np.zeros(data.n) if seed is None else seed)


def _only(group: _Group, *, graded: bool) -> _Group:
    seen, data = group.data.pick(group.data.graded == graded).compact()
    return _Group(data, group.seed[seen])


class _Sums(NamedTuple):
    """Cross products of (margin, order effect, seed) in the metric V^-1, [T, K, G, 3, 3].

    T values of tau = sum_var / noise_var, K of lam = strength_var / noise_var, G of
    kappa = order_effect_var / noise_var.
    """

    cross: FloatArray
    log_det: FloatArray
    """Of V, [T, K, G]."""


def _sums(group: _Group, taus: FloatArray | None) -> _Sums:
    data, seed = group
    m = moments(data)
    pull, gram = m.pull[None], m.gram[None]
    square = np.array([m.square])
    if taus is not None:
        more, drag, extra = sum_moments(data, m)
        gram, pull = m.gram + more / taus[:, None, None], m.pull + drag / taus[:, None]
        square = m.square + extra / taus
    e, u = np.linalg.eigh(gram)
    ahead = gram @ seed
    rows = np.stack([pull, np.broadcast_to(m.order, pull.shape), ahead], axis=1) @ u
    plain = np.empty((len(gram), 3, 3))
    plain[:, 0, 0], plain[:, 1, 1], plain[:, 2, 2] = square, m.weight, ahead @ seed
    plain[:, 0, 1] = plain[:, 1, 0] = m.total
    plain[:, 0, 2] = plain[:, 2, 0] = pull @ seed
    plain[:, 1, 2] = plain[:, 2, 1] = m.order @ seed
    scaled = LAMBDAS[:, None] * np.maximum(e, 0.0)[:, None]
    d = LAMBDAS[:, None] / (1.0 + scaled)
    cross = plain[:, None] - (rows[:, None] * d[:, :, None]) @ rows[:, None].swapaxes(-1, -2)
    effect = cross[:, :, 1]
    widened = 1.0 + KAPPAS * effect[..., 1, None]
    outer = effect[..., :, None] * effect[..., None, :]
    loose = cross[:, :, None] - (KAPPAS / widened)[..., None, None] * outer[:, :, None]
    return _Sums(loose, np.log1p(scaled).sum(-1)[..., None] + np.log(widened))


def _from_margins(groups: Sequence[_Group], both: bool, n_groups: int) -> JudgeProfile:
    scored = all(group.data.sums is not None for group in groups)
    found = [_sums(group, TAUS if scored else None) for group in groups]
    seeded = [bool(group.seed.any()) for group in groups]
    size = 3 if any(seeded) else 2
    calls = sum(len(group.data) for group in groups)
    extra = calls - len(groups) if scored else 0
    degrees = max(calls + extra - size + 1, 1)
    total = np.sum([one.cross for one in found], axis=0)[..., :size, :size]
    beta, rest = _regress(total)
    score = -0.5 * np.sum([one.log_det for one in found], axis=0)
    score -= 0.5 * degrees * np.log(np.maximum(rest, 1e-12 * calls))
    if scored:
        score -= 0.5 * extra * np.log(TAUS)[:, None, None]
    t, k, g = np.unravel_index(int(score.argmax()), score.shape)
    s2 = max(float(rest[t, k, g]) / degrees, 1e-12)
    slope = float(beta[t, k, g, 1]) if size == 3 else 0.0
    own = [one.cross[t, k, g] for one, has in zip(found, seeded, strict=True) if has]
    return JudgeProfile(
        strength_var=float(LAMBDAS[k]) * s2,
        noise_var=s2,
        order_effect=float(beta[t, k, g, 0]),
        order_effect_var=float(KAPPAS[g]) * s2,
        seed_slope=slope,
        seed_slope_var=_slope_spread(np.array(own), slope, s2) if own else 0.0,
        sum_var=float(TAUS[t]) * s2 if scored else None,
        both_orders=both,
        n_groups=n_groups,
    )


def _regress(cross: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coefficients and residual square from the cross products of (y, x_1, ..)."""
    inner, mixed = cross[..., 1:, 1:], cross[..., 1:, :1]
    ridge = 1e-12 * np.eye(inner.shape[-1])
    beta = np.linalg.solve(inner + ridge, mixed)[..., 0].astype(np.float64, copy=False)
    rest: FloatArray = cross[..., 0, 0] - (mixed[..., 0] * beta).sum(-1)
    return beta, rest


def _slope_spread(own: FloatArray, common: float, s2: float) -> float:
    """Variance of the seed slope between groups, beyond its error in each (weights 1 / error^2)."""
    error = s2 / np.maximum(own[:, 2, 2], 1e-12)
    slope = own[:, 0, 2] / np.maximum(own[:, 2, 2], 1e-12)
    weight = 1.0 / error**2
    return max(float((weight * ((slope - common) ** 2 - error)).sum() / weight.sum()), 0.0)


def _rates(groups: Sequence[_Group]) -> tuple[float, float]:
    """Order effect and tie width in standard deviations of the latent margin.

    Assumes that each item is shown first as often as second.
    """
    label = np.concatenate([group.data.margin for group in groups])
    wins, losses, ties = (int((label == side).sum()) for side in (1.0, -1.0, 0.0))
    first = _STANDARD.inv_cdf((wins + 0.5) / (len(label) + 1.0))
    if not ties:
        return first, 0.0
    second = _STANDARD.inv_cdf((losses + 0.5) / (len(label) + 1.0))
    return 0.5 * (first - second), max(-0.5 * (first + second), 1e-3)


def _from_labels(groups: Sequence[_Group], both: bool, n_groups: int) -> JudgeProfile:
    effect, width = _rates(groups)
    vague = JudgeProfile(1.0, 1.0, effect, 0.05, tie_width=width, both_orders=both)
    options = [_with_spread(vague, v) for v in LABEL_VARS.tolist()]
    evidence = _evidence(groups, options)
    top = int(np.clip(evidence.argmax(), 1, len(options) - 2))
    left, mid, right = evidence[top - 1 : top + 2]
    bend = left - 2.0 * mid + right
    shift = float(np.clip(0.5 * (left - right) / bend, -1.0, 1.0)) if bend < 0.0 else 0.0
    v = float(LABEL_VARS[top] * (LABEL_VARS[1] / LABEL_VARS[0]) ** shift)
    best = _with_spread(vague, v)
    options = [replace(best, order_effect_var=float(var)) for var in EFFECT_VARS]
    best = options[int(_evidence(groups, options).argmax())]
    if any(group.seed.any() for group in groups):
        options = [
            replace(best, strength_var=v * (1.0 - rho**2), seed_slope=rho * float(np.sqrt(v)))
            for rho in SEED_RHOS.tolist()
        ]
        best = options[int(_evidence(groups, options).argmax())]
    unit = LOGIT_PER_PROBIT
    return replace(
        best,
        strength_var=best.strength_var * unit**2,
        noise_var=unit**2,
        order_effect=best.order_effect * unit,
        order_effect_var=best.order_effect_var * unit**2,
        seed_slope=best.seed_slope * unit,
        tie_width=best.tie_width * unit,
        n_groups=n_groups,
    )


def _with_spread(vague: JudgeProfile, v: float) -> JudgeProfile:
    """The same rates of labels, explained with another variance of the strengths."""
    scale = float(np.sqrt(1.0 + 2.0 * v))
    return replace(
        vague,
        strength_var=v,
        order_effect=vague.order_effect * scale,
        tie_width=vague.tie_width * scale,
    )


def _evidence(groups: Sequence[_Group], options: Sequence[JudgeProfile]) -> FloatArray:
    """Log evidence of the labels under each option, summed over the groups."""
    width = np.array([max(option.tie_width, 1e-3) for option in options])
    total = np.zeros(len(options))
    for data, seed in groups:
        own = seed if seed.any() else None
        priors = [prior_under(option, data.n, own) for option in options]
        precision, shift = (np.array(part) for part in zip(*priors, strict=True))
        total += propagate(data, precision, shift, 1.0, width).log_evidence
    return total


def _both_orders_pay(groups: Sequence[Margins]) -> bool:
    """Whether the order effect varies by pair so much that asking both orders is worth it.

    Over pairs asked both ways, R2 is the variance inside groups of half the sum of both margins,
    R1 the variance of half their difference that strengths do not explain; both pay if R2 > 1.4 R1
    (measured crossover).
    """
    same = other = 0.0
    same_free = other_free = pairs = 0
    for data in groups:
        shown: dict[tuple[int, int], float] = {}
        for i, j, y in zip(data.first.tolist(), data.second.tolist(), data.margin, strict=True):
            shown[i, j] = float(y)
        twice = [(i, j) for i, j in shown if i < j and (j, i) in shown]
        if len(twice) < 2:
            continue
        pairs += len(twice)
        even = np.array([shown[i, j] + shown[j, i] for i, j in twice]) / 2.0
        odd = np.array([shown[i, j] - shown[j, i] for i, j in twice]) / 2.0
        rows = np.zeros((len(twice), data.n))
        for k, (i, j) in enumerate(twice):
            rows[k, i], rows[k, j] = 1.0, -1.0
        fitted, _, rank, _ = np.linalg.lstsq(rows, odd, rcond=None)
        same += float(((even - even.mean()) ** 2).sum())
        same_free += len(twice) - 1
        other += float(((odd - rows @ fitted) ** 2).sum())
        other_free += len(twice) - int(rank)
    if pairs < BOTH_WAYS or not other_free:
        return False
    return same / same_free > BOTH_PAY * other / other_free
