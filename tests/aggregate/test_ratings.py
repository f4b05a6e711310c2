import itertools
import math
from collections import Counter
from typing import get_args

import choix
import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.aggregate.rating_intervals import overlap_ranks
from judge.aggregate.rating_methods import Method
from judge.aggregate.ratings import UNITS, leaderboard, leaderboard_of
from judge.errors import ConfigError
from judge.types import Comparison

METHODS = tuple(UNITS)
ORDERLESS = tuple(method for method in METHODS if method != "elo")
LIKELY = ("bradley_terry", "newman")
LOGIT = 400.0 / math.log(10.0)
"""Elo points."""
NAMES = "abcdef"


def ratings(board):
    return {row.name: row.rating for row in board.rows}


def ranks(board):
    return {row.name: row.rank for row in board.rows}


def played(n, rows, seed, ties=0.2):
    """Columns of simulated comparisons, and the strengths that made them."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(size=n)
    first = rng.integers(n, size=rows)
    second = (first + rng.integers(1, n, size=rows)) % n
    won = rng.random(rows) < 1.0 / (1.0 + np.exp(strength[second] - strength[first]))
    outcome = np.where(rng.random(rows) < ties, 0.5, won)
    names = np.array([f"m{i:02d}" for i in range(n)])
    return names[first], names[second], outcome, strength


def told(first, second, outcome):
    """The same comparisons for evalica."""
    winner = {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}
    return list(first), list(second), [winner[value] for value in np.asarray(outcome).tolist()]


def round_robin(order, times=1):
    """Everyone beats everyone after them, as columns."""
    pairs = list(itertools.combinations(order, 2)) * times
    return [a for a, _ in pairs], [b for _, b in pairs], [1.0] * len(pairs)


@st.composite
def contests(draw, values=(0.0, 0.5, 1.0)):
    """Up to six models linked by a ring of comparisons, and more; columns."""
    n = draw(st.integers(2, 6))
    ring = [(i, (i + 1) % n) for i in range(n)]
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] != p[1])
    pairs = ring + draw(st.lists(pair, max_size=12))
    outcome = draw(st.lists(st.sampled_from(values), min_size=len(pairs), max_size=len(pairs)))
    return [NAMES[a] for a, _ in pairs], [NAMES[b] for _, b in pairs], outcome


# --- against other implementations -----------------------------------------------------------


@pytest.mark.parametrize("method", LIKELY)
def test_likelihoods_agree_with_evalica(method):
    *columns, _ = played(8, 1500, seed=1)
    found = getattr(evalica, method)(*told(*columns), tolerance=1e-9, limit=10_000)
    assert found.iterations < found.limit
    theirs = LOGIT * np.log(found.scores)
    theirs = (theirs - theirs.mean() + 1000.0).to_dict()
    assert ratings(leaderboard(*columns, method=method, prior=0)) == pytest.approx(theirs, abs=1e-4)


def test_bradley_terry_agrees_with_choix():
    first, second, outcome, _ = played(6, 400, seed=2, ties=0.0)
    code = {name: i for i, name in enumerate(sorted(set(first)))}
    won = [
        (code[a], code[b]) if x else (code[b], code[a])
        for a, b, x in zip(first, second, outcome, strict=True)
    ]
    theirs = 1000.0 + LOGIT * choix.ilsr_pairwise(6, won, alpha=0, max_iter=1000, tol=1e-12)
    board = ratings(leaderboard(first, second, outcome, prior=0))
    assert [board[name] for name in code] == pytest.approx(theirs.tolist(), abs=1e-4)


@pytest.mark.parametrize("method", ["average_win_rate", "pagerank"])
def test_win_rates_and_pagerank_agree_with_evalica(method):
    *columns, _ = played(8, 800, seed=3)
    options = {} if method == "average_win_rate" else {"limit": 2000, "tolerance": 1e-12}
    theirs = getattr(evalica, method)(*told(*columns), **options).scores.to_dict()
    assert ratings(leaderboard(*columns, method=method)) == pytest.approx(theirs, rel=1e-6)


def test_pagerank_of_an_unbeaten_model_agrees_with_evalica():
    columns = round_robin("abcd")
    found = evalica.pagerank(*told(*columns), limit=2000, tolerance=1e-12).scores.to_dict()
    assert ratings(leaderboard(*columns, method="pagerank")) == pytest.approx(found, rel=1e-6)


def test_eigen_agrees_with_evalica_asked_the_other_way_round():
    """evalica's own scores are in proportion to losses: swapped sides give those to wins."""
    *columns, _ = played(8, 800, seed=4)
    first, second, winners = told(*columns)
    theirs = evalica.eigen(second, first, winners, limit=2000, tolerance=1e-12).scores
    theirs = (theirs / theirs.sum()).to_dict()
    board = leaderboard(*columns, method="eigen", prior=0)
    assert ratings(board) == pytest.approx(theirs, rel=1e-6)
    assert board.rows[0].name == leaderboard(*columns).rows[0].name


def test_elo_agrees_with_evalica():
    *columns, _ = played(8, 800, seed=5)
    theirs = evalica.elo(*told(*columns), k=16.0).scores.to_dict()
    assert ratings(leaderboard(*columns, method="elo", k=16.0)) == pytest.approx(theirs)


def test_elo_weights_scale_the_step():
    board = leaderboard(["a"], ["b"], [0.75], method="elo", weights=[2.0], k=10.0)
    assert ratings(board) == {"a": 1005.0, "b": 995.0}


def test_the_prior_is_a_comparison_won_half_by_either_side():
    first, second, outcome = round_robin("abc", times=3)
    more = [*first, *"aabaab"], [*second, *"bccbcc"], [*outcome, 1, 1, 1, 0, 0, 0]
    weights = [1.0] * 9 + [0.25] * 6
    for method in (*LIKELY, "eigen"):
        with_prior = leaderboard(first, second, outcome, method=method, prior=0.5)
        by_hand = leaderboard(*more, method=method, prior=0, weights=weights)
        assert ratings(with_prior) == pytest.approx(ratings(by_hand))


def test_two_models_have_the_ratings_that_can_be_written_down():
    columns = [*"aaaa"], [*"bbbb"], [1, 1, 1, 0]
    gap = 400.0 * math.log10(3.0)
    for method in LIKELY:
        assert ratings(leaderboard(*columns, method=method, prior=0)) == pytest.approx(
            {"a": 1000.0 + gap / 2, "b": 1000.0 - gap / 2}
        )
    root = math.sqrt(3.0)
    assert ratings(leaderboard(*columns, method="eigen", prior=0)) == pytest.approx(
        {"a": root / (1 + root), "b": 1 / (1 + root)}
    )


def test_newman_finds_the_tie_rate():
    """Three outcomes in the shares 4 : 4 : 1 are p = 4 with 2 v sqrt(p) = 4: ties do not shrink."""
    columns = ["a"] * 9, ["b"] * 9, [1.0] * 4 + [0.5] * 4 + [0.0]
    gap = {
        m: np.ptp(list(ratings(leaderboard(*columns, method=m, prior=0)).values())) for m in LIKELY
    }
    assert gap["newman"] == pytest.approx(400.0 * math.log10(4.0))
    assert gap["bradley_terry"] == pytest.approx(400.0 * math.log10(2.0))


# --- what must not matter --------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=25)
@given(columns=contests(), shuffle=st.randoms(use_true_random=False))
def test_names_and_order_do_not_matter(method, columns, shuffle):
    names = sorted({*columns[0], *columns[1]})
    new = dict(zip(names, shuffle.sample("uvwxyz", len(names)), strict=True))
    rows = list(zip(*columns, strict=True))
    if method != "elo":
        shuffle.shuffle(rows)
    first, second, outcome = zip(*rows, strict=True)
    plain = leaderboard(*columns, method=method)
    moved = leaderboard([new[a] for a in first], [new[b] for b in second], outcome, method=method)
    expected = {new[name]: value for name, value in ratings(plain).items()}
    assert ratings(moved) == pytest.approx(expected, abs=1e-5)
    assert Counter(ranks(moved).values()) == Counter(ranks(plain).values())


def test_elo_depends_on_the_order():
    one = leaderboard([*"ab"], [*"ba"], [1, 1], method="elo")
    other = leaderboard([*"ba"], [*"ab"], [1, 1], method="elo")
    assert one.rows[0].name == other.rows[1].name == "b"


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=15)
@given(columns=contests())
def test_swapping_sides_and_outcomes_changes_nothing(method, columns):
    first, second, outcome = columns
    flip = [k % 2 == 0 for k in range(len(first))]
    swapped = (
        [b if f else a for a, b, f in zip(first, second, flip, strict=True)],
        [a if f else b for a, b, f in zip(first, second, flip, strict=True)],
        [1.0 - x if f else x for x, f in zip(outcome, flip, strict=True)],
    )
    assert leaderboard(*swapped, method=method) == leaderboard(*columns, method=method)


@pytest.mark.parametrize("method", ORDERLESS)
def test_a_weight_is_a_number_of_comparisons_and_zero_is_none(method):
    first, second, outcome, _ = played(5, 60, seed=6)
    times = np.arange(60) % 3
    weighted = leaderboard(first, second, outcome, weights=times, method=method)
    copied = leaderboard(*(np.repeat(c, times) for c in (first, second, outcome)), method=method)
    assert ratings(weighted) == pytest.approx(ratings(copied))
    assert weighted.comparisons == 40


# --- what must come out ----------------------------------------------------------------------


@pytest.mark.parametrize("prior", [0.0, 0.1])
@pytest.mark.parametrize("method", [*LIKELY, "elo", "average_win_rate", "soft_condorcet"])
@settings(deadline=None, max_examples=15)
@given(columns=contests(values=(0.5,)))
def test_all_ties_are_equal_ratings_and_ranks(method, prior, columns):
    check_equal(leaderboard(*columns, method=method, prior=prior))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [2, 3, 6])
def test_all_ties_of_equally_many_comparisons_are_equal_by_any_method(method, n):
    first, second, _ = round_robin(NAMES[:n])
    check_equal(leaderboard(first, second, [0.5] * len(first), method=method, prior=0))


@pytest.mark.parametrize("method", ORDERLESS)
def test_a_cycle_is_a_tie(method):
    check_equal(leaderboard([*"abc"], [*"bca"], [1, 1, 1], method=method, prior=0))


def check_equal(board):
    values = list(ratings(board).values())
    assert values == pytest.approx([values[0]] * len(values))
    assert {row.rank for row in board.rows} == {(1 + len(values)) / 2}
    assert [row.name for row in board.rows] == sorted(ratings(board))


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=10)
@given(order=st.integers(2, 6).flatmap(lambda n: st.permutations(NAMES[:n])))
def test_a_perfect_order_is_recovered(method, order):
    board = leaderboard(*round_robin(order, times=20), method=method)
    assert [row.name for row in board.rows] == list(order)
    assert [row.rank for row in board.rows] == list(range(1, len(order) + 1))
    assert (board.rows[0].wins, board.rows[-1].losses) == (1.0, 1.0)


def test_points_of_likelihoods_and_elo_have_the_mean_1000():
    *columns, strength = played(6, 3000, seed=7, ties=0.0)
    for method in (*LIKELY, "elo"):
        values = ratings(leaderboard(*columns, method=method))
        assert np.mean(list(values.values())) == pytest.approx(1000.0)
    found = ratings(leaderboard(*columns))
    truth = LOGIT * (strength - strength.mean()) + 1000.0
    assert [found[f"m{i:02d}"] for i in range(6)] == pytest.approx(truth.tolist(), abs=60.0)


def test_a_probability_counts_in_part():
    board = leaderboard([*"ab"], [*"bc"], [0.75, 0.5], method="average_win_rate")
    assert ratings(board) == {"a": 0.75, "b": 0.375, "c": 0.5}
    b = next(row for row in board.rows if row.name == "b")
    assert (b.comparisons, b.wins, b.ties, b.losses) == (2, 0.125, 0.5, 0.375)
    assert board.comparisons == 2


def test_unbeaten_models_get_finite_ratings_only_by_the_prior():
    columns = [*"aab"], [*"bcc"], [1, 1, 0.5]
    weak, strong = (leaderboard(*columns, prior=p).rows[0].rating for p in (1.0, 0.01))
    assert 1000.0 < weak < strong < 3000.0
    for method in (*LIKELY, "eigen"):
        with pytest.raises(ConfigError, match=r"^prior: .* nobody took anything from a\n"):
            leaderboard(*columns, method=method, prior=0)
    with pytest.raises(ConfigError, match=r"^prior: .* from a, b\n"):
        leaderboard([*"abab"], [*"bacc"], [1, 1, 1, 1], prior=0)
    with pytest.raises(ConfigError, match=r"^prior: .* from b, c\n"):
        leaderboard([*"aab"], [*"bcc"], [0, 0, 1], prior=0)


def test_long_chains_and_long_orders_converge():
    """Where iterations that pass strength from neighbour to neighbour give up."""
    names = [f"m{i:02d}" for i in range(60)]
    first, second = [*names[:-1]] * 10, [*names[1:]] * 10
    board = leaderboard(first, second, [1.0] * 9 * 59 + [0.0] * 59, prior=0)
    gaps = np.diff([row.rating for row in board.rows])
    assert gaps == pytest.approx(np.full(59, -400.0 * math.log10(9.0)))
    assert [row.name for row in board.rows] == names
    for method in LIKELY:
        perfect = leaderboard(*round_robin(names, times=5), method=method)
        assert [row.name for row in perfect.rows] == names


# --- intervals and ranks ---------------------------------------------------------------------


def test_ranks_count_the_intervals_wholly_above():
    assert overlap_ranks([(5.0, 7.0), (3.0, 5.0), (1.0, 4.9), (0.0, 0.5)]) == [1.0, 1.0, 2.0, 4.0]
    assert overlap_ranks([(1.0, 2.0), None, (3.0, 4.0)]) == [2.0, 1.0, 1.0]


@pytest.mark.parametrize("method", METHODS)
def test_intervals_hold_the_rating_and_give_the_ranks(method):
    *columns, _ = played(5, 300, seed=8)
    board = leaderboard(*columns, method=method, bootstrap=60, seed=3)
    assert board == leaderboard(*columns, method=method, bootstrap=60, seed=3)
    assert board != leaderboard(*columns, method=method, bootstrap=60, seed=4)
    assert all(row.low <= row.high for row in board.rows)
    assert sum(row.low < row.high for row in board.rows) >= 2
    if method != "elo":
        assert all(row.low <= row.rating <= row.high for row in board.rows)
    for row in board.rows:
        assert row.rank == 1 + sum(other.low > row.high for other in board.rows)
    assert ratings(board) == ratings(leaderboard(*columns, method=method))
    assert board.parameters["bootstrap"] == 60


def test_intervals_do_not_depend_on_the_order_of_the_comparisons():
    first, second, outcome, _ = played(4, 80, seed=9)
    back = leaderboard(first[::-1], second[::-1], outcome[::-1], bootstrap=20)
    assert back == leaderboard(first, second, outcome, bootstrap=20)


def test_intervals_cover_the_truth():
    hits = []
    for seed in range(60):
        *columns, strength = played(4, 200, seed=100 + seed, ties=0.0)
        truth = 1000.0 + LOGIT * (strength - strength.mean())
        for row in leaderboard(*columns, bootstrap=200, seed=seed).rows:
            hits.append(row.low <= truth[int(row.name[1:])] <= row.high)
    assert 0.9 <= np.mean(hits) <= 0.99


def test_clusters_of_equal_comparisons_widen_the_intervals_as_fewer_comparisons_would():
    first, second, outcome, _ = played(3, 120, seed=10)
    few = leaderboard(first, second, outcome, bootstrap=400)
    copies = [np.repeat(column, 9) for column in (first, second, outcome)]
    whole = leaderboard(*copies, bootstrap=400, clusters=np.repeat(np.arange(120), 9))
    naive = leaderboard(*copies, bootstrap=400)

    def width(board):
        return sum(row.high - row.low for row in board.rows)

    assert width(whole) == pytest.approx(width(few), rel=0.15)
    assert width(naive) == pytest.approx(width(few) / 3.0, rel=0.15)
    for method in ("elo", "soft_condorcet"):
        clusters = [f"prompt {k % 40}" for k in range(120)]
        board = leaderboard(first, second, outcome, method=method, bootstrap=5, clusters=clusters)
        assert all(math.isfinite(row.high) for row in board.rows)


def test_a_cluster_is_drawn_whole():
    """Both of c's wins are in one cluster: in a resample c wins all or is absent."""
    columns = [*"acac"], [*"bbbb"], [1, 1, 0, 1]
    board = leaderboard(
        *columns, method="average_win_rate", bootstrap=200, clusters=["x", "y", "x", "y"]
    )
    ends = {row.name: (row.low, row.high) for row in board.rows}
    assert ends["c"] == (1.0, 1.0)
    assert ends["a"] == (0.5, 0.5)
    assert ends["b"] == (0.0, 0.5)


def test_a_model_that_is_in_no_resample_has_no_interval():
    columns = ["a"] * 400 + ["c"], ["b"] * 401, [1, 0] * 200 + [1]
    rare = next(row for row in leaderboard(*columns, bootstrap=1, seed=2).rows if row.name == "c")
    seen = [
        leaderboard(*columns, bootstrap=1, seed=seed).rows[0].low is not None for seed in range(20)
    ]
    assert (rare.low is None) == (rare.high is None)
    assert 0 < sum(seen) < 20


def test_without_a_prior_every_resample_needs_an_estimate():
    with pytest.raises(ConfigError, match=r"^prior: .* in a resample from"):
        leaderboard([*"ab"], [*"ba"], [1, 1], prior=0, bootstrap=20)


# --- comparisons of a judge ------------------------------------------------------------------


def test_comparisons_of_a_judge():
    comparisons = [
        Comparison(0, 1, 0.5, 0.25, 0.25, weight=2.0),
        Comparison(2, 1, 0.25, 0.5, 0.25),
        Comparison(0, 2, 0.25, 0.25, 0.5),
    ]
    board = leaderboard_of(comparisons, ["x", "y", "z"], method="average_win_rate")
    assert ratings(board) == pytest.approx({"x": (0.625 + 0.375) / 2, "y": 0.4375, "z": 0.5625})
    labels = leaderboard([*"xzx"], [*"yyz"], [1, 0.5, 0], weights=[2, 1, 1], method="newman")
    assert leaderboard_of(comparisons, [*"xyz"], method="newman") == labels
    even = [Comparison(0, 1, 0.4, 0.2, 0.4)]
    assert leaderboard_of(even, [*"xy"], method="newman").rows[0].ties == 1.0
    with pytest.raises(ConfigError, match=r"^names: two"):
        leaderboard_of(comparisons, [*"xyx"])
    with pytest.raises(ConfigError, match=r"^names: .* 2 names"):
        leaderboard_of(comparisons, [*"xy"])
    with pytest.raises(ConfigError, match=r"^first: there are no"):
        leaderboard_of([], [*"xy"])


# --- what is refused -------------------------------------------------------------------------


GOOD = {"first": [*"ab"], "second": [*"ba"], "outcome": [1.0, 0.5]}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("first", []),
        ("first", "ab"),
        ("first", ["a", 1]),
        ("second", ["b"]),
        ("second", ["b", None]),
        ("second", ["b", "b"]),
        ("outcome", [1.0]),
        ("outcome", [[1.0], [0.5]]),
        ("outcome", ["win", "loss"]),
        ("outcome", [math.nan, 1.0]),
        ("outcome", [math.inf, -math.inf]),
        ("outcome", [1.0, -0.1]),
        ("outcome", [1.0, 1.1]),
        ("weights", [1.0]),
        ("weights", [1.0, -1.0]),
        ("weights", [0.0, 0.0]),
        ("weights", [math.nan, 1.0]),
        ("clusters", [1]),
        ("clusters", [1, 1]),
        ("method", "glicko"),
        ("prior", -1.0),
        ("prior", math.nan),
        ("k", 0.0),
        ("damping", 1.0),
        ("temperature", 0.0),
        ("bootstrap", -1),
    ],
)
def test_wrong_arguments_are_named(argument, value):
    leaderboard(**GOOD)
    with pytest.raises(ConfigError, match=rf"^{argument}: "):
        leaderboard(**{**GOOD, argument: value})


def test_newman_takes_labels_only():
    with pytest.raises(ConfigError, match=r"^outcome: newman"):
        leaderboard(*played(3, 9, seed=0)[:2], [0.4] * 9, method="newman")


@pytest.mark.parametrize("method", METHODS)
def test_unlinked_groups_of_models_are_named(method):
    columns = [*"abxy"], [*"bcyx"], [1, 0, 1, 1]
    with pytest.raises(ConfigError, match=r"^first: .* 2 groups of models: a, b, c; x, y\n"):
        leaderboard(*columns, method=method)
    linked = [[*side, more] for side, more in zip(columns, ("c", "x", 1), strict=True)]
    assert len(leaderboard(*linked, method=method).rows) == 5
    with pytest.raises(ConfigError, match=r"^first: .* 2 groups"):
        leaderboard(*linked, method=method, weights=[1, 1, 1, 1, 0])


def test_every_method_has_a_unit():
    assert set(UNITS) == set(get_args(Method))
