import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.aggregate.bestofn import best_of_n, soft_self_consistency
from judge.errors import ConfigError

values = st.one_of(st.none(), st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0]))
answers = st.one_of(st.none(), st.sampled_from(["a", "b", "c"]))
candidates = st.lists(st.tuples(values, answers, st.sampled_from([0.0, 0.1, 0.2, 1.0])), max_size=7)


def split(rows):
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], []]


def test_the_highest_value_is_taken_and_none_is_left_out():
    assert best_of_n([0.2, None, 0.9, 0.4]) == 2
    assert best_of_n([-3.0, None, -7.0]) == 0  # None is not zero
    assert best_of_n([None, None]) is None
    assert best_of_n([]) is None
    assert best_of_n([], answers=[], weights=[], keys=[]) is None
    assert best_of_n([0.3]) == 0


def test_the_answer_of_most_weight_wins_and_its_best_response_is_kept():
    values = [0.9, 0.4, 0.6, None, None]
    told = ["x", "y", "y", "x", "x"]
    assert best_of_n(values) == 0
    assert best_of_n(values, answers=told) == 2  # .9 against .4 + .6; what is None does not vote
    assert best_of_n(values, answers=told, weights=[1.0] * 5) == 2
    assert best_of_n(values, answers=told, weights=[3.0, 1.0, 1.0, 9.0, 9.0]) == 0


def test_no_answer_is_no_answer_shared_by_all_who_give_none():
    assert best_of_n([0.9, 0.9, 0.1], answers=[None, None, "x"]) == 2
    assert best_of_n([0.2, 0.9], answers=[None, None]) == 1


def test_negative_values_choose_but_do_not_weigh():
    assert best_of_n([-1.0, -2.0]) == 0
    assert best_of_n([-1.0, -2.0, -3.0], answers=["x", "y", "y"], weights=[1.0] * 3) == 1
    with pytest.raises(ConfigError, match=r"^values: "):
        best_of_n([-1.0, -2.0], answers=["x", "y"])


def test_sums_are_equal_in_any_order():
    assert (0.1 + 0.2) + 0.3 != 0.3 + 0.2 + 0.1
    told, weights = ["x"] * 3 + ["y"] * 3, [0.1, 0.2, 0.3, 0.3, 0.2, 0.1]
    assert best_of_n([0.5] * 5 + [0.6], answers=told, weights=weights) == 5
    assert best_of_n([0.6] + [0.5] * 5, answers=told, weights=weights) == 0


def test_equal_answers_are_decided_by_value_then_by_key():
    assert best_of_n([0.4, 0.1, 0.5], answers=["x", "x", "y"]) == 2
    assert best_of_n([0.5, 0.5], answers=["x", "y"], keys=["k2", "k1"]) == 1
    assert best_of_n([0.5, 0.5], answers=["x", "y"]) == 0
    assert best_of_n([0.5, 0.5, 0.4], keys=["k2", "k1", "k0"]) == 1


@settings(max_examples=150, deadline=None)
@given(candidates, st.booleans(), st.booleans(), st.data())
def test_the_order_of_the_responses_decides_nothing(rows, vote, weigh, data):
    keys = [f"key {i}" for i in range(len(rows))]

    def chosen(order):
        v, a, w = split([rows[i] for i in order])
        at = best_of_n(
            v,
            answers=a if vote else None,
            weights=w if weigh else None,
            keys=[keys[i] for i in order],
        )
        return None if at is None else order[at]

    move = data.draw(st.permutations(range(len(rows))))
    assert chosen(move) == chosen(range(len(rows)))


@settings(max_examples=150, deadline=None)
@given(candidates)
def test_what_is_left_out_changes_nothing_and_the_choice_is_the_best(rows):
    v, a, w = split(rows)
    left = [i for i in range(len(rows)) if v[i] is not None]
    pick = best_of_n(v, answers=a, weights=w)
    alone = best_of_n([v[i] for i in left], answers=[a[i] for i in left],
                      weights=[w[i] for i in left])  # fmt: skip
    assert pick == (None if alone is None else left[alone])
    if pick is None:
        assert not left
        return
    told = {x: math.fsum(w[i] for i in left if a[i] == x) for x in "abc" if x in a}
    told = {x: s for x, s in told.items() if any(a[i] == x for i in left)}
    if told:
        assert told[a[pick]] == max(told.values())
        assert v[pick] == max(v[i] for i in left if told.get(a[i]) == max(told.values()))
    else:
        assert v[pick] == max(v[i] for i in left)


def test_likelihoods_by_hand():
    logs = [[math.log(0.5), math.log(0.125)], [math.log(0.25)] * 3, None, [], [0.0]]
    assert soft_self_consistency(logs) == [pytest.approx(0.3125), pytest.approx(0.25),
                                           None, None, 1.0]  # fmt: skip
    assert soft_self_consistency(logs, "min")[:2] == pytest.approx([0.125, 0.25])
    assert soft_self_consistency(logs, "product")[:2] == pytest.approx([0.25, 0.25])
    assert soft_self_consistency([]) == []


def test_length_does_not_wash_out_the_product():
    """A thousand likely tokens are more likely each than ten unlikely ones."""
    long, short = soft_self_consistency([[-1.0] * 1000, [-2.0] * 10], "product")
    assert (long, short) == (pytest.approx(math.exp(-1.0)), pytest.approx(math.exp(-2.0)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(-30.0, 0.0), min_size=1, max_size=5), max_size=4), st.data())
def test_likelihoods_are_ordered_and_follow_their_candidates(logs, data):
    mean, least, product = (soft_self_consistency(logs, how) for how in ("mean", "min", "product"))
    for a, b, c in zip(least, product, mean, strict=True):
        assert 0.0 < a <= b * (1 + 1e-9)
        assert b <= c * (1 + 1e-9) <= 1.0 + 1e-8
    move = data.draw(st.permutations(range(len(logs))))
    assert soft_self_consistency([logs[i] for i in move]) == [mean[i] for i in move]
    assert least == pytest.approx([np.exp(row).min() for row in logs])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: best_of_n([1.0], answers=[]), "answers"),
        (lambda: best_of_n([1.0], weights=[]), "weights"),
        (lambda: best_of_n([1.0], keys=["a", "b"]), "keys"),
        (lambda: best_of_n([math.nan]), "values"),
        (lambda: best_of_n([1.0], answers=["x"], weights=[-1.0]), "weights"),
        (lambda: best_of_n([1.0], answers=["x"], weights=[math.nan]), "weights"),
        (lambda: best_of_n([1.0], answers=["x"], weights=[math.inf]), "weights"),
        (lambda: soft_self_consistency([[0.1]]), "token_logprobs"),
        (lambda: soft_self_consistency([[math.nan]]), "token_logprobs"),
        (lambda: soft_self_consistency([[-1.0]], "max"), "how"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
