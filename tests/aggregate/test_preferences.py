import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from judge.aggregate.preferences import preferences
from judge.types import Comparison, Preference


def shown(first, second, p_first, p_second, weight=1.0):
    tie = max(0.0, 1.0 - p_first - p_second)
    return Comparison(first, second, p_first, tie, p_second, weight=weight)


COMPARISONS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0, 1), st.floats(0, 1)).filter(
        lambda c: c[0] != c[1]
    ),
    max_size=12,
).map(lambda raw: [shown(i, j, p * q, p * (1 - q)) for i, j, p, q in raw])


def test_one_order_is_that_calls_word():
    (pair,) = preferences([shown(2, 1, 0.6, 0.3)])
    assert pair == Preference(1, 2, 0.3, pytest.approx(0.1), 0.6, None, 1.0, pytest.approx(-0.3))


def test_steps_are_averaged_over_both_orders():
    told = [
        replace(shown(0, 1, 1.0, 0.0), lean=0.5),
        replace(shown(1, 0, 1.0, 0.0), lean=1.0),
    ]
    assert preferences(told)[0].lean == pytest.approx(-0.25)
    assert preferences(told[:1])[0].lean == 0.5
    assert preferences([*told[:1] * 3, told[1]])[0].lean == pytest.approx(-0.25)


@pytest.mark.parametrize(
    ("lean", "lengths", "tied"),
    [
        (0.5, (900, 100), True),  # a slight win of the longer one
        (0.5, (600, 100), False),  # by no more than the limit
        (0.5, (100, 900), False),  # the shorter one won
        (-0.5, (100, 900), True),
        (0.75, (900, 100), False),  # more than slight
        (0.0, (900, 100), False),
    ],
)
def test_a_slight_win_by_length_is_a_tie(lean, lengths, tied):
    told = [Comparison(0, 1, 0.7, 0.0, 0.3, lean=lean)]
    (pair,) = preferences(told, lengths=lengths, if_longer=500)
    assert (pair.p_tie == 1.0) is tied
    assert (pair.lean == 0.0) is (tied or lean == 0.0)
    assert preferences(told, lengths=lengths)[0].p_i == 0.7


def test_both_orders_are_averaged_so_that_the_order_effect_cancels():
    (pair,) = preferences([shown(0, 1, 0.9, 0.1), shown(1, 0, 0.7, 0.2)])
    assert (pair.i, pair.j) == (0, 1)
    assert pair.p_i == pytest.approx((0.9 + 0.2) / 2)
    assert pair.p_j == pytest.approx((0.1 + 0.7) / 2)
    assert pair.flipped is True
    assert pair.weight == 2.0


@pytest.mark.parametrize(
    ("again", "flipped"), [((0.4, 0.6), False), ((0.6, 0.4), True), ((0.5, 0.5), False)]
)
def test_flipped_means_that_the_orders_prefer_different_sides(again, flipped):
    (pair,) = preferences([shown(0, 1, 0.8, 0.2), shown(1, 0, *again)])
    assert pair.flipped is flipped


def test_orders_count_equally_however_often_each_was_asked():
    many = [shown(0, 1, 1.0, 0.0)] * 3 + [shown(1, 0, 1.0, 0.0)]
    (pair,) = preferences(many)
    assert (pair.p_i, pair.p_j) == (0.5, 0.5)


def test_weights_count_within_an_order():
    heavy = [shown(0, 1, 1.0, 0.0, 3.0), shown(0, 1, 0.0, 1.0, 1.0)]
    (pair,) = preferences(heavy)
    assert (pair.p_i, pair.p_j) == (0.75, 0.25)


def test_comparisons_of_no_weight_say_nothing():
    (pair,) = preferences([shown(0, 1, 1.0, 0.0, 0.0)])
    assert (pair.p_tie, pair.weight, pair.flipped) == (1.0, 0.0, None)
    (pair,) = preferences([shown(0, 1, 1.0, 0.0, 0.0), shown(1, 0, 0.3, 0.7)])
    assert (pair.p_i, pair.flipped) == (0.7, None)


@pytest.mark.parametrize(("band", "tie"), [(0.0, False), (0.1, False), (0.2, True), (0.3, True)])
def test_a_band_makes_a_lean_a_tie(band, tie):
    (pair,) = preferences([shown(0, 1, 0.5, 0.3)], band=band)
    assert (pair.p_tie == 1.0) is tie
    assert tie or pair.p_i == 0.5


@settings(max_examples=80)
@given(COMPARISONS)
def test_preferences_are_probabilities_in_order_of_the_pairs(comparisons):
    found = preferences(comparisons)
    assert [(pair.i, pair.j) for pair in found] == sorted(
        {tuple(sorted((c.first, c.second))) for c in comparisons}
    )
    for pair in found:
        assert pair.i < pair.j
        assert pair.p_i + pair.p_tie + pair.p_j == pytest.approx(1.0, abs=1e-9)
        assert min(pair.p_i, pair.p_tie, pair.p_j) >= 0.0


@settings(max_examples=80)
@given(COMPARISONS, st.permutations(range(4)))
def test_renaming_the_items_renames_the_preferences(comparisons, names):
    renamed = [
        Comparison(names[c.first], names[c.second], c.p_first, c.p_tie, c.p_second)
        for c in comparisons
    ]
    sides = {}
    for pair in preferences(renamed):
        sides[pair.i, pair.j] = pair.p_i, pair.p_j
        sides[pair.j, pair.i] = pair.p_j, pair.p_i
    for pair in preferences(comparisons):
        assert sides[names[pair.i], names[pair.j]] == pytest.approx((pair.p_i, pair.p_j))


# --- equal items -----------------------------------------------------------------------------


def test_equal_items_share_what_was_said_of_any():
    said = [shown(0, 1, 0.9, 0.1), shown(2, 0, 0.8, 0.2), shown(1, 2, 0.0, 0.0)]
    found = {(pair.i, pair.j): pair for pair in preferences(said, keys=["a", "b", "b"])}
    assert set(found) == {(0, 1), (0, 2), (1, 2)}
    assert found[0, 1].p_i == found[0, 2].p_i == pytest.approx((0.9 + 0.2) / 2)
    assert found[0, 1].flipped is True
    assert found[1, 2].p_tie == 1.0


def test_what_failed_for_one_is_known_from_its_equal():
    found = preferences([shown(0, 1, 0.9, 0.1)], keys=["a", "b", "b"])
    assert [(pair.i, pair.j, pair.p_i) for pair in found] == [(0, 1, 0.9), (0, 2, 0.9)]


@settings(max_examples=60)
@given(COMPARISONS)
def test_different_keys_change_nothing(comparisons):
    assert preferences(comparisons, keys=["d", "c", "b", "a"]) == preferences(comparisons)


@settings(max_examples=60)
@given(COMPARISONS, st.lists(st.sampled_from("ab"), min_size=4, max_size=4))
def test_equal_items_have_equal_preferences(comparisons, keys):
    comparisons = [c for c in comparisons if keys[c.first] != keys[c.second]]
    sides = {}
    for pair in preferences(comparisons, keys=keys):
        sides.setdefault((keys[pair.i], keys[pair.j]), set()).add((pair.p_i, pair.p_j))
        sides.setdefault((keys[pair.j], keys[pair.i]), set()).add((pair.p_j, pair.p_i))
    assert all(len(said) == 1 for said in sides.values())
