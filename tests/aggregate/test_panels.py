import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.aggregate.panels import (
    EXACT,
    dawid_skene,
    ensemble,
    majority_certificate,
    weighted_majority,
)
from judge.errors import ConfigError

NAN = math.nan
accuracies = st.sampled_from([0.3, 0.5, 0.55, 0.6, 0.7, 0.8, 0.95])
priors = st.sampled_from([0.1, 0.4, 0.5, 0.5, 0.6, 0.8])


def bayes(row, p, prior):
    """The posterior by Bayes' rule, errors spread evenly."""
    k = len(prior)
    joint = [
        share * math.prod(q if v == c else (1 - q) / (k - 1)
                          for v, q in zip(row, p, strict=True) if v >= 0)
        for c, share in enumerate(prior)
    ]  # fmt: skip
    return [x / sum(joint) for x in joint]


def planted(seed, items, confusion, prior, missing=0.0):
    rng = np.random.default_rng(seed)
    truth = rng.choice(len(prior), size=items, p=prior)
    votes = np.stack([
        [rng.choice(len(prior), p=judge[t]) for t in truth] for judge in confusion
    ], axis=1)  # fmt: skip
    votes[rng.random(votes.shape) < missing] = -1
    return truth, votes


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 4), st.lists(accuracies, min_size=0, max_size=5), st.data())
def test_the_weighted_majority_is_bayes_rule(k, p, data):
    items = data.draw(st.integers(0, 4))
    votes = np.array([
        [data.draw(st.integers(-1, k - 1)) for _ in p] for _ in range(items)
    ], dtype=int).reshape(items, len(p))  # fmt: skip
    raw = np.array([data.draw(st.sampled_from([1.0, 2.0, 5.0])) for _ in range(k)])
    prior = raw / raw.sum()
    result = weighted_majority(votes, p, prior)
    assert result.posteriors.shape == (items, k)
    for row, found in zip(votes, result.posteriors, strict=True):
        assert found == pytest.approx(bayes(row, p, prior))
    order = data.draw(st.permutations(range(items)))
    judges = data.draw(st.permutations(range(len(p))))
    moved = weighted_majority(votes[order][:, judges], [p[j] for j in judges], prior)
    assert moved.posteriors == pytest.approx(result.posteriors[order])


def test_weights_are_the_judges_log_odds():
    result = weighted_majority([[0, 1, 1], [-1, -1, -1]], [0.9, 0.6, 0.6], [0.5, 0.5])
    assert result.weights == pytest.approx([math.log(9), math.log(1.5), math.log(1.5)])
    assert result.posteriors[0, 0] == pytest.approx(9 / (9 + 1.5**2))
    assert result.posteriors[1].tolist() == [0.5, 0.5]
    assert weighted_majority([[0]], [0.2], [0.5, 0.5]).weights[0] == pytest.approx(-math.log(4))


def enumerated(p, prior):
    """Accuracy lost by majority, and whether it is optimal in every pattern, by going through."""
    lost, optimal = 0.0, True
    for votes in itertools.product((0, 1), repeat=len(p)):
        joint = [
            share * math.prod(q if v == c else 1 - q for v, q in zip(votes, p, strict=True))
            for c, share in ((1, prior), (0, 1 - prior))
        ]
        lead = 2 * sum(votes) - len(p)
        said = joint[0] if lead > 0 else joint[1] if lead < 0 else sum(joint) / 2
        lost += max(joint) - said
        optimal &= said >= max(joint) * (1 - 1e-9)
    return lost, optimal


@settings(max_examples=150, deadline=None)
@given(st.lists(accuracies, max_size=6), priors, st.data())
def test_the_certificate_is_true_for_every_vote_pattern(p, prior, data):
    lost, optimal = enumerated(p, prior)
    found = majority_certificate(p, prior)
    assert found.optimal == optimal
    assert found.exact
    assert found.loss == pytest.approx(lost, abs=1e-8)
    judges = data.draw(st.permutations(range(len(p))))
    assert majority_certificate([p[j] for j in judges], prior).slack == pytest.approx(found.slack)
    assert majority_certificate(p, 1.0 - prior).slack == pytest.approx(found.slack)


def test_equal_judges_and_the_prior_they_can_outvote():
    """|logit(prior)| <= logit(p) for an odd panel of equal judges; never for an even one."""
    assert majority_certificate([0.7] * 5, 0.69).optimal
    assert not majority_certificate([0.7] * 5, 0.71).optimal
    assert majority_certificate([0.7] * 4).optimal
    assert not majority_certificate([0.7] * 4, 0.51).optimal
    # one expert outweighs two: log 19 > 2 log 1.5
    assert not majority_certificate([0.95, 0.6, 0.6]).optimal
    assert majority_certificate([0.65, 0.6, 0.6]).optimal


@settings(max_examples=12, deadline=None)
@given(st.lists(accuracies, min_size=1, max_size=4), priors)
def test_the_loss_of_large_panels_is_a_bound(few, prior):
    """Judges of accuracy 1/2 add nothing to the best rule; the bound must hold with them, too."""
    p = few + [0.5] * (EXACT + 1 - len(few))
    found = majority_certificate(p, prior)
    patterns = np.array(list(itertools.product((False, True), repeat=len(p))))
    joint = [
        share * np.where(patterns == side, p, 1.0 - np.array(p)).prod(1)
        for side, share in ((True, prior), (False, 1.0 - prior))
    ]
    lead = 2 * patterns.sum(1) - len(p)
    said = np.where(lead > 0, joint[0], np.where(lead < 0, joint[1], (joint[0] + joint[1]) / 2))
    lost = float((np.maximum(*joint) - said).sum())
    assert found.loss >= lost - 1e-9
    assert found.loss <= 1.0
    if not found.optimal:
        assert not found.exact
        assert lost > 1e-12


@pytest.mark.parametrize("n", [16, 17])
def test_the_bound_of_large_panels_is_the_one_described(n):
    """Majority's error by the binomial law of its equal judges; the prior outweighs a majority."""
    right = [math.comb(n, k) * 0.6**k * 0.4 ** (n - k) for k in range(n + 1)]
    error = sum(q for k, q in enumerate(right) if 2 * k < n) + (n == 16) * right[8] / 2
    r = (2 * math.sqrt(0.24)) ** n
    best = (1 - math.sqrt(1 - 4 * 0.9 * 0.1 * r * r)) / 2
    assert majority_certificate([0.6] * n, 0.9).loss == pytest.approx(error - best)
    assert majority_certificate([0.6] * n, 0.9).exact is False
    assert majority_certificate([0.6] * EXACT, 0.9).exact is True


def test_thousands_of_votes_do_not_overflow():
    result = weighted_majority([[0] * 1200 + [1] * 1199], [0.9] * 2399, [0.5, 0.5])
    assert result.posteriors[0] == pytest.approx([0.9, 0.1])
    many = dawid_skene(np.array([[0], [1], [2]]).repeat(1500, axis=1), 3)
    assert many.posteriors == pytest.approx(np.eye(3))


def test_large_equal_panels_are_certified_without_enumeration():
    found = majority_certificate([0.6] * 101)
    assert (found.optimal, found.loss, found.exact) == (True, 0.0, True)
    assert found.slack == pytest.approx(math.log(1.5))


def test_dawid_skene_recovers_planted_judges_and_beats_majority():
    confusion = np.array([
        [[0.95, 0.03, 0.02], [0.02, 0.95, 0.03], [0.03, 0.02, 0.95]],
        [[0.90, 0.05, 0.05], [0.10, 0.85, 0.05], [0.02, 0.08, 0.90]],
        [[0.40, 0.30, 0.30], [0.30, 0.40, 0.30], [0.30, 0.30, 0.40]],
        [[0.45, 0.50, 0.05], [0.10, 0.80, 0.10], [0.05, 0.55, 0.40]],
        [[0.40, 0.50, 0.10], [0.10, 0.80, 0.10], [0.05, 0.60, 0.35]],
    ])  # fmt: skip
    prior = [0.5, 0.2, 0.3]
    truth, votes = planted(0, 3000, confusion, prior, missing=0.1)
    found = dawid_skene(votes, 3, iterations=1000)
    assert found.converged
    assert 10 < found.iterations < 1000
    assert found.confusion == pytest.approx(confusion, abs=0.05)
    assert found.priors == pytest.approx(prior, abs=0.03)
    shares = (votes[:, :, None] == np.arange(3)).sum(1)
    majority = (shares.argmax(1) == truth).mean()
    assert (found.posteriors.argmax(1) == truth).mean() > majority + 0.1


def test_posteriors_say_how_often_they_are_right():
    confusion = [[[q, 1 - q], [1 - q, q]] for q in (0.6, 0.7, 0.75, 0.8)]
    truth, votes = planted(1, 4000, np.array(confusion), [0.4, 0.6])
    found = dawid_skene(votes, 2)
    sure = found.posteriors.max(1)
    right = found.posteriors.argmax(1) == truth
    for low, high in ((0.5, 0.75), (0.75, 0.9), (0.9, 1.0)):
        inside = (sure >= low) & (sure <= high)
        assert inside.sum() > 200
        assert right[inside].mean() == pytest.approx(sure[inside].mean(), abs=0.05)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.integers(3, 5), st.integers(2, 3), st.data())
def test_renaming_items_judges_and_classes_renames_everything(seed, judges, k, data):
    rng = np.random.default_rng(seed)
    votes = rng.integers(-1, k, size=(8, judges))
    votes[0] = 0  # all judges meet
    found = dawid_skene(votes, k, iterations=15)
    items = data.draw(st.permutations(range(8)))
    others = data.draw(st.permutations(range(judges)))
    moved = dawid_skene(votes[items][:, others], k, iterations=15)
    assert moved.posteriors == pytest.approx(found.posteriors[items], abs=1e-7)
    assert moved.confusion == pytest.approx(found.confusion[others], abs=1e-7)
    names = np.array(data.draw(st.permutations(range(k))))
    renamed = dawid_skene(np.where(votes < 0, -1, names[votes]), k, iterations=15)
    assert renamed.posteriors[:, names] == pytest.approx(found.posteriors, abs=1e-7)
    assert found.posteriors.sum(1) == pytest.approx(1.0)
    assert found.confusion.sum(2) == pytest.approx(1.0)


def test_items_and_judges_without_votes_change_nothing():
    _, votes = planted(2, 40, np.array([[[0.8, 0.2], [0.3, 0.7]]] * 4), [0.5, 0.5])
    found = dawid_skene(votes, 2)
    wider = np.full((43, 5), -1)
    wider[3:, 1:] = votes
    padded = dawid_skene(wider, 2)
    assert padded.posteriors[3:] == pytest.approx(found.posteriors)
    assert padded.posteriors[:3] == pytest.approx(np.tile(found.priors, (3, 1)))
    assert padded.confusion[1:] == pytest.approx(found.confusion)
    assert padded.confusion[0].tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_one_step_of_em_by_hand():
    """Smoothing 1; two items, three judges; start from the vote shares 2/3 and 0."""
    found = dawid_skene([[0, 0, 1], [1, 1, 1]], 2, smoothing=1.0, iterations=1)
    share = np.array([2 / 3, 0.0])  # of class 0
    said = np.array([[0, 0, 1], [1, 1, 1]])
    right = [(share[said[:, j] == 0].sum() + 1) / (share.sum() + 2) for j in range(3)]
    wrong = [((1 - share)[said[:, j] == 0].sum() + 1) / (2 - share.sum() + 2) for j in range(3)]
    prior = (share.sum() + 1) / 4
    for item in range(2):
        zero, one = prior, 1 - prior
        for j in range(3):
            zero *= right[j] if said[item, j] == 0 else 1 - right[j]
            one *= wrong[j] if said[item, j] == 0 else 1 - wrong[j]
        assert found.posteriors[item, 0] == pytest.approx(zero / (zero + one))
    assert (found.iterations, found.converged) == (1, False)


def test_no_item_and_one_item():
    empty = dawid_skene(np.zeros((0, 3)), 2)
    assert (empty.posteriors.shape, empty.converged, empty.iterations) == ((0, 2), True, 0)
    assert empty.priors.tolist() == [0.5, 0.5]
    assert empty.confusion.tolist() == [[[0.5, 0.5]] * 2] * 3
    one = dawid_skene([[1, 1, 0]], 2)
    assert one.posteriors[0, 1] > 0.5
    assert np.isfinite(one.confusion).all()
    tied = dawid_skene([[0, 1, -1, -1], [1, 0, 1, 0]], 2)
    assert tied.posteriors == pytest.approx(0.5)


values = st.one_of(st.just(NAN), st.sampled_from([-2.0, 0.0, 0.5, 1.0, 3.0]))
hows = st.sampled_from(["mean", "median", "min", "lower_bound", "quantile"])
REDUCERS = {
    "mean": np.mean,
    "median": np.median,
    "min": np.min,
    "lower_bound": lambda x: np.mean(x) - np.std(x),
    "quantile": lambda x: np.quantile(x, 0.25),
}


@st.composite
def tables(draw):
    members, n = draw(st.integers(0, 4)), draw(st.integers(0, 5))
    return np.array([[draw(values) for _ in range(n)] for _ in range(members)]).reshape(members, n)


@settings(max_examples=100, deadline=None)
@given(tables(), hows, st.booleans(), st.data())
def test_ensembles_reduce_what_is_there(table, how, standardise, data):
    before = table.copy()
    found = ensemble(table, how, standardise=standardise)
    assert table == pytest.approx(before, nan_ok=True)  # not changed in place
    rows = []
    for row in before:
        known = row[~np.isnan(row)]
        if standardise and len(known):
            row = (row - known.mean()) / (known.std() if known.std() > 1e-12 else 1.0)
        rows.append(row)
    for at, value in enumerate(found):
        known = [row[at] for row in rows if not math.isnan(row[at])]
        expected = REDUCERS[how](known) if known else NAN
        assert value == pytest.approx(expected, abs=1e-9, nan_ok=True)
    assert len(found) == table.shape[1]
    members = data.draw(st.permutations(range(table.shape[0])))
    order = data.draw(st.permutations(range(table.shape[1])))
    moved = ensemble(table[members][:, order], how, standardise=standardise)
    assert moved == pytest.approx(found[order], nan_ok=True)


def test_a_missing_member_is_not_a_zero():
    table = [[5.0, 6.0, NAN], [7.0, NAN, NAN]]
    assert ensemble(table).tolist()[:2] == [6.0, 6.0]
    assert math.isnan(ensemble(table)[2])
    assert ensemble(table, "min").tolist()[:2] == [5.0, 6.0]
    assert ensemble(table, "lower_bound").tolist()[:2] == [5.0, 6.0]


def test_standardised_members_count_equally_whatever_their_unit():
    table = np.array([[0.0, 1.0, 2.0], [500.0, 300.0, 100.0]])
    assert ensemble(table, standardise=True) == pytest.approx([0.0] * 3, abs=1e-12)
    assert ensemble([[3.0, 3.0], [1.0, 2.0]], standardise=True).tolist() == [-0.5, 0.5]


@given(st.integers(1, 4), st.integers(1, 4), hows, st.booleans())
@settings(max_examples=30, deadline=None)
def test_members_that_all_say_the_same_say_it_together(members, n, how, standardise):
    found = ensemble(np.full((members, n), 0.7), how, standardise=standardise)
    assert found == pytest.approx([0.0 if standardise else 0.7] * n)


def test_the_quantile_is_chosen():
    table = [[0.0], [1.0], [2.0]]
    assert [ensemble(table, "quantile", quantile=q)[0] for q in (0.0, 0.25, 1.0)] == [0.0, 0.5, 2.0]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: weighted_majority([[0]], [1.0], [0.5, 0.5]), "accuracies"),
        (lambda: weighted_majority([[0]], [0.6, 0.6], [0.5, 0.5]), "accuracies"),
        (lambda: weighted_majority([[0]], [0.6], [0.5, 0.4]), "prior"),
        (lambda: weighted_majority([[0]], [0.6], [1.0]), "prior"),
        (lambda: weighted_majority([[0]], [0.6], [1.0, 0.0]), "prior"),
        (lambda: weighted_majority([[2]], [0.6], [0.5, 0.5]), "votes"),
        (lambda: weighted_majority([[0, 2]], [0.6, 0.6], [0.5, 0.5]), "votes"),
        (lambda: weighted_majority([[-2]], [0.6], [0.5, 0.5]), "votes"),
        (lambda: weighted_majority([[0.5]], [0.6], [0.5, 0.5]), "votes"),
        (lambda: weighted_majority([0], [0.6], [0.5, 0.5]), "votes"),
        (lambda: majority_certificate([0.0]), "accuracies"),
        (lambda: majority_certificate([NAN]), "accuracies"),
        (lambda: majority_certificate([0.6], 1.0), "prior"),
        (lambda: majority_certificate([0.6], 0.0), "prior"),
        (lambda: dawid_skene([[0, 1]], 2), "votes"),
        (lambda: dawid_skene([[0, 1, -1], [-1, 0, 1]], 2), "votes"),  # 0 and 2 never meet
        (lambda: dawid_skene([[0, 0, 0]], 1), "classes"),
        (lambda: dawid_skene([[0, 0, 0]], 2, smoothing=0.0), "smoothing"),
        (lambda: dawid_skene([[0, 0, 0]], 2, smoothing=math.inf), "smoothing"),
        (lambda: dawid_skene([[0, 0, 0]], 2, tolerance=0.0), "tolerance"),
        (lambda: dawid_skene([[0, 0, 0]], 2, iterations=0), "iterations"),
        (lambda: ensemble([1.0]), "values"),
        (lambda: ensemble([[math.inf]]), "values"),
        (lambda: ensemble([[1.0]], "max"), "how"),
        (lambda: ensemble([[1.0]], quantile=1.5), "quantile"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()


def test_the_weighted_mean_is_over_the_members_that_are_there():
    table = [[1.0, NAN, NAN], [4.0, 6.0, NAN], [7.0, 9.0, NAN]]
    found = ensemble(table, weights=[2.0, 1.0, 1.0])
    assert found == pytest.approx([13.0 / 4.0, 7.5, NAN], nan_ok=True)
    assert ensemble(table, weights=[3.0] * 3) == pytest.approx(ensemble(table), nan_ok=True)


@pytest.mark.parametrize(
    "wrong", [{"weights": [1.0]}, {"weights": [1.0, 0.0]}, {"weights": [1.0, 1.0], "how": "min"}]
)
def test_weights_of_no_use_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"^weights"):
        ensemble([[1.0], [2.0]], **wrong)
