import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.benchmarks.items import TIED, Game, Item, Judged, put_back, shown_order


def item(name, n):
    texts = tuple(f"r{k}" for k in range(n))
    return Item(name, "s", "c", "p", texts, (1.0,) + (0.0,) * (n - 1))


@given(st.text(), st.integers(1, 9))
def test_what_was_shuffled_is_put_back(name, n):
    one = item(name, n)
    order = shown_order(one, shuffle=True)
    assert sorted(order) == list(range(n))
    assert order == shown_order(one, shuffle=True)
    values = [float(at) for at in range(n)]
    assert put_back([values[at] for at in order], order) == tuple(values)


def test_the_right_response_is_shown_in_every_place():
    """A judge that likes one place must not win by it."""
    places = [shown_order(item(f"i{k}", 4), shuffle=True).index(0) for k in range(400)]
    assert all(70 <= places.count(place) <= 130 for place in range(4))
    assert shown_order(item("i", 4), shuffle=False) == [0, 1, 2, 3]


def test_winners_are_of_games_where_there_are_any():
    games = (Game(0, 1, 1), Game(1, 0, None))
    one = Judged("i", "s", "c", (1.0, 0.0), (0.9, 0.1), games)
    assert one.winners() == (1, None)
    assert one.failed == 1
    assert Judged("i", "s", "c", (1.0, 0.0), (0.9, 0.1)).winners() == (0,)


@pytest.mark.parametrize(
    ("values", "winner"),
    [((0.2, 0.1), 0), ((0.1, 0.2), 1), ((0.1, 0.1), TIED), ((None, 0.1), None), ((), None)],
)
def test_winners_of_values(values, winner):
    assert Judged("i", "s", "c", (1.0, 0.0), values).winners() == (winner,)


def test_a_lost_call_is_a_failure_though_a_value_is_known():
    one = Judged("i", "s", "c", (1.0, 0.0), (0.9, 0.1), lost=1)
    assert (one.failed, one.whole) == (1, False)
    none = Judged("i", "s", "c", (1.0, 0.0), (0.9, None), lost=1)
    assert (none.failed, none.whole) == (1, True)


def test_the_right_one_is_the_only_best():
    assert Judged("i", "s", "c", (0.0, 2.0, 1.0)).right == 1
    assert Judged("i", "s", "c", (1.0, 1.0)).right is None
    assert Judged("i", "s", "c", (1.0, 1.0)).label == TIED
