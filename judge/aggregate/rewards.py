"""From comparisons to rewards, each with a standard error and a coverage: the table of rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec
import numpy as np

from judge.aggregate.bestofn import best_of_n as pick
from judge.aggregate.lottery import maximal_lottery, nash_win_rate, preference_matrix
from judge.aggregate.preferences import lean_of, preferences
from judge.aggregate.strength import order_probability
from judge.errors import ConfigError
from judge.types import Comparison, FloatArray, Preference, Ranking

DAMPING = 1e-6
"""Think-RM adds this to the mean square of the differences."""
EVEN = 1e-9
"""Draws this close are equal."""
DRAWS = 2000
"""Draws from the posterior behind P(best)."""


class Valued(msgspec.Struct, frozen=True, gc=False):
    """One item's value; None where there is no valid comparison."""

    value: float | None
    standard_error: float | None
    coverage: float


NOTHING = Valued(None, None, 0.0)


class Contest(msgspec.Struct, frozen=True, gc=False):
    """What the comparisons of a group came to; items are counted from 0 to n - 1."""

    n: int
    comparisons: Sequence[Comparison]
    pairs: Sequence[Preference]
    """Both orders of each pair joined; a missing pair is missing, never a tie."""
    ranking: Callable[[], Ranking]
    """Ranks by the schedule's rule, and the joint strengths; estimated when called."""
    asked: Sequence[int] | None = None
    """Opponents each item was to be compared with; None: those it was."""
    anchor: int | None = None
    """The fixed opponent, where there is one."""
    beaten: int = 0
    """Opponents that every item beats for certain: responses a gate has set to zero."""
    answers: Sequence[object] | None = None
    """Each item's final answer, where best-of-n votes over equal ones; None = has none."""
    keys: Sequence[str] | None = None
    """A content hash an item, to break ties by."""


def coverages(contest: Contest) -> list[float]:
    """Each item's share of the opponents asked for with which there is a verdict."""
    judged = [contest.beaten] * contest.n
    for pair in contest.pairs:
        judged[pair.i] += 1
        judged[pair.j] += 1
    if contest.asked is None:
        return [float(seen > 0) for seen in judged]
    return [
        min(1.0, seen / max(1, asked + contest.beaten))
        for seen, asked in zip(judged, contest.asked, strict=True)
    ]


# --- all against all -------------------------------------------------------------------------


def win_rate(contest: Contest) -> list[Valued]:
    """Mean over an item's opponents of P(win) + P(tie) / 2 (Pref-GRPO, arXiv 2508.20751).

    In [0, 1]. The standard error is that of drawing each pair's outcome from its verdict,
    independently.
    """
    totals, squares = [float(contest.beaten)] * contest.n, [0.0] * contest.n
    judged = [contest.beaten] * contest.n
    for pair in contest.pairs:
        mean = pair.p_i + pair.p_tie / 2.0
        spread = max(0.0, pair.p_i + pair.p_tie / 4.0 - mean * mean)
        for item, value in ((pair.i, mean), (pair.j, 1.0 - mean)):
            totals[item] += value
            squares[item] += spread
            judged[item] += 1
    return [
        Valued(totals[item] / judged[item], math.sqrt(squares[item]) / judged[item], coverage)
        if judged[item]
        else NOTHING
        for item, coverage in enumerate(coverages(contest))
    ]


def net_wins(contest: Contest) -> list[Valued]:
    """Mean over an item's opponents of P(win) - P(loss), in [-1, 1]: 2 win_rate - 1."""
    return [
        NOTHING
        if valued.value is None or valued.standard_error is None
        else Valued(2.0 * valued.value - 1.0, 2.0 * valued.standard_error, valued.coverage)
        for valued in win_rate(contest)
    ]


def difference_matrix(contest: Contest) -> list[Valued]:
    """A_i = (1/G) sum_j d_ij / sqrt(sum_ij d_ij^2 / (2 G (G - 1)) + 1e-6) (Think-RM, 2505.16265).

    d_ij is the lean of the pair, so the unit is its spread; for d_ij = r_i - r_j this is the
    group-normalised advantage, and a cyclic d shrinks all values. Where pairs are missing (the
    source codes them as ties) means over the judged ones take the place of the sums. The standard
    error holds the denominator fixed.
    """
    size = contest.n + contest.beaten
    totals, squares = [float(contest.beaten)] * contest.n, [0.0] * contest.n
    judged = [contest.beaten] * contest.n
    energy = float(contest.beaten * contest.n)
    for pair in contest.pairs:
        lean = lean_of(pair)
        spread = max(0.0, pair.p_i + pair.p_j - lean * lean)
        energy += lean * lean
        for item, own in ((pair.i, lean), (pair.j, -lean)):
            totals[item] += own
            squares[item] += spread
            judged[item] += 1
    met = len(contest.pairs) + contest.beaten * contest.n
    scale = math.sqrt(energy / (2.0 * met) + DAMPING) if met else 1.0
    share = (size - 1) / max(size, 1)
    return [
        Valued(
            share * totals[item] / judged[item] / scale,
            share * math.sqrt(squares[item]) / judged[item] / scale,
            coverage,
        )
        if judged[item]
        else NOTHING
        for item, coverage in enumerate(coverages(contest))
    ]


def mean_lottery(contest: Contest) -> list[Valued]:
    """P(win) + P(tie) / 2 against the Nash mixture of the group, in [0, 1].

    The mixture is the maximal lottery of the margins p_i - p_j (von Neumann winner; Nash learning);
    what it can be made of is worth 1/2, all else less. A missing pair counts as even inside the
    mixture's game, but a response without any verdict has no value.
    """
    margins = preference_matrix(contest.n, contest.pairs)
    lottery = maximal_lottery(margins)
    values = nash_win_rate(margins, lottery)
    squares = [0.0] * contest.n
    for pair in contest.pairs:
        spread = max(0.0, pair.p_i + pair.p_j - (pair.p_i - pair.p_j) ** 2) / 4.0
        squares[pair.i] += lottery[pair.j] ** 2 * spread
        squares[pair.j] += lottery[pair.i] ** 2 * spread
    met = {item for pair in contest.pairs for item in (pair.i, pair.j)}
    return [
        NOTHING if item not in met else Valued(value, math.sqrt(squares[item]), coverage)
        for item, (value, coverage) in enumerate(
            zip(values.tolist(), coverages(contest), strict=True)
        )
    ]


def mean_score(contest: Contest) -> list[Valued]:
    """Mean of the scores the judge itself gave an item over all its calls, in the judge's units.

    The score of ArenaRL's anchor topology; with levels "wrong, right" it is PairJudge RM's label
    (arXiv 2501.13007). The standard error is that of the mean over calls; None for one call.
    """
    told: list[list[float]] = [[] for _ in range(contest.n)]
    for comparison in contest.comparisons:
        if comparison.scores is not None:
            told[comparison.first].append(comparison.scores[0])
            told[comparison.second].append(comparison.scores[1])
    return [
        NOTHING
        if not scores
        else Valued(
            math.fsum(scores) / len(scores),
            float(np.std(scores, ddof=1)) / math.sqrt(len(scores)) if len(scores) > 1 else None,
            coverage,
        )
        for scores, coverage in zip(told, coverages(contest), strict=True)
    ]


# --- by rank and strength --------------------------------------------------------------------


def rank_quantile(contest: Contest) -> list[Valued]:
    """1 - (rank - 1) / (m - 1) over the m ranked items, in [0, 1] (ArenaRL, eq. 6).

    Ties share the mean rank, so that a group of equals is worth 1/2 throughout. The standard error
    is that of the rank under the joint strengths, orders taken as independent.
    """
    ranking = contest.ranking()
    ranked = [item for item, rank in enumerate(ranking.ranks) if rank is not None]
    last = len(ranked) + contest.beaten - 1
    values = [NOTHING] * contest.n
    for item, coverage in enumerate(coverages(contest)):
        rank = ranking.ranks[item]
        if rank is None or last < 1:
            continue
        chances = [order_probability(ranking, item, other) for other in ranked if other != item]
        spread = math.fsum(p * (1.0 - p) for p in chances if p is not None)
        values[item] = Valued(1.0 - (rank - 1.0) / last, math.sqrt(spread) / last, coverage)
    return values


def posterior_mean(contest: Contest) -> list[Valued]:
    """The joint posterior's strength, in logits (or the judge's score units), mean 0."""
    ranking = contest.ranking()
    return [
        NOTHING
        if strength is None
        else Valued(strength, math.sqrt(max(0.0, _variance(ranking, item))), coverage)
        for item, (strength, coverage) in enumerate(
            zip(ranking.strengths, coverages(contest), strict=True)
        )
    ]


def best_of_n(contest: Contest) -> list[Valued]:
    """1 for the best item, 0 for the others.

    The best by rank; where `answers` are given, the best inside the answer with the largest sum of
    own mean scores, or of win rates where the judge gave no scores (weighted majority over equal
    answers, as in value-guided search). The standard error is that of an event with the posterior
    probability of being best.
    """
    ranking = contest.ranking()
    values = [None if rank is None else -rank for rank in ranking.ranks]
    weights = None
    if contest.answers is not None:
        scored = all(comparison.scores is not None for comparison in contest.comparisons)
        own = mean_score(contest) if scored else win_rate(contest)
        weights = [max(0.0, valued.value or 0.0) for valued in own]
    chosen = pick(values, answers=contest.answers, weights=weights, keys=contest.keys)
    best = None if chosen is None or contest.keys is None else contest.keys[chosen]
    chances = probability_best(ranking)
    return [
        NOTHING
        if values[item] is None
        else Valued(
            float(item == chosen or (contest.keys is not None and contest.keys[item] == best)),
            math.sqrt(chances[item] * (1.0 - chances[item])),
            coverage,
        )
        for item, coverage in enumerate(coverages(contest))
    ]


def probability_best(ranking: Ranking) -> list[float]:
    """P(an item is the strongest) under the joint posterior, by 2,000 fixed draws; 0 if unknown."""
    known = [item for item, value in enumerate(ranking.strengths) if value is not None]
    chances = [0.0] * len(ranking.strengths)
    if ranking.covariance is None or not known:
        return chances
    mean = np.array([ranking.strengths[item] for item in known], dtype=np.float64)
    values, vectors = np.linalg.eigh(ranking.covariance[np.ix_(known, known)])
    noise = np.random.default_rng(0).standard_normal((DRAWS, len(known)))
    drawn = mean + noise @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    top = drawn >= drawn.max(1, keepdims=True) - EVEN
    wins = (top / top.sum(1, keepdims=True)).mean(0)
    for item, chance in zip(known, wins.tolist(), strict=True):
        chances[item] = chance
    return chances


def _variance(ranking: Ranking, item: int) -> float:
    table: FloatArray | None = ranking.covariance
    return 0.0 if table is None else float(table[item, item])


# --- against one -----------------------------------------------------------------------------


def beats_reference(contest: Contest) -> list[Valued]:
    """P(beats the fixed item) + P(tie with it) / 2, in [0, 1]; the fixed item's own is 1/2."""

    def value(win: float, loss: float, pair: Preference, sign: float) -> tuple[float, float]:
        mean = win + pair.p_tie / 2.0
        return mean, win + pair.p_tie / 4.0 - mean * mean

    return _against_one(contest, value, 0.5)


def reference_lean(contest: Contest) -> list[Valued]:
    """How much better than the fixed item, in [-1, 1]: +-1 much, +-1/2 slightly, 0 a tie.

    WildBench's WB-Reward (its evaluation script) with `verdict: five_way`; failed items are None
    here and count as 0 there.
    """

    def value(win: float, loss: float, pair: Preference, sign: float) -> tuple[float, float]:
        lean = lean_of(pair)
        return sign * lean, win + loss - lean * lean

    return _against_one(contest, value, 0.0)


def brpo(contest: Contest) -> list[Valued]:
    """+1 if the fixed item is beaten in every display order asked, else -1 (arXiv 2506.00103).

    A tie, or a win in one order only, is -1. The fixed item's own is 0. The standard error is that
    of winning every call, each drawn from its verdict.
    """
    won = [True] * contest.n
    chance = [1.0] * contest.n
    for comparison in contest.comparisons:
        ahead = comparison.p_first - comparison.p_second
        for item, other, lead, win in (
            (comparison.first, comparison.second, ahead, comparison.p_first),
            (comparison.second, comparison.first, -ahead, comparison.p_second),
        ):
            if other == contest.anchor:
                won[item] = won[item] and lead > 0.0
                chance[item] *= win
    values = _against_one(contest, lambda win, loss, pair, sign: (0.0, 0.0), 0.0)
    return [
        valued
        if valued.value is None or item == contest.anchor
        else Valued(
            1.0 if won[item] else -1.0,
            2.0 * math.sqrt(chance[item] * (1.0 - chance[item])),
            valued.coverage,
        )
        for item, valued in enumerate(values)
    ]


def skew(values: Sequence[Valued]) -> float:
    """|sum of the values| / N of a group; BRPO's filter drops groups where it is above 0.6."""
    known = [valued.value for valued in values if valued.value is not None]
    return abs(math.fsum(known)) / len(values) if values else 0.0


def _against_one(
    contest: Contest,
    value: Callable[[float, float, Preference, float], tuple[float, float]],
    own: float,
) -> list[Valued]:
    """Values against the fixed item, from (win, loss, pair, sign) to (value, variance)."""
    fixed = contest.anchor
    values = [NOTHING] * contest.n
    if fixed is not None:
        values[fixed] = Valued(own, 0.0, 1.0)
    for pair in contest.pairs:
        if fixed not in (pair.i, pair.j):
            continue
        item, win, loss, sign = (pair.i, pair.p_i, pair.p_j, 1.0)
        if item == fixed:
            item, win, loss, sign = (pair.j, pair.p_j, pair.p_i, -1.0)
        mean, spread = value(win, loss, pair, sign)
        values[item] = Valued(mean, math.sqrt(max(0.0, spread)), 1.0)
    return values


class RewardRule(msgspec.Struct, frozen=True, gc=False):
    """One way to turn comparisons into rewards."""

    values: Callable[[Contest], list[Valued]]
    range: tuple[float, float] | None = (0.0, 1.0)
    """What the values lie in; None: no bounds."""
    by_rank: bool = False
    """Whether it asks for the ranking."""
    against_one: bool = False
    """Whether it needs a fixed opponent."""


REWARDS: Mapping[str, RewardRule] = MappingProxyType(
    {
        "win_rate": RewardRule(win_rate),
        "net_wins": RewardRule(net_wins, (-1.0, 1.0)),
        "difference_matrix": RewardRule(difference_matrix, None),
        "maximal_lottery": RewardRule(mean_lottery),
        "mean_score": RewardRule(mean_score, None),
        "rank_quantile": RewardRule(rank_quantile, by_rank=True),
        "posterior_mean": RewardRule(posterior_mean, None, by_rank=True),
        "best_of_n": RewardRule(best_of_n, by_rank=True),
        "beats_reference": RewardRule(beats_reference, against_one=True),
        "reference_lean": RewardRule(reference_lean, (-1.0, 1.0), against_one=True),
        "brpo": RewardRule(brpo, (-1.0, 1.0), against_one=True),
    }
)


def rank_rewards(
    ranking: Ranking,
    rule: str = "win_rate",
    *,
    anchor: int | None = None,
    answers: Sequence[object] | None = None,
    keys: Sequence[str] | None = None,
    band: float = 0.0,
) -> list[Valued]:
    """Rewards from a ranking that `rank` or `strengths` gave.

    Args:
        ranking: Its comparisons, ranks and strengths are used.
        rule: A name in `REWARDS`.
        anchor: The fixed opponent, for rules against one.
        answers: Each item's final answer, for best_of_n; None = has none.
        keys: A content hash an item, to break ties by.
        band: A pair with |p_i - p_j| at or below this is a tie.

    Raises:
        ConfigError: An argument is wrong; the message begins with its name.
    """
    n = len(ranking.ranks)
    if rule not in REWARDS:
        raise ConfigError(f"rule: {rule!r} is unknown", hint=f"use one of {sorted(REWARDS)}")
    if anchor is not None and not 0 <= anchor < n:
        raise ConfigError(f"anchor: {anchor} is not one of the {n} items")
    if REWARDS[rule].against_one and anchor is None:
        raise ConfigError(f"anchor: {rule} needs one")
    pairs = preferences(ranking.comparisons, band=band, keys=keys)
    contest = Contest(
        n,
        ranking.comparisons,
        pairs,
        lambda: ranking,
        anchor=anchor,
        answers=answers,
        keys=keys,
    )
    return REWARDS[rule].values(contest)


def lowest(rule: RewardRule, values: Sequence[Valued]) -> float:
    """What a response is worth that a gate has set to zero: less than all that were compared.

    The low end of the rule's range; without bounds one mean step (or standard error, if that is
    more) below the lowest value.
    """
    if rule.range is not None:
        return rule.range[0]
    known = [valued.value for valued in values if valued.value is not None]
    errors = [valued.standard_error or 0.0 for valued in values if valued.value is not None]
    if not known:
        return 0.0
    step = (max(known) - min(known)) / max(1, len(known) - 1)
    return min(known) - max(step, math.fsum(errors) / len(errors))
