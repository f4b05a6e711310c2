"""Leaderboards: ratings, intervals and ranks of models from many comparisons."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from judge.aggregate.games import (
    TIE,
    BoolArray,
    Games,
    IntArray,
    check_beaten,
    check_connected,
    encode,
    items,
    read_games,
)
from judge.aggregate.rating_intervals import Interval, bootstrap_intervals, overlap_ranks
from judge.aggregate.rating_methods import NEEDS_PRIOR, Method, Settings, elo, rate
from judge.aggregate.soft_condorcet import default_temperature
from judge.aggregate.strength import rank_order
from judge.errors import ConfigError
from judge.types import Comparison, FloatArray, Record

ELO_POINTS = "Elo points, mean 1000"
UNITS: Mapping[str, str] = {
    "bradley_terry": ELO_POINTS,
    "newman": ELO_POINTS,
    "elo": ELO_POINTS,
    "average_win_rate": "win rate in [0, 1]",
    "eigen": "share of 1",
    "pagerank": "share of 1",
    "soft_condorcet": "points in [0, 1000]",
}
"""What each method's ratings are measured in."""
_USED = {"elo": "k", "pagerank": "damping", "soft_condorcet": "temperature"}


class Standing(Record, frozen=True):
    """One model's line of a leaderboard."""

    name: str
    rating: float
    """In `Leaderboard.unit`."""
    low: float | None
    """End of the 95 % interval; None without a bootstrap."""
    high: float | None
    rank: float
    """1 = best."""
    comparisons: int
    """Of weight above 0."""
    wins: float
    """Share of the weight of its comparisons; a probability is a win in part, a loss in part."""
    ties: float
    losses: float


class Leaderboard(Record, frozen=True):
    """Models, highest rating first; equal ratings in alphabetical order."""

    rows: tuple[Standing, ...]
    method: str
    unit: str
    comparisons: int
    """Of weight above 0."""
    parameters: Mapping[str, float | int]
    """What the method and the bootstrap were run with."""


def leaderboard(
    first: Iterable[str],
    second: Iterable[str],
    outcome: npt.ArrayLike,
    *,
    method: Method = "bradley_terry",
    weights: npt.ArrayLike | None = None,
    clusters: Iterable[Hashable] | None = None,
    prior: float = 0.1,
    k: float = 4.0,
    damping: float = 0.85,
    temperature: float | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> Leaderboard:
    """Rate and rank models by comparisons of two at a time; row r compares first[r], second[r].

    Ratings depend neither on the order of the comparisons nor on the models' names, except that
    `elo` depends on the order by definition. Ranks follow the ratings, and ties share the mean
    rank; with a bootstrap a rank is 1 + the number of models whose interval lies wholly above
    (the rule of Chatbot Arena, Chiang et al. 2024, arXiv 2403.04132).

    Args:
        first: Names of models.
        second: Their opponents.
        outcome: 1 = the first wins, 0 = the second wins, .5 = tie. All methods but `newman`
            also take probabilities that the first is better, in [0, 1].
        method: `bradley_terry`, `newman` (which models ties) or `elo`, in Elo points; `eigen` or
            `pagerank`, in shares of 1; `average_win_rate`; `soft_condorcet`, in [0, 1000].
        weights: A number >= 0 for each comparison; for `elo` they scale k.
        clusters: What the bootstrap resamples, an id for each comparison (of its prompt, say);
            None: the comparisons.
        prior: For bradley_terry, newman and eigen: weight of one pseudo-comparison of each pair
            that was compared, half of it won by either side. It keeps ratings finite where a
            model is unbeaten (as some model is in a resample of nearly any data) and fades as
            the pair's comparisons outnumber it. 0: none; then an unbeaten model is an error.
        k: Step of `elo`, in points.
        damping: Of `pagerank`, between 0 and 1.
        temperature: Of `soft_condorcet`, in points; None: 1000 / (4 n) for n models.
        bootstrap: Resamples for 95 % percentile intervals; 0: none. `elo` plays a resample in
            random order, so that its intervals include the effect of the order. A resample says
            nothing of models that are absent from it. With `soft_condorcet` a model that leads
            in nearly all resamples has an interval of width 0, at 1000.
        seed: All draws derive from it.

    Raises:
        ConfigError: An argument is wrong, comparisons do not link all models, or some models are
            unbeaten and there is no prior; the message begins with the argument's name.
    """
    if method not in UNITS:
        raise ConfigError(f"method: unknown {method!r}", hint=f"use one of {', '.join(UNITS)}")
    _check_settings(prior, k, damping, temperature, bootstrap)
    games, kept = read_games(first, second, outcome, weights)
    if method == "newman" and not np.isin(games.outcome, (0.0, TIE, 1.0)).all():
        raise ConfigError("outcome: newman takes 1, 0 and .5, no other probabilities")
    cluster = None if clusters is None else _read_clusters(clusters, kept)
    if temperature is None:
        temperature = default_temperature(len(games.names))
    settings = Settings(prior, k, damping, temperature)
    wins, ties = games.table()
    check_connected(games.names, (wins + wins.T + ties) > 0.0)
    if method in NEEDS_PRIOR and not prior:
        check_beaten(games.names, (wins + ties) > 0.0)
    rating = elo(games, k) if method == "elo" else rate(method, wins, ties, settings)
    used = "prior" if method in NEEDS_PRIOR else _USED.get(method)
    parameters: dict[str, float | int] = {} if used is None else {used: getattr(settings, used)}
    intervals = None
    if bootstrap:
        parameters |= {"bootstrap": bootstrap, "seed": seed}
        rng = np.random.default_rng(seed)
        intervals = bootstrap_intervals(method, games, cluster, settings, bootstrap, rng)
    rows = _standings(games, rating, intervals, wins, ties)
    return Leaderboard(rows, method, UNITS[method], len(games.first), parameters)


class Options(TypedDict, total=False):
    """Keyword arguments of `leaderboard` that `leaderboard_of` hands on."""

    clusters: Iterable[Hashable] | None
    prior: float
    k: float
    damping: float
    temperature: float | None
    bootstrap: int
    seed: int


def leaderboard_of(
    comparisons: Iterable[Comparison],
    names: Sequence[str],
    *,
    method: Method = "bradley_terry",
    **options: Unpack[Options],
) -> Leaderboard:
    """As `leaderboard`, of what a judge said; comparison indices count in `names`.

    The outcome is the probability that the first is better, a tie counting half; for `newman`
    it is the likelier of win and loss, or a tie where neither is likelier or a tie is at least
    as likely. The weights are the comparisons' own.

    Raises:
        ConfigError: As `leaderboard`; or a model has no name of its own.
    """
    told = tuple(comparisons)
    if len(set(names)) < len(names):
        raise ConfigError("names: two models have the same name")
    if told and max(max(c.first, c.second) for c in told) >= len(names):
        raise ConfigError(f"names: the comparisons have more models than the {len(names)} names")
    return leaderboard(
        [names[c.first] for c in told],
        [names[c.second] for c in told],
        [_label(c) if method == "newman" else c.p_first + c.p_tie / 2.0 for c in told],
        weights=[c.weight for c in told],
        method=method,
        **options,
    )


def _label(c: Comparison) -> float:
    if c.p_tie >= max(c.p_first, c.p_second) or c.p_first == c.p_second:
        return TIE
    return float(c.p_first > c.p_second)


def _standings(
    games: Games,
    rating: FloatArray,
    intervals: list[Interval | None] | None,
    wins: FloatArray,
    ties: FloatArray,
) -> tuple[Standing, ...]:
    n = len(games.names)
    places = [place for place in rank_order(rating) if place is not None]
    ends: Sequence[Interval | None] = [None] * n
    ranks = places
    if intervals is not None:
        ends, ranks = intervals, overlap_ranks(intervals)
    count = np.bincount(games.first, minlength=n) + np.bincount(games.second, minlength=n)
    parts = np.stack([wins.sum(1), ties.sum(1), wins.sum(0)], 1)
    shares = (parts / parts.sum(1, keepdims=True)).tolist()
    rows = []
    for i in sorted(range(n), key=lambda i: (places[i], games.names[i])):
        line = (rating[i].item(), *(ends[i] or (None, None)), ranks[i], count[i].item())
        rows.append(Standing(games.names[i], *line, *shares[i]))
    return tuple(rows)


def _read_clusters(clusters: Iterable[Hashable], kept: BoolArray) -> IntArray:
    """The cluster of each kept row, 0 to K - 1, in an order that does not depend on theirs."""
    ids = items("clusters", clusters)
    if len(ids) != len(kept):
        raise ConfigError(f"clusters: {len(ids)} ids, but first has {len(kept)} models")
    ids = ids if kept.all() else [id_ for id_, keep in zip(ids, kept, strict=True) if keep]
    order = sorted(set(ids), key=repr)
    if len(order) < 2:
        raise ConfigError("clusters: need at least two to resample")
    return encode(ids, order)


def _check_settings(
    prior: float, k: float, damping: float, temperature: float | None, bootstrap: int
) -> None:
    if not (math.isfinite(prior) and prior >= 0.0):
        raise ConfigError(f"prior: {prior} is not a finite weight")
    if not (math.isfinite(k) and k > 0.0):
        raise ConfigError(f"k: {k} is not a finite step above 0")
    if not 0.0 < damping < 1.0:
        raise ConfigError(f"damping: {damping} is not between 0 and 1")
    if temperature is not None and not (math.isfinite(temperature) and temperature > 0.0):
        raise ConfigError(f"temperature: {temperature} is not a finite number above 0")
    if bootstrap < 0:
        raise ConfigError(f"bootstrap: {bootstrap} is not a number of resamples")
