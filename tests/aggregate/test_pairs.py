import hypothesis
import pytest
from hypothesis import strategies as st

from judge.aggregate.pairs import PAIR_COMBINERS, PairItem, PairValue, pair_mean
from judge.recipes import CriteriaSection

TRIPLES = st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1)).map(
    lambda raw: tuple(x / sum(raw) for x in raw)
)


def told(lean, **fields):
    """A criterion that leans that much."""
    return PairValue((1 + lean) / 2, 0.0, (1 - lean) / 2, None, None, lean)


def item(name, lean, weight=1.0, **fields):
    return PairItem(name, weight, told(lean), **fields)


def combined(rule, *items, **settings):
    section = CriteriaSection.model_validate({"combine": rule, **settings})
    return PAIR_COMBINERS[rule](items, section)


def turned(value):
    """The same pair shown the other way round."""
    scores = None if value.scores is None else value.scores[::-1]
    odds = None if value.log_odds is None else -value.log_odds
    return PairValue(value.p_second, value.p_tie, value.p_first, odds, scores, -value.lean)


@hypothesis.given(st.lists(st.tuples(st.floats(0.01, 9), TRIPLES), min_size=1, max_size=4))
def test_the_mean_is_of_everything(raw):
    values = [PairValue(*p, w, (w, 2 * w), p[0] - p[2]) for w, p in raw]
    whole = pair_mean(values, [w for w, _ in raw])
    total = sum(w for w, _ in raw)
    assert whole.p_first + whole.p_tie + whole.p_second == pytest.approx(1.0, abs=1e-9)
    assert whole.p_first == pytest.approx(sum(w * p[0] for w, p in raw) / total)
    assert whole.log_odds == pytest.approx(sum(w * w for w, _ in raw) / total)
    assert whole.scores[1] == pytest.approx(2 * whole.scores[0])
    assert whole.lean == pytest.approx(whole.p_first - whole.p_second, abs=1e-9)


def test_log_odds_and_scores_are_only_known_where_all_are():
    full = PairValue(0.6, 0.0, 0.4, 0.5, (2.0, 1.0), 0.2)
    bare = PairValue(1.0, 0.0, 0.0, None, None, 1.0)
    whole = pair_mean([full, bare], [1.0, 3.0])
    assert (whole.log_odds, whole.scores) == (None, None)
    assert whole.p_first == pytest.approx(0.9)
    assert pair_mean([full, bare], [1.0, 0.0]) == full


@hypothesis.given(
    st.sampled_from(sorted(set(PAIR_COMBINERS) - {"layers"})),
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0.1, 5), st.booleans()), min_size=1, max_size=5),
)
def test_swapping_the_sides_swaps_the_preference(rule, raw):
    items = [
        item(str(k), lean, weight, tier="critical" if top else "core")
        for k, (lean, weight, top) in enumerate(raw)
    ]
    mirrored = [PairItem(i.criterion_id, i.weight, turned(i.value), i.tier) for i in items]
    one, two = combined(rule, *items), turned(combined(rule, *mirrored))
    assert one.p_first == pytest.approx(two.p_first, abs=1e-9)
    assert one.lean == pytest.approx(two.lean, abs=1e-9)
    assert one.p_first + one.p_tie + one.p_second == pytest.approx(1.0, abs=1e-9)


def test_layers_of_a_pair_have_their_shares():
    items = [
        item("p1", 1.0, 3.0, layer="path"),
        item("p2", -1.0, 1.0, layer="path"),
        item("a", -0.5, 7.0, layer="answer"),
    ]
    whole = combined("layers", *items, weights={"path": 0.6, "answer": 0.4})
    assert whole.lean == pytest.approx(0.6 * 0.5 - 0.4 * 0.5)


@pytest.mark.parametrize(
    ("items", "lean"),
    [
        # A critical difference is all that counts, however small.
        ([("x", 0.5, 8, "critical"), ("y", -1.0, 5, "core"), ("z", -1.0, 5, "core")], 0.5),
        # Critical ones are summed.
        ([("x", 0.5, 8, "critical"), ("y", -1.0, 8, "critical")], -0.5),
        # Without one: the weighted mean of those that lean; ties do not dilute.
        ([("x", 0.0, 8, "critical"), ("y", 1.0, 5, "core"), ("z", -1.0, 2, "important")], 3 / 7),
        ([("y", 1.0, 5, "core"), ("z", 0.0, 2, "important")], 1.0),
        ([("y", 0.0, 5, "core")], 0.0),
    ],
)
def test_tiers_with_veto(items, lean):
    whole = combined("tiers", *(item(n, v, float(w), tier=t) for n, v, w, t in items))
    assert whole.lean == pytest.approx(lean, abs=1e-5)
    sides = (whole.p_first, whole.p_tie, whole.p_second)
    assert sides == (float(lean > 0), float(lean == 0), float(lean < 0))


def test_the_first_clear_criterion_decides():
    items = [item("a", 0.1), item("b", -0.6), item("c", 1.0)]
    assert combined("hierarchy", *items, margin=0.3) == told(-0.6)
    assert combined("hierarchy", *items) == told(0.1)
    tie = combined("hierarchy", *items[:1], margin=0.3)
    assert (tie.p_tie, tie.lean) == (1.0, 0.0)
