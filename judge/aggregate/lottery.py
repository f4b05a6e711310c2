"""Preferences that may run in circles: skew-symmetric margins and the lottery nothing beats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.types import FloatArray, Preference, Record

SKEW = 1e-9
"""How far a margin and its mirror may be from summing to 0."""
COLDEST = 1e-9
"""The lowest temperature at which rounding errors leave the lottery some digits."""
STALLED = 1.0001
"""Steps in 1 / t smaller than this factor are given up: the last lottery that was found stands."""


class Triads(Record, frozen=True):
    """The cycles among three."""

    cycles: tuple[tuple[int, int, int], ...]
    """(i, j, k): i beats j beats k beats i; i is the lowest index; each cycle once."""
    share: float | None
    """Of the triples with all three pairs judged, in [0, 1]; None without such a triple. Random
    outcomes without ties give 1/4."""


def general_preference(
    embeddings: npt.ArrayLike, weights: npt.ArrayLike | None = None, temperature: float = 0.1
) -> FloatArray:
    """P(row preferred to column) of the General Preference Model (arXiv 2410.02197, its code).

    Each pair of dimensions is a plane; the score of i over j is the sum over planes of w times the
    cross product a_i b_j - b_i a_j of the normalised embeddings, and P = sigmoid(score / t). It
    can express cycles; a scalar reward r is the embedding (r, 1) before normalisation.

    Args:
        embeddings: [N, 2k], neighbouring dimensions form a plane; rows are scaled to length 1
            here (zeros stay). A row with NaN has no preferences.
        weights: [k], >= 0, the prompt's weight of each plane; 1 each by default, not normalised.
        temperature: t > 0; .1 is the authors'.

    Returns:
        [N, N], P + P.T = 1, diagonal .5; NaN in rows and columns without an embedding.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    vectors = np.array(embeddings, dtype=np.float64)
    vectors = vectors.reshape(0, 0) if vectors.shape == (0,) else vectors
    if vectors.ndim != 2 or vectors.shape[1] % 2:
        raise ConfigError(f"embeddings: the shape is {vectors.shape}, not [N, 2k]")
    if np.isinf(vectors).any():
        raise ConfigError("embeddings: a number is infinite")
    planes = vectors.shape[1] // 2
    w = np.ones(planes) if weights is None else np.array(weights, dtype=np.float64)
    if w.shape != (planes,) or not (np.isfinite(w) & (w >= 0.0)).all():
        raise ConfigError(f"weights: need {planes} finite numbers >= 0, one a plane")
    if not 0.0 < temperature < np.inf:
        raise ConfigError(f"temperature: {temperature} is not a finite number > 0")
    lengths = np.sqrt((vectors**2).sum(1, keepdims=True))
    vectors = vectors / np.where(lengths == 0.0, 1.0, lengths)
    half = (vectors[:, 0::2] * w) @ vectors[:, 1::2].T
    # tanh is odd to the last bit, so the two directions of a pair sum to 1
    probabilities: FloatArray = 0.5 + 0.5 * np.tanh((half - half.T) / (2.0 * temperature))
    return probabilities


def preference_matrix(n: int, pairs: Sequence[Preference]) -> FloatArray:
    """Margins p_i - p_j of all pairs, [n, n], in [-1, 1]; skew-symmetric, 0 on the diagonal.

    NaN for a pair that was not judged, or whose weight is 0.

    Raises:
        ConfigError: A pair names an item outside 0 .. n - 1, or comes twice.
    """
    if n < 0:
        raise ConfigError(f"n: {n} is not a number of items")
    margins = np.full((n, n), np.nan)
    np.fill_diagonal(margins, 0.0)
    seen: set[frozenset[int]] = set()
    for pair in pairs:
        key = frozenset((pair.i, pair.j))
        if len(key) < 2 or min(key) < 0 or max(key) >= n:
            raise ConfigError(f"pairs: ({pair.i}, {pair.j}) is not a pair of {n} items")
        if key in seen:
            raise ConfigError(
                f"pairs: ({pair.i}, {pair.j}) comes twice", hint="join both orders first"
            )
        seen.add(key)
        if pair.weight > 0.0:
            margins[pair.i, pair.j] = pair.p_i - pair.p_j
            margins[pair.j, pair.i] = pair.p_j - pair.p_i
    return margins


def maximal_lottery(margins: npt.ArrayLike, *, temperature: float = 1e-6) -> FloatArray:
    """The mixture that no candidate beats on average: the von Neumann winner (maximal lottery).

    It is the equilibrium of the symmetric zero-sum game with these margins: a Condorcet winner
    gets all, rock-paper-scissors a third each. Computed as the logit quantal response equilibrium
    p = softmax(S p / t), followed from high t down. For skew S that path is unique and smooth
    (I - S (diag p - p p') / t is never singular), so equal candidates get equal shares, where a
    vertex of a linear program would choose one.

    Args:
        margins: [N, N], skew-symmetric, any unit; NaN = not judged, which counts as margin 0
            between two that have met others.
        temperature: The last t, as a share of the largest |margin|, in [1e-9, 1]. No candidate
            gains more than t log N (in that unit) on average against the lottery.

    Returns:
        [N], >= 0, sum 1 over the candidates with a judged pair. The others have NaN: margin 0
        would let them share in a clear winner's part. All NaN if no pair is judged; 1 for N = 1.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    game, plays = _game(margins)
    if not COLDEST <= temperature <= 1.0:
        raise ConfigError(f"temperature: {temperature} is not in [{COLDEST}, 1]")
    lottery = np.full(len(game), np.nan)
    game = game[np.ix_(plays, plays)]
    scale = abs(game).max(initial=0.0)
    lottery[plays] = _softmax(_quantal_response(game / (scale or 1.0), temperature))
    return lottery


def nash_win_rate(margins: npt.ArrayLike, lottery: npt.ArrayLike) -> FloatArray:
    """Each candidate's expected value against a lottery, (1 + margin) / 2, [N].

    Args:
        margins: [N, N] in [-1, 1], skew-symmetric; NaN counts as margin 0, as in
            `maximal_lottery`, whose own lottery nobody beats: then no value is above 1/2 (by more
            than its tolerance), and who has a share in it is worth 1/2.
        lottery: [N], >= 0; NaN = no share.

    Returns:
        In [0, 1]; NaN for a candidate without a judged pair.
    """
    game, plays = _game(margins)
    shares = np.array(lottery, dtype=np.float64)
    if shares.shape != plays.shape or (shares < 0.0).any():
        raise ConfigError(f"lottery: need {len(plays)} numbers >= 0")
    return np.where(plays, 0.5 + 0.5 * (game @ np.nan_to_num(shares, nan=0.0)), np.nan)


def cyclic_triads(n: int, pairs: Sequence[Preference]) -> Triads:
    """All triples whose preferences run in a circle; a tie (p_i = p_j) is no link of one.

    Raises:
        ConfigError: As `preference_matrix`.
    """
    margins = preference_matrix(n, pairs)
    beats = np.nan_to_num(margins, nan=0.0) > 0.0
    known = (~np.isnan(margins) & ~np.eye(n, dtype=np.bool_)).astype(np.int64)
    complete = int(((known @ known) * known).sum()) // 6
    cycles: list[tuple[int, int, int]] = []
    for i in range(n):
        rest = slice(i + 1, n)
        links = beats[rest, rest] & beats[i, rest, None] & beats[None, rest, i]
        cycles += [(i, int(j) + i + 1, int(k) + i + 1) for j, k in np.argwhere(links)]
    return Triads(tuple(cycles), len(cycles) / complete if complete else None)


def _game(margins: npt.ArrayLike) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """The margins with 0 for NaN, and who has a judged pair."""
    game = np.array(margins, dtype=np.float64)
    game = game.reshape(0, 0) if game.shape == (0,) else game
    if game.ndim != 2 or game.shape[0] != game.shape[1]:
        raise ConfigError(f"margins: the shape is {game.shape}, not [N, N]")
    known = ~np.isnan(game)
    game[~known] = 0.0
    if np.isinf(game).any() or (known != known.T).any() or (abs(game + game.T) > SKEW).any():
        raise ConfigError("margins: must be finite, margin[j, i] = -margin[i, j], or both NaN")
    n = len(game)
    met: npt.NDArray[np.bool_] = (known & ~np.eye(n, dtype=np.bool_)).sum(1) > 0
    return (game - game.T) / 2.0, met | (n == 1)


def _softmax(logits: FloatArray) -> FloatArray:
    exponents = np.exp(logits - logits.max(initial=-np.inf))
    shares: FloatArray = exponents / exponents.sum()
    return shares


def _quantal_response(game: FloatArray, temperature: float) -> FloatArray:
    """Logits x = S softmax(x) / t, by Newton along growing b = 1 / t, with Euler's predictor."""
    x, b, growth = np.zeros(len(game)), 0.25, 4.0
    start = _newton(game, x, b)
    x = x if start is None else start
    while b < 1.0 / temperature and growth > STALLED:
        step = min(growth, 1.0 / (temperature * b))
        ahead = x + (step - 1.0) * np.linalg.solve(_jacobian(game, x, b), x)
        solved = _newton(game, ahead, b * step)
        if solved is None:
            growth = growth**0.5
            continue
        x, b, growth = solved, b * step, min(10.0, growth * 1.5)
    return x


def _jacobian(game: FloatArray, x: FloatArray, b: float) -> FloatArray:
    p = _softmax(x)
    slope: FloatArray = np.eye(len(game)) - b * (game * p - np.outer(game @ p, p))
    return slope


def _newton(game: FloatArray, x: FloatArray, b: float) -> FloatArray | None:
    """The logits at 1 / t = b from a guess; None where Newton's steps do not close in."""
    size, close = np.inf, 1e-9 + 1e-14 * b
    for _ in range(12):
        rest = x - b * (game @ _softmax(x))
        before, size = size, float(abs(rest).max(initial=0.0))
        if size <= close:
            return x
        if size > 2.0 * before:
            return None
        x = x - np.linalg.solve(_jacobian(game, x, b), rest)
    return None
