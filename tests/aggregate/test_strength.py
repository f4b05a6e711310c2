"""The joint posterior: against brute force, against choix and evalica, and at the edges."""

import asyncio
import itertools
import math

import choix
import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from judge.aggregate import order_probability, rank, strengths
from judge.aggregate.gaussian import LAMBDAS, LOG_PRIOR, TAUS, fit_alone, moments
from judge.aggregate.margins import read
from judge.aggregate.probit import LOGIT_PER_PROBIT, cdf
from judge.errors import ConfigError
from judge.types import Comparison, JudgeProfile

some_pairs = st.integers(2, 7).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] != p[1]),
            min_size=1,
            max_size=20,
        ),
        st.integers(0, 10_000),
    )
)


def said(pairs, seed=0, *, scores=False, weights=False):
    rng = np.random.default_rng(seed)
    told = []
    for i, j in pairs:
        y = float(rng.normal() * 1.5)
        p = 1.0 / (1.0 + math.exp(-y))
        a = float(rng.normal())
        own = (a, float(a - y)) if scores else None
        w = float(rng.uniform(0.3, 2.0)) if weights else 1.0
        told.append(Comparison(i, j, p, 0.0, 1.0 - p, scores=own, weight=w))
    return told


def labels(pairs, outcome):
    return [
        Comparison(i, j, float(o > 0), float(o == 0), float(o < 0), graded=False)
        for (i, j), o in zip(pairs, outcome, strict=True)
    ]


def design(n, pairs):
    rows = np.zeros((len(pairs), n))
    for k, (i, j) in enumerate(pairs):
        rows[k, i], rows[k, j] = 1.0, -1.0
    return rows


def brute_alone(n, pairs, y, z, w):
    """The grid average of fit_alone from dense covariances of the margins (and sums)."""
    a, m = design(n, pairs), len(pairs)
    b0 = 0.4 * float(w @ y**2) / w.sum()
    logs, means, covs = [], [], []
    level = np.eye(m) - np.outer(np.ones(m), w) / w.sum()
    for tau, (lam, prior) in itertools.product(
        TAUS if z is not None else [1.0], zip(LAMBDAS[:, 0], LOG_PRIOR, strict=True)
    ):
        rows, data, noise = a, y, 1.0 / w
        effect = np.ones(m)
        if z is not None:
            rows = np.vstack([a, level @ abs(a)])
            data = np.concatenate([y, level @ z])
            noise = np.concatenate([1.0 / w, tau / w])
            effect = np.concatenate([effect, np.zeros(m)])
        prior_cov = lam * rows @ rows.T + np.outer(effect, effect)
        v = prior_cov + np.diag(noise)
        solve = np.linalg.inv(v)
        count = m + (m - 1 if z is not None else 0)
        shape, rate = 1.0 + 0.5 * count, b0 + 0.5 * data @ solve @ data
        free = 0.5 * np.log(tau) if z is not None else 0.0
        logs.append(-0.5 * np.linalg.slogdet(v)[1] + free - shape * np.log(rate) + prior)
        gain = lam * rows.T @ solve
        means.append(gain @ data)
        covs.append(rate / (shape - 1.0) * (lam * np.eye(n) - lam * gain @ rows))
    share = np.exp(np.array(logs) - max(logs))
    share /= share.sum()
    means = np.array(means)
    mean = share @ means
    cov = np.tensordot(share, np.array(covs), 1) + (means.T * share) @ means - np.outer(mean, mean)
    return mean, cov * (1.0 + 4.0 / m)


@settings(max_examples=40, deadline=None)
@given(some_pairs, st.booleans(), st.booleans())
def test_alone_is_the_dense_gaussian_posterior(graph, scores, weights):
    n, pairs, seed = graph
    told = said(pairs, seed, scores=scores, weights=weights)
    data = read(n, told)
    found = fit_alone(data, moments(data))
    mean, cov = brute_alone(n, pairs, data.margin, data.sums, data.weight)
    assert found.mean == pytest.approx(mean, abs=1e-7)
    assert found.covariance == pytest.approx(cov, abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(some_pairs, st.booleans())
def test_under_a_profile_is_the_dense_gaussian_posterior(graph, scores):
    n, pairs, seed = graph
    told = said(pairs, seed, scores=scores)
    profile = JudgeProfile(1.3, 0.7, 0.4, 0.2, 0.5, 0.1, sum_var=2.0)
    rng = np.random.default_rng(seed)
    seen = sorted({i for pair in pairs for i in pair})
    cheap = rng.normal(size=n)
    c = (cheap[seen] - cheap[seen].mean()) / cheap[seen].std()
    a = design(n, pairs)[:, seen]
    data = read(n, told)
    prior = 1.3 * np.eye(len(seen)) + 0.1 * np.outer(c, c)
    rows, y = a, data.margin - 0.4
    noise = 0.7 * np.eye(len(pairs)) + 0.2
    if scores:
        rows = np.vstack([a, abs(a)])
        y = np.concatenate([y, data.sums])
        noise = np.block([
            [noise, np.zeros((len(pairs),) * 2)],
            [np.zeros((len(pairs),) * 2), 2.0 * np.eye(len(pairs)) + 1e7],
        ])  # fmt: skip
    gain = prior @ rows.T @ np.linalg.inv(rows @ prior @ rows.T + noise)
    mean = 0.5 * c + gain @ (y - rows @ (0.5 * c))
    cov = prior - gain @ rows @ prior
    centre = np.eye(len(seen)) - 1.0 / len(seen)
    result = strengths(n, told, seeds=cheap.tolist(), profile=profile)
    assert [result.strengths[i] for i in seen] == pytest.approx(mean - mean.mean(), abs=1e-4)
    assert result.covariance[np.ix_(seen, seen)] == pytest.approx(centre @ cov @ centre, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(some_pairs)
def test_labels_agree_with_choix(graph):
    """choix fits the same model by sequential EP: probit, N(0, 1 / alpha) strengths, no ties."""
    n, pairs, seed = graph
    outcome = np.where(np.random.default_rng(seed).random(len(pairs)) < 0.5, 1, -1)
    wins = [(i, j) if o > 0 else (j, i) for (i, j), o in zip(pairs, outcome, strict=True)]
    seen = sorted({i for pair in pairs for i in pair})
    place = {item: k for k, item in enumerate(seen)}
    mean, cov = choix.ep_pairwise(
        len(seen), [(place[i], place[j]) for i, j in wins], alpha=0.5, model="probit"
    )
    profile = JudgeProfile(strength_var=2.0, noise_var=1.0, order_effect=0.0)
    result = strengths(n, labels(pairs, outcome), profile=profile)
    centre = np.eye(len(seen)) - 1.0 / len(seen)
    assert [result.strengths[i] for i in seen] == pytest.approx(mean - mean.mean(), abs=5e-3)
    assert result.covariance[np.ix_(seen, seen)] == pytest.approx(centre @ cov @ centre, abs=5e-3)


def test_many_labels_agree_with_the_maximum_likelihood_of_choix():
    """Logits: with much data and both orders, strengths are Bradley-Terry's."""
    rng = np.random.default_rng(0)
    truth = np.array([0.8, 0.3, -0.2, -0.9])
    pairs = [(i, j) for i in range(4) for j in range(4) if i != j] * 150
    outcome = [1 if rng.random() < 1 / (1 + np.exp(truth[j] - truth[i])) else -1 for i, j in pairs]
    wins = [(i, j) if o > 0 else (j, i) for (i, j), o in zip(pairs, outcome, strict=True)]
    likely = choix.ilsr_pairwise(4, wins)
    result = strengths(4, labels(pairs, outcome))
    assert result.strengths == pytest.approx(likely - likely.mean(), abs=0.05)


@pytest.mark.parametrize("seed", range(8))
def test_clear_orders_of_a_full_round_robin_agree_with_evalica(seed):
    """Both orders of all pairs, ties included, and a win graph that is strongly connected."""
    rng = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    outcome = rng.choice([1, 0, -1], size=len(pairs), p=[0.4, 0.2, 0.4])
    winner = {1: evalica.Winner.X, 0: evalica.Winner.Draw, -1: evalica.Winner.Y}
    games = ([str(i) for i, _ in pairs], [str(j) for _, j in pairs], [winner[o] for o in outcome])
    fitted = evalica.bradley_terry(*games, limit=10_000)
    assert fitted.iterations < 10_000
    rate = evalica.average_win_rate(*games).scores
    result = strengths(6, labels(pairs, outcome))
    compared = 0
    for i, j in itertools.permutations(range(6), 2):
        if rate[str(i)] > rate[str(j)] + 0.11:  # more than one game of ten
            compared += 1
            assert fitted.scores[str(i)] > fitted.scores[str(j)]
            assert result.strengths[i] > result.strengths[j]
    assert compared > 2


@settings(max_examples=60, deadline=None)
@given(some_pairs, st.sampled_from(["margin", "scores", "label", "mixed"]))
def test_mirrored_comparisons_say_the_same(mirror, graph, kind):
    n, pairs, seed = graph
    told = said(pairs, seed, scores=kind == "scores")
    if kind in ("label", "mixed"):
        outcome = np.random.default_rng(seed).integers(-1, 2, len(pairs))
        told = labels(pairs, outcome) if kind == "label" else (
            labels(pairs, outcome)[::2] + told[1::2]
        )  # fmt: skip
    a, b = strengths(n, told), strengths(n, [mirror(c) for c in told])
    assert a.ranks == b.ranks
    for one, other in zip(a.strengths, b.strengths, strict=True):
        assert one == pytest.approx(other, abs=1e-7)
    assert a.cycle_energy == pytest.approx(b.cycle_energy, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(some_pairs, st.data())
def test_renaming_items_renames_strengths(graph, data):
    n, pairs, seed = graph
    move = data.draw(st.permutations(range(n)))
    told = said(pairs, seed)
    moved = [Comparison(move[c.first], move[c.second], c.p_first, 0.0, c.p_second) for c in told]
    a, b = strengths(n, told), strengths(n, moved)
    for i in range(n):
        assert a.strengths[i] == pytest.approx(b.strengths[move[i]], abs=1e-7)


@settings(max_examples=60, deadline=None)
@given(some_pairs, st.sampled_from(["margin", "label"]), st.booleans())
def test_covariance_is_one_and_strengths_are_finite(graph, kind, seeded):
    n, pairs, seed = graph
    rng = np.random.default_rng(seed)
    told = said(pairs, seed) if kind == "margin" else labels(pairs, rng.integers(-1, 2, len(pairs)))
    result = strengths(n, told, seeds=rng.normal(size=n).tolist() if seeded else None)
    seen = sorted({i for pair in pairs for i in pair})
    assert [i for i in range(n) if result.strengths[i] is not None] == seen
    table = result.covariance[np.ix_(seen, seen)]
    assert np.linalg.eigvalsh(table).min() > -1e-9
    assert table.sum() == pytest.approx(0.0, abs=1e-7)
    assert np.isnan(np.delete(result.covariance, seen, axis=0)).all()
    assert 0.0 <= result.cycle_energy <= 1.0


def test_disconnected_graphs_and_unbeaten_items_have_strengths():
    told = labels([(0, 1), (0, 1), (2, 3)], [1, 1, 1])
    result = strengths(5, told)
    assert result.ranks[4] is None
    assert result.strengths[4] is None
    assert result.strengths[0] > result.strengths[2] > 0 > result.strengths[3]
    assert 0.5 < order_probability(result, 0, 1) < 1.0
    assert order_probability(result, 0, 4) is None


def test_the_posterior_is_symmetric_in_the_order_probability():
    result = strengths(3, said([(0, 1), (1, 2), (2, 0), (0, 2)], 3))
    for i, j in itertools.permutations(range(3), 2):
        p = order_probability(result, i, j)
        assert p + order_probability(result, j, i) == pytest.approx(1.0)
        assert (p > 0.5) is (result.strengths[i] > result.strengths[j])


def test_a_seed_decides_where_comparisons_say_nothing():
    told = said([(0, 1), (2, 3)], 1)
    cheap = [1.0, -1.0, 5.0, -5.0]
    plain, seeded = strengths(4, told), strengths(4, told, seeds=cheap)
    gap = lambda r: r.strengths[2] - r.strengths[1]  # noqa: E731
    assert gap(seeded) > gap(plain)
    assert strengths(4, told, seeds=[7.0] * 4).strengths == plain.strengths


def test_no_comparison_no_number():
    result = strengths(2, [])
    assert (result.ranks, result.strengths, result.covariance) == ((None,) * 2, (None,) * 2, None)
    weightless = [Comparison(0, 1, 1.0, 0.0, 0.0, weight=0.0)]
    assert strengths(2, weightless).strengths == (None, None)


def test_weight_counts_like_repetition():
    told = said([(0, 1), (1, 2), (0, 2), (2, 0)], 2)
    profile = JudgeProfile(1.0, 0.5, 0.1, 0.1)
    heavy = [Comparison(c.first, c.second, c.p_first, 0.0, c.p_second, weight=3.0) for c in told]
    assert strengths(3, heavy, profile=profile).strengths == pytest.approx(
        strengths(3, told * 3, profile=profile).strengths
    )


def test_log_odds_win_over_probabilities_and_are_clipped():
    def one(p, log_odds):
        flat = JudgeProfile(strength_var=1e6, noise_var=1.0, order_effect=0.0)
        return strengths(2, [Comparison(0, 1, p, 0.0, 1.0 - p, log_odds)], profile=flat)

    assert one(0.5, 3.0).strengths[0] == pytest.approx(1.5, abs=1e-3)
    assert one(0.5, 99.0).strengths[0] == pytest.approx(6.9, abs=1e-3)
    assert one(1.0, None).strengths[0] == pytest.approx(6.9, abs=0.02)
    assert one(0.0, -math.inf).strengths[0] == pytest.approx(-6.9, abs=1e-3)


def test_scores_count_only_if_every_comparison_has_them():
    full = said([(0, 1), (1, 2), (0, 2)], 5, scores=True)
    half = [*full[:2], Comparison(0, 2, full[2].p_first, 0.0, full[2].p_second)]
    plain = [Comparison(c.first, c.second, c.p_first, 0.0, c.p_second) for c in full]
    assert strengths(3, half).strengths == pytest.approx(strengths(3, plain).strengths, abs=1e-6)
    assert strengths(3, full).strengths != pytest.approx(strengths(3, plain).strengths, abs=1e-3)


def test_sums_of_scores_tell_level_that_margins_cannot():
    """Pairs (0, 1) and (2, 3) never meet; only the level of the scores places them."""
    told = [Comparison(i, j, 0.6, 0.0, 0.4, scores=(a, b)) for i, j, a, b in
            [(0, 1, 9.0, 8.0), (2, 3, 3.0, 2.0)] * 2]  # fmt: skip
    result = strengths(4, told)
    assert min(result.strengths[:2]) > max(result.strengths[2:])


@pytest.mark.parametrize("both", [False, True])
def test_cycle_energy(both):
    def cycle(sides, size=5):
        pairs = [(i, (i + 1) % size) for i in range(size)]
        told = labels(pairs, [1] * size)
        return told + (labels([(j, i) for i, j in pairs], [-1] * size) if sides else [])

    ranking = strengths(5, cycle(True))
    assert ranking.cycle_energy == pytest.approx(1.0)
    assert set(ranking.ranks) == {3.0}
    # In one order a cycle along the display order cannot be told from an order effect.
    assert strengths(5, cycle(False)).cycle_energy == pytest.approx(0.0)
    tree = said([(0, 1), (1, 2), (1, 3)], 1)
    assert strengths(4, tree).cycle_energy == pytest.approx(0.0, abs=1e-9)


def test_cycle_energy_is_the_least_squares_residual():
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    told = said(pairs, 4)
    y = read(6, told).margin
    rows = np.column_stack([design(6, pairs), np.ones(len(pairs))])
    rest = y - rows @ np.linalg.lstsq(rows, y, rcond=None)[0]
    assert strengths(6, told).cycle_energy == pytest.approx(float(rest @ rest / (y @ y)))


def test_intervals_cover_and_order_probabilities_are_honest():
    """Coverage of 90 % intervals and calibration over 150 groups of 12."""
    rng = np.random.default_rng(8)
    inside, told, right = [], [], []
    for seed in range(150):
        truth = rng.normal(size=12)

        async def compare(pairs, truth=truth):
            gaps = [truth[i] - truth[j] + 0.5 + rng.normal() for i, j in pairs]
            p = [1.0 / (1.0 + math.exp(-1.7 * gap)) for gap in gaps]
            return [Comparison(i, j, q, 0.0, 1.0 - q) for (i, j), q in zip(pairs, p, strict=True)]

        result = asyncio.run(rank(12, compare, budget=40, seed=seed))
        error = np.array(result.strengths) - 1.7 * (truth - truth.mean())
        inside += (abs(error) < 1.645 * np.sqrt(np.diag(result.covariance))).tolist()
        for i, j in itertools.combinations(range(12), 2):
            p = order_probability(result, i, j)
            told.append(max(p, 1.0 - p))
            right.append((p > 0.5) is bool(truth[i] > truth[j]))
    assert 0.87 < np.mean(inside) < 0.94
    assert np.mean(told) == pytest.approx(np.mean(right), abs=0.02)


def test_cdf_agrees_with_scipy():
    x = np.linspace(-12.0, 12.0, 400)
    assert cdf(x) == pytest.approx(stats.norm.cdf(x), rel=1e-6)


def test_a_label_weighs_like_its_logit_on_the_logit_scale():
    x = np.linspace(-4, 4, 81)
    assert abs(stats.norm.cdf(x) - 1 / (1 + np.exp(-LOGIT_PER_PROBIT * x))).max() < 0.0096


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: strengths(-1, []), "n"),
        (lambda: strengths(2, [Comparison(0, 2, 1.0, 0.0, 0.0)]), "comparisons"),
        (lambda: strengths(0, [Comparison(0, 1, 1.0, 0.0, 0.0)]), "comparisons"),
        (
            lambda: strengths(2, [Comparison(0, 1, 0.5, 0.0, 0.5, scores=(1.0, math.inf))]),
            "comparisons",
        ),
        (lambda: strengths(2, [], seeds=[1.0]), "seeds"),
        (lambda: strengths(2, [], seeds=[1.0, math.nan]), "seeds"),
        (lambda: strengths(2, [], profile=JudgeProfile(0.0, 1.0, 0.0)), "profile"),
        (lambda: strengths(2, [], profile=JudgeProfile(1.0, 1.0, 0.0, tie_width=-1.0)), "profile"),
        (lambda: Comparison(0, 0, 1.0, 0.0, 0.0), "Comparison"),
        (lambda: Comparison(0, 1, math.nan, 0.0, 0.0), "Comparison.p_"),
        (lambda: Comparison(0, 1, 1.2, 0.0, -0.2), "Comparison.p_"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}"):
        call()
