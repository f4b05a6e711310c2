"""Panels of judges: whom to believe how much, and when a plain majority is enough."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.types import FloatArray, Record

How = Literal["mean", "median", "min", "lower_bound", "quantile"]

EXACT = 15
"""Panels up to this size have their loss enumerated, 2^judges vote patterns."""
LEVEL = 1e-9
"""Log-odds closer than this are equal."""


class PanelVerdict(Record, frozen=True, eq=False):
    """What a panel of known judges says."""

    posteriors: FloatArray
    """[items, K], rows sum to 1; the prior where nobody voted."""
    weights: FloatArray
    """[judges], in nats; below 0 for a judge worse than chance."""


class Certificate(Record, frozen=True):
    """Whether a plain majority is as good as the best rule there is for a panel."""

    optimal: bool
    """Majority (a fair coin at a tie) is a maximum a posteriori rule for every vote pattern."""
    slack: float
    """Log-odds, in nats, by which the weakest majority outweighs the rest and the prior."""
    loss: float
    """At most this much probability of a right verdict is lost to the optimal rule."""
    exact: bool
    """`loss` is the exact difference, not only a bound."""


class DawidSkene(Record, frozen=True, eq=False):
    """Classes of items and confusions of judges, estimated together."""

    posteriors: FloatArray
    """[items, K], rows sum to 1; the class shares where nobody voted."""
    confusion: FloatArray
    """[judges, K, K]: P(judge says the last index | the class is the middle one)."""
    priors: FloatArray
    """[K], the classes' shares."""
    iterations: int
    converged: bool


def weighted_majority(
    votes: npt.ArrayLike, accuracies: Sequence[float], prior: Sequence[float]
) -> PanelVerdict:
    """Posterior of each class from independent judges of known accuracy (Nitzan-Paroush 1982).

    A vote of judge j adds log(p_j / (1 - p_j)) to its class; with K > 2 classes, a wrong judge
    being taken to spread evenly over the others, log(p_j (K - 1) / (1 - p_j)). Judges that err
    together (one family of models) are counted as if they did not: the posterior is then too sure.

    Args:
        votes: [items, judges], 0 .. K - 1, -1 = missing.
        accuracies: [judges], p in (0, 1).
        prior: [K], K >= 2, > 0, sum 1.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    p, shares = np.array(accuracies, dtype=np.float64), np.array(prior, dtype=np.float64)
    usable = shares.ndim == 1 and len(shares) > 1 and bool((shares > 0.0).all())
    if not (usable and abs(shares.sum() - 1.0) <= 1e-6):
        raise ConfigError("prior: need two probabilities or more, above 0, that sum to 1")
    _check_accuracies(p)
    given = _check_votes(votes, len(shares))
    if given.shape[1] != len(p):
        raise ConfigError(f"accuracies: there are {len(p)}, for {given.shape[1]} judges")
    weights: FloatArray = np.log(p) - np.log1p(-p) + math.log(len(shares) - 1)
    said = given[:, :, None] == np.arange(len(shares))
    return PanelVerdict(
        _probabilities(np.log(shares) + np.einsum("ijk,j->ik", said, weights)), weights
    )


def majority_certificate(accuracies: Sequence[float], prior: float = 0.5) -> Certificate:
    """Whether simple majority is optimal for independent judges and two classes, and what it costs.

    Majority is optimal exactly if no majority is outweighed, by the log(p / (1 - p)) of the others
    and the log-odds of the prior: the weakest majority decides, so the check is exact for any size.
    For equal judges and an odd n it is the rule |logit(prior)| <= logit(p). An even panel ties, and
    a coin is right at a tie only if the judges are equal and the prior is 1/2.

    The loss is enumerated up to 15 judges. Beyond, it is the majority's error minus
    Bhattacharyya's lower bound of the best rule's, (1 - sqrt(1 - 4 q (1 - q) r^2)) / 2 with
    r = prod 2 sqrt(p (1 - p)) and prior q. (Own derivation; the certificate of arXiv 2502.12581
    was not read beyond its abstract.)

    Args:
        accuracies: Each judge's probability in (0, 1) of being right, the same for both classes.
        prior: Probability in (0, 1) of the first class.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    p = np.array(accuracies, dtype=np.float64)
    _check_accuracies(p)
    if not 0.0 < prior < 1.0:
        raise ConfigError(f"prior: {prior} is not in (0, 1)")
    weights = np.sort(np.log(p) - np.log1p(-p))
    # whoever weighs less than 0 makes a majority weaker by joining it
    weakest = max((len(p) + 1) // 2, int((weights < 0.0).sum()))
    slack = 2.0 * float(weights[:weakest].sum()) - float(weights.sum())
    slack -= abs(math.log(prior / (1.0 - prior)))
    optimal = slack >= -LEVEL
    if len(p) <= EXACT:
        loss = _enumerated_loss(p, prior)
    else:
        r = float(np.prod(2.0 * np.sqrt(p * (1.0 - p))))
        best = 0.5 * (1.0 - math.sqrt(1.0 - 4.0 * prior * (1.0 - prior) * r * r))
        loss = max(0.0, _majority_error(p) - best)
    return Certificate(optimal, slack, 0.0 if optimal else loss, optimal or len(p) <= EXACT)


def dawid_skene(
    votes: npt.ArrayLike,
    classes: int,
    *,
    smoothing: float = 0.1,
    iterations: int = 100,
    tolerance: float = 1e-5,
) -> DawidSkene:
    """Judges' confusions and items' classes without any truth (Dawid and Skene 1979), by EM.

    Starts from vote shares. Class names are only as good as that start: where most judges are
    worse than chance the classes come out *switched*, and nothing in the votes can tell. Judges
    that err together (one family of models) count as independent evidence, so the posteriors are
    too sure.

    Args:
        votes: [items, judges], 0 .. classes - 1, -1 = missing. An item nobody voted on changes
            nothing; a judge without votes gets even confusions.
        classes: K >= 2.
        smoothing: Added to every count of confusions and classes, > 0 (.01 to 1 is usual).
        iterations: At most this many.
        tolerance: Converged when no posterior moves by more.

    Raises:
        ConfigError: An argument is wrong, or fewer than three judges share items with two others
            each: then confusions cannot be told from chance. No items at all are no error.
    """
    if classes < 2:
        raise ConfigError(f"classes: {classes} is not a number of classes >= 2")
    for name, value in (("smoothing", smoothing), ("tolerance", tolerance)):
        if not 0.0 < value < math.inf:
            raise ConfigError(f"{name}: {value} is not a finite number > 0")
    if iterations < 1:
        raise ConfigError(f"iterations: {iterations} is not a number of iterations")
    given = _check_votes(votes, classes)
    items, judges = given.shape
    voted = (given >= 0).any(1)
    if items:
        _check_overlap(given)
    said = (given[:, :, None] == np.arange(classes)).astype(np.float64)
    flat = said[voted].reshape(int(voted.sum()), judges * classes)
    shares = said[voted].sum(1)
    posteriors = shares / shares.sum(1, keepdims=True)
    moved, rounds = 0.0, 0
    confusion, priors = _maximise(posteriors, flat, judges, smoothing)
    while rounds < iterations and len(posteriors):
        rounds += 1
        logs = np.log(confusion).transpose(0, 2, 1).reshape(judges * classes, classes)
        updated = _probabilities(np.log(priors) + flat @ logs)
        moved = float(abs(updated - posteriors).max())
        posteriors = updated
        confusion, priors = _maximise(posteriors, flat, judges, smoothing)
        if moved <= tolerance:
            break
    whole = np.tile(priors, (items, 1))
    whole[voted] = posteriors
    return DawidSkene(whole, confusion, priors, rounds, moved <= tolerance)


def ensemble(
    values: npt.ArrayLike,
    how: How = "mean",
    *,
    standardise: bool = False,
    quantile: float = 0.25,
    weights: Sequence[float] | None = None,
) -> FloatArray:
    """Join the values of several reward models or judges (arXiv 2312.09244), [N].

    A missing member is dropped, candidate by candidate. It does not help against an error that
    all members share. (The list of reducers is from memory of the paper.)

    Args:
        values: [members, N], NaN = missing.
        how: `lower_bound` is the mean minus one standard deviation over the members that are
            there (divided by their number), `quantile` interpolates linearly.
        standardise: Bring each member to mean 0 and standard deviation 1 (divided by the number)
            over the candidates it knows: a reward model's offset within a prompt means nothing. A
            member that gives all the same becomes 0. With it, missing values shift a member's
            scale, as it is taken over other candidates.
        quantile: Of `how="quantile"`, in [0, 1].
        weights: Of `how="mean"`: what each member counts, above 0; None: alike.

    Returns:
        NaN where all members are missing.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    table = np.array(values, dtype=np.float64)
    if table.ndim != 2 or np.isinf(table).any():
        raise ConfigError("values: need finite numbers or NaN, [members, N]")
    if how not in get_args(How):
        raise ConfigError(f"how: {how!r}", hint=f"use one of {', '.join(get_args(How))}")
    if not 0.0 <= quantile <= 1.0:
        raise ConfigError(f"quantile: {quantile} is not in [0, 1]")
    for row in table if standardise else ():
        row[~np.isnan(row)] = _standardised(row[~np.isnan(row)])
    if weights is not None:
        return _weighted(table, how, weights)
    columns = [column[~np.isnan(column)] for column in table.T]
    return np.array([_reduced(c, how, quantile) if len(c) else math.nan for c in columns])


def _weighted(table: FloatArray, how: How, weights: Sequence[float]) -> FloatArray:
    """The weighted mean of each column's known values."""
    counted = np.array(weights, dtype=np.float64)
    if how != "mean" or counted.shape != table.shape[:1] or not (counted > 0.0).all():
        raise ConfigError("weights: need one above 0 a member, and how='mean'")
    known = ~np.isnan(table)
    total = (counted[:, None] * known).sum(0)
    sums = (counted[:, None] * np.where(known, table, 0.0)).sum(0)
    found: FloatArray = np.where(total > 0.0, sums / np.where(total > 0.0, total, 1.0), np.nan)
    return found


def _reduced(known: FloatArray, how: How, quantile: float) -> float:
    if how == "min":
        return float(known.min())
    if how in ("median", "quantile"):
        return float(np.quantile(known, 0.5 if how == "median" else quantile))
    return float(known.mean() - (known.std() if how == "lower_bound" else 0.0))


def _standardised(known: FloatArray) -> FloatArray:
    """Mean 0 and standard deviation 1; exact sums, so that the order of the values is nothing."""
    if len(known) == 0 or known.max() == known.min():
        return np.zeros(len(known))
    deviations = known - math.fsum(known) / len(known)
    result: FloatArray = deviations / math.sqrt(math.fsum(deviations**2) / len(known))
    return result


def _probabilities(logs: FloatArray) -> FloatArray:
    exponents = np.exp(logs - logs.max(1, keepdims=True))
    shares: FloatArray = exponents / exponents.sum(1, keepdims=True)
    return shares


def _maximise(
    posteriors: FloatArray, flat: FloatArray, judges: int, smoothing: float
) -> tuple[FloatArray, FloatArray]:
    """Confusions [judges, K, K] and class shares [K] from the posteriors."""
    classes = posteriors.shape[1]
    counts = (posteriors.T @ flat).reshape(classes, judges, classes).transpose(1, 0, 2) + smoothing
    shares = posteriors.sum(0) + smoothing
    return counts / counts.sum(2, keepdims=True), shares / shares.sum()


def _enumerated_loss(p: FloatArray, prior: float) -> float:
    """Accuracy of the optimal rule minus that of majority, over all vote patterns."""
    patterns = np.array(list(itertools.product((False, True), repeat=len(p))), dtype=np.bool_)
    first = prior * np.where(patterns, p, 1.0 - p).prod(1)
    second = (1.0 - prior) * np.where(patterns, 1.0 - p, p).prod(1)
    lead = 2 * patterns.sum(1) - len(p)
    chosen = np.where(lead > 0, first, np.where(lead < 0, second, (first + second) / 2.0))
    return max(0.0, float((np.maximum(first, second) - chosen).sum()))


def _majority_error(p: FloatArray) -> float:
    """P(majority is wrong), ties by a fair coin: the number of right votes is a sum of coins."""
    right = np.ones(1)
    for accuracy in p.tolist():
        right = np.convolve(right, (1.0 - accuracy, accuracy))
    twice = 2 * np.arange(len(p) + 1)
    return float(right[twice < len(p)].sum() + 0.5 * right[twice == len(p)].sum())


def _check_accuracies(p: FloatArray) -> None:
    if p.ndim != 1 or not ((p > 0.0) & (p < 1.0)).all():
        raise ConfigError("accuracies: need probabilities in (0, 1), one a judge")


def _check_votes(votes: npt.ArrayLike, classes: int) -> npt.NDArray[np.int64]:
    given = np.array(votes)
    if given.ndim != 2 or (given.size and not np.issubdtype(given.dtype, np.integer)):
        raise ConfigError("votes: need whole numbers [items, judges]")
    if given.size and (given.min() < -1 or given.max() >= classes):
        raise ConfigError(f"votes: must be 0 .. {classes - 1}, or -1 for a missing one")
    return given.astype(np.int64)


def _check_overlap(votes: npt.NDArray[np.int64]) -> None:
    known = (votes >= 0).astype(np.int64)
    shared = (known.T @ known > 0) & ~np.eye(known.shape[1], dtype=np.bool_)
    if (shared.sum(1) >= 2).sum() < 3:
        raise ConfigError("votes: need three judges or more who share items with two others each")
