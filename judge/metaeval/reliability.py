"""How well stated probabilities agree with what happened: Brier score, ECE, reliability tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from judge.calibration import EDGE
from judge.errors import ConfigError
from judge.statistics import INTERVAL_DRAWS, IntArray, cluster_bootstrap, cluster_codes
from judge.types import FloatArray, Record

Binning = Literal["width", "mass"]
"""width: bins of equal width over [0, 1]; mass: bins with equally many probabilities."""
BINS = 10


class Bin(Record, frozen=True):
    """The probabilities of one bin, against the events."""

    low: float
    """Lowest and highest probability in it."""
    high: float
    n: int
    stated: float
    """Mean probability."""
    observed: float
    """Share of the events that happened."""
    interval: tuple[float, float]
    """95 % bootstrap interval of the share, by cluster."""


class Reliability(Record, frozen=True):
    """A set of probabilities against what happened."""

    n: int
    brier: float
    brier_interval: tuple[float, float]
    """95 % bootstrap intervals by cluster."""
    log_loss: float
    """In nats; probabilities count as at least `EDGE` away from 0 and 1."""
    ece_width: float
    ece_width_interval: tuple[float, float]
    ece_mass: float
    ece_mass_interval: tuple[float, float]
    bins: tuple[Bin, ...]
    """Of equal mass, without the empty ones."""


def brier(p: npt.ArrayLike, happened: npt.ArrayLike) -> float:
    """Mean squared difference of probability and event, in [0, 1] (Brier 1950).

    Raises:
        ConfigError: There is none, a number is outside [0, 1], or the lengths differ.
    """
    stated, events = checked(p, happened)
    return float(((stated - events) ** 2).mean())


def log_loss(p: npt.ArrayLike, happened: npt.ArrayLike) -> float:
    """Mean of -y log p - (1 - y) log(1 - p), in nats, >= 0; p is kept `EDGE` away from 0 and 1.

    Raises:
        ConfigError: As `brier`.
    """
    stated, events = checked(p, happened)
    inside = np.clip(stated, EDGE, 1.0 - EDGE)
    return float(-(events * np.log(inside) + (1.0 - events) * np.log1p(-inside)).mean())


def expected_calibration_error(
    p: npt.ArrayLike, happened: npt.ArrayLike, *, bins: int = BINS, binning: Binning = "width"
) -> float:
    """Sum over bins of n_b / n * |share of events - mean probability|, in [0, 1].

    Naeini et al. 2015 (equal width); Nguyen & O'Connor 2015 (equal mass). It is biased upward
    where bins are small.

    Raises:
        ConfigError: As `brier`, or `bins` is not a number of bins.
    """
    stated, events = checked(p, happened)
    codes = bin_codes(stated, bins, binning)
    return _gap(stated, events, codes)


def bin_codes(p: FloatArray, bins: int, binning: Binning) -> IntArray:
    """The bin of each probability, [n]; equal probabilities are never in two bins.

    Raises:
        ConfigError: `bins` is not a number of bins.
    """
    if bins < 1:
        raise ConfigError(f"bins: {bins} is not a number of bins")
    if binning == "width":
        return np.minimum((p * bins).astype(np.int64), bins - 1)
    first_place = np.searchsorted(np.sort(p), p, side="left")
    return (first_place * bins // len(p)).astype(np.int64)


def reliability(
    p: npt.ArrayLike,
    happened: npt.ArrayLike,
    clusters: Sequence[str] | None = None,
    *,
    bins: int = BINS,
    draws: int = INTERVAL_DRAWS,
    seed: int = 0,
) -> Reliability:
    """All figures of a set of probabilities, with intervals that draw whole clusters again.

    An interval of ECE shares the bias of ECE, which grows with fewer events a bin.

    Args:
        p: [n], in [0, 1].
        happened: [n], 0 or 1; a tie may be 1/2.
        clusters: [n], such as the prompt of each; None: every event on its own.
        bins: Of either kind.
        draws: Of the bootstrap.
        seed: Of the draws.

    Raises:
        ConfigError: As `brier`, or an argument is wrong.
    """
    stated, events = checked(p, happened)
    names = None if clusters is None else list(clusters)
    cluster = cluster_codes(names, len(stated))
    mass, width = (bin_codes(stated, bins, how) for how in ("mass", "width"))
    drawn = drawn_gaps(stated, events, (width, mass), cluster, draws, seed)
    ends = np.quantile(drawn, (0.025, 0.975), axis=0)
    squares = (stated - events) ** 2
    return Reliability(
        n=len(stated),
        brier=float(squares.mean()),
        brier_interval=cluster_bootstrap(squares, names, draws=draws, seed=seed),
        log_loss=log_loss(stated, events),
        ece_width=_gap(stated, events, width),
        ece_width_interval=(float(ends[0, 0]), float(ends[1, 0])),
        ece_mass=_gap(stated, events, mass),
        ece_mass_interval=(float(ends[0, 1]), float(ends[1, 1])),
        bins=tuple(
            _bin(stated, events, mass == code, names, draws, seed) for code in np.unique(mass)
        ),
    )


def checked(p: npt.ArrayLike, happened: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Probabilities and events as arrays.

    Raises:
        ConfigError: There is none, a number is outside [0, 1], or the lengths differ.
    """
    stated, events = np.asarray(p, dtype=np.float64), np.asarray(happened, dtype=np.float64)
    if stated.ndim != 1 or stated.shape != events.shape or not len(stated):
        raise ConfigError("p, happened: need two lists of one length, not empty")
    for name, values in (("p", stated), ("happened", events)):
        if not ((values >= 0.0) & (values <= 1.0)).all():
            raise ConfigError(f"{name}: need numbers in [0, 1]")
    return stated, events


def drawn_gaps(
    p: FloatArray,
    events: FloatArray,
    codes: Sequence[IntArray],
    clusters: IntArray,
    draws: int,
    seed: int,
) -> FloatArray:
    """ECE of each binning in each draw of clusters, [draws, binnings]; bins stay as they are.

    Args:
        p: [n], in [0, 1].
        events: [n], in [0, 1].
        codes: The bin of each, [n], by binning.
        clusters: The cluster of each, [n], from 0.
        draws: Of as many clusters as there are.
        seed: Equal seeds draw equal clusters.
    """
    count = int(clusters.max()) + 1
    rng = np.random.default_rng(seed)
    times = rng.multinomial(count, np.full(count, 1.0 / count), size=draws)
    sizes = times @ np.bincount(clusters, minlength=count)
    gaps = []
    for code in codes:
        by_cluster = np.zeros((count, int(code.max()) + 1))
        np.add.at(by_cluster, (clusters, code), p - events)
        gaps.append(abs(times @ by_cluster).sum(1) / sizes)
    return np.stack(gaps, 1)


def _gap(p: FloatArray, events: FloatArray, codes: IntArray) -> float:
    return float(abs(np.bincount(codes, p - events)).sum() / len(p))


def _bin(
    p: FloatArray,
    events: FloatArray,
    chosen: npt.NDArray[np.bool_],
    clusters: Sequence[str] | None,
    draws: int,
    seed: int,
) -> Bin:
    inside, seen = p[chosen], events[chosen]
    names = None if clusters is None else [clusters[at] for at in np.flatnonzero(chosen)]
    return Bin(
        low=float(inside.min()),
        high=float(inside.max()),
        n=len(inside),
        stated=float(inside.mean()),
        observed=float(seen.mean()),
        interval=cluster_bootstrap(seen, names, draws=draws, seed=seed),
    )
