from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.aggregate import overlapping_groups
from judge.errors import ConfigError


@given(st.integers(2, 60), st.integers(2, 12), st.integers(2, 5), st.integers(0, 99))
def test_every_item_in_as_many_groups_and_all_groups_tied_together(n, size, repeats, seed):
    groups = overlapping_groups(n, size, repeats=repeats, seed=seed)
    assert all(len(set(group)) == len(group) == min(size, n) for group in groups)
    count = Counter(i for group in groups for i in group)
    if n <= size:
        assert len(groups) == 1
    else:
        assert len(groups) == -(-n * repeats // size)
        assert repeats - 1 <= min(count.values()) <= max(count.values()) <= repeats + 1
    reached, grown = set(groups[0]), True
    while grown:
        more = {i for group in groups if reached & set(group) for i in group}
        grown = not more <= reached
        reached |= more
    assert reached == set(range(n))


@given(st.permutations(range(9)), st.integers(0, 99))
def test_keys_make_it_follow_the_items(move, seed):
    keys = [str(i) for i in range(9)]
    plain = overlapping_groups(9, 4, seed=seed, keys=keys)
    moved = overlapping_groups(9, 4, seed=seed, keys=[keys[i] for i in move])
    assert [tuple(move[i] for i in group) for group in moved] == list(plain)


def test_display_order_varies():
    places = Counter(group.index(0) for s in range(90) for group in
                     overlapping_groups(12, 3, seed=s) if 0 in group)  # fmt: skip
    assert min(places[k] for k in range(3)) > 30


def test_nothing_to_compare():
    assert overlapping_groups(0, 4) == overlapping_groups(1, 4) == ()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"n": -1, "size": 3}, "n"),
        ({"n": 5, "size": 1}, "size"),
        ({"n": 5, "size": 3, "repeats": 1}, "repeats"),
        ({"n": 5, "size": 3, "keys": ["a"]}, "keys"),
    ],
)
def test_bad_input_is_named(options, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        overlapping_groups(**options)
