"""Social choice over criteria: each criterion (or judge) is a weighted voter that ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.types import FloatArray

Mask = npt.NDArray[np.bool_]

EVEN = 1e-9
"""Votes closer than this share of all weight are equal: sums of weights carry rounding errors."""


class Rule(Protocol):
    """A rule that gives every candidate a number."""

    def __call__(self, table: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> FloatArray:
        """Higher = better, [N]."""


class Ballots(NamedTuple):
    """A table reduced to what counts; who shares no column with another plays no part."""

    beats: Mask
    """[N, N, K]: the first scores strictly above the second in this column."""
    known: Mask
    """[N, K]."""
    weights: FloatArray
    """[K], all above 0."""
    plays: Mask
    """[N]."""


def as_table(table: npt.ArrayLike) -> FloatArray:
    """The scores as an array [N, K] of numbers or NaN (not judged).

    Raises:
        ConfigError: It is not two-dimensional.
    """
    array = np.array(table, dtype=np.float64)
    if array.shape == (0,):
        array = array.reshape(0, 0)
    if array.ndim != 2:
        raise ConfigError(f"table: the shape is {array.shape}, not [N, K]")
    return array


def plurality(table: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Weight of the columns that rank a candidate first, alone (Vote'n'Rank, code of the authors).

    A first place that is shared counts for nobody.

    Args:
        table: [N, K] scores, higher = better, NaN = not judged.
        weights: [K], >= 0; equal (1 each) by default.

    Returns:
        [N], in [0, sum of weights]; NaN where a candidate is judged in no column together with
        another. Columns where it is not judged are left out, as under all positional rules: ranks
        are taken among those judged in a column, stretched to 1 .. number of candidates, and the
        mean over the columns judged counts for all weight. (The source forbids missing scores
        here.) A candidate alone on the ballots gets what the formula gives for N = 1.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    return _positional(table, weights, lambda first, last, n: (last <= 1.0).astype(np.float64))


def borda(table: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Sum of w (N - rank), rank = the last of the tied places (Vote'n'Rank).

    Returns:
        [N], in [0, (N - 1) sum of weights]. Arguments and missing scores as in `plurality`.
    """
    return _positional(table, weights, lambda first, last, n: n - last)


def dowdall(table: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Sum of w / rank, rank = the first of the tied places (Vote'n'Rank).

    Returns:
        [N], in [sum of weights / N, sum of weights]. Arguments and missing scores as in
        `plurality`.
    """
    return _positional(table, weights, lambda first, last, n: 1.0 / first)


def copeland(
    table: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    form: Literal["difference", "lower_with_ties"] = "difference",
) -> FloatArray:
    """Candidates beaten by weighted majority, against those lost to (Vote'n'Rank).

    Args:
        table: [N, K] scores; a column where either of a pair is missing is skipped for the pair.
        weights: [K], >= 0; equal by default.
        form: wins - losses, in [1 - N, N - 1], or wins + ties / 2, in [0, N - 1]. A pair without
            a common column is undecided, which in the second form is a tie, as in the source.

    Returns:
        [N]; NaN where a candidate has no column in common with another.
    """
    ballots = _ballots(table, weights)
    margin, _, _ = _duels(ballots)
    wins, losses = (margin > 0.0).sum(1), (margin < 0.0).sum(1)
    if form == "lower_with_ties":
        value = wins + 0.5 * (ballots.plays.sum() - 1 - wins - losses)
    elif form == "difference":
        value = (wins - losses).astype(np.float64)
    else:
        raise ConfigError(f"form: {form!r}", hint="use difference or lower_with_ties")
    return np.where(ballots.plays, value, np.nan)


def minimax(
    table: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    against: Literal["winning_votes", "margins"] = "winning_votes",
) -> FloatArray:
    """Minus a candidate's worst duel (Vote'n'Rank).

    Args:
        table: [N, K] scores; a column where either of a pair is missing is skipped for the pair,
            and the votes of the others are stretched to all weight, so that missing verdicts do
            not protect a candidate. (The source does not stretch; without NaN it is the same.)
        weights: [K], >= 0; equal by default.
        against: The votes for the opponent where it wins the duel (so 0 is the best value), or
            its votes minus the candidate's, won or not (a Condorcet winner is above 0).

    Returns:
        [N], in [-sum of weights, 0] or [-sum of weights, sum of weights]; NaN where a candidate
        has no column in common with another.
    """
    ballots = _ballots(table, weights)
    margin, votes, met = _duels(ballots)
    if against == "winning_votes":
        worst = np.where(margin < 0.0, votes.T, 0.0).max(1, initial=0.0)
    elif against == "margins":
        worst = np.where(met, -margin, -np.inf).max(1, initial=-np.inf)
        worst = np.where(met.any(1), worst, 0.0)
    else:
        raise ConfigError(f"against: {against!r}", hint="use winning_votes or margins")
    return np.where(ballots.plays, 0.0 - worst, np.nan)


def condorcet(table: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> int | None:
    """Index of the candidate that beats every other by weighted majority; None if there is none.

    Candidates without a column in common with another play no part; the only one judged wins.
    Arguments as in `copeland`.
    """
    ballots = _ballots(table, weights)
    margin, _, _ = _duels(ballots)
    winner = ballots.plays & ((margin > 0.0).sum(1) == ballots.plays.sum() - 1)
    return int(winner.argmax()) if winner.any() else None


RULES: Mapping[str, Rule] = {
    "plurality": plurality,
    "borda": borda,
    "dowdall": dowdall,
    "copeland": copeland,
    "minimax": minimax,
}
"""The rules with a number a candidate, by name (`condorcet` names a winner instead)."""


def _ballots(table: npt.ArrayLike, weights: npt.ArrayLike | None) -> Ballots:
    scores = as_table(table)
    n, columns = scores.shape
    w = np.ones(columns) if weights is None else np.array(weights, dtype=np.float64)
    if w.shape != (columns,) or not (np.isfinite(w) & (w >= 0.0)).all():
        raise ConfigError(f"weights: need {columns} finite numbers >= 0, one a column")
    if columns and not w.any():
        raise ConfigError("weights: all are 0")
    scores, w = scores[:, w > 0.0], w[w > 0.0]
    known = ~np.isnan(scores)
    meets = (known.astype(np.int64) @ known.T.astype(np.int64) > 0) & ~np.eye(n, dtype=np.bool_)
    judged: Mask = known.sum(1) > 0
    plays: Mask = judged if judged.sum() == 1 else meets.sum(1) > 0
    scores[~plays] = np.nan
    return Ballots(scores[:, None] > scores[None], known & plays[:, None], w, plays)


def _positional(
    table: npt.ArrayLike,
    weights: npt.ArrayLike | None,
    points: Callable[[FloatArray, FloatArray, int], FloatArray],
) -> FloatArray:
    """Weighted sum over columns of `points` (first and last of the tied places, candidates)."""
    beats, known, w, plays = _ballots(table, weights)
    n, size = int(plays.sum()), known.sum(0)
    stretch = (n - 1) / np.maximum(size - 1, 1)
    first = 1.0 + beats.sum(0) * stretch
    last = 1.0 + (size - 1 - beats.sum(1)) * stretch
    counts = known & ((size > 1) | (n == 1))
    share = np.where(counts, w, 0.0)
    total = (share * points(first, last, n)).sum(1)
    value = np.full(len(plays), np.nan)
    value[plays] = total[plays] * (w.sum() / share[plays].sum(1))
    return value


def _duels(ballots: Ballots) -> tuple[FloatArray, FloatArray, Mask]:
    """Of every pair: margin, votes for the first (in units of all weight), and whether they met."""
    beats, known, w, _ = ballots
    total = w.sum()
    common: FloatArray = (known * w) @ known.T.astype(np.float64)
    met = (common > 0.0) & ~np.eye(len(known), dtype=np.bool_)
    votes: FloatArray = (beats @ w) * np.where(met, total / np.where(met, common, 1.0), 0.0)
    margin = votes - votes.T
    return np.where(abs(margin) <= EVEN * total, 0.0, margin), votes, met
