import math

import pytest

from judge.curation.votes import Panel, asked_key, pair_key, votes_of
from judge.runs.dataset import Row
from judge.types import Group


def verdict(first, second, p_first, p_tie=0.0):
    return {
        "kind": "pairwise",
        "first": first,
        "second": second,
        "p_first": p_first,
        "p_tie": p_tie,
        "p_second": 1.0 - p_first - p_tie,
    }


def result(verdicts=(), rewards=()):
    made = [{"value": value, "standard_error": error} for value, error in rewards]
    return {"verdicts": list(verdicts), "rewards": made}


def rows_of(group, told):
    return [(Row("data", 1, group, None), told)]


def test_both_display_orders_count_alike():
    told = result([verdict(0, 1, 0.9), verdict(1, 0, 0.6), verdict(1, 2, 0.2, 0.4)])
    votes = {(vote.i, vote.j): vote for vote in votes_of(told)}
    assert votes[0, 1].share == pytest.approx((0.9 + 0.4) / 2)
    assert votes[0, 1].flipped is True
    assert votes[1, 2].share == pytest.approx(0.4)
    assert votes[1, 2].flipped is None
    assert len(votes) == 2


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ((1.0, None), (0.0, None), 1.0),
        ((0.0, None), (1.0, None), 0.0),
        ((0.5, None), (0.5, 0.0), 0.5),
        ((1.0, 3.0), (0.0, 4.0), 0.5 * math.erfc(-0.2 / math.sqrt(2.0))),
    ],
)
def test_rewards_of_lone_responses_are_set_against_each_other(one, other, share):
    (vote,) = votes_of(result(rewards=[one, (None, None), other]))
    assert (vote.i, vote.j) == (0, 2)
    assert vote.share == pytest.approx(share)
    assert vote.flipped is None


def test_a_panel_knows_pairs_by_their_texts_in_any_order():
    panel = Panel(["a", "b"])
    three = Group.of("ask", ["x", "y", "z"])
    assert panel.add(0, rows_of(three, result([verdict(0, 1, 0.9), verdict(1, 2, 0.7)]))) == 2
    assert panel.add(1, rows_of(Group.of("ask", ["y", "x"]), result([verdict(0, 1, 0.3)]))) == 1
    assert panel.of(Group.of("ask", ["x", "y"])).tolist() == pytest.approx([0.9, 0.7])
    assert panel.of(Group.of("ask", ["y", "x"])).tolist() == pytest.approx([0.1, 0.3])
    assert panel.of(three, 2, 1).tolist() == pytest.approx([0.3, math.nan], nan_ok=True)
    for other in (Group.of("other", ["x", "y"]), Group.of("ask", ["x", "y"], context="c")):
        assert all(map(math.isnan, panel.of(other)))


def test_the_first_vote_of_a_run_counts_and_equal_texts_have_none():
    panel = Panel(["a"])
    pair = Group.of("ask", ["x", "y"])
    panel.add(0, rows_of(pair, result([verdict(0, 1, 0.9)])))
    assert panel.add(0, rows_of(pair, result([verdict(0, 1, 0.1)]))) == 0
    assert panel.of(pair).tolist() == [0.9]
    same = Group.of("ask", ["x", "x"])
    panel.add(0, rows_of(same, result([verdict(0, 1, 0.9)])))
    assert math.isnan(panel.of(same)[0])


def test_keys_know_prompt_context_and_texts_alone():
    pair = Group.of("ask", ["x", "y"])
    assert pair_key(pair, 0, 1) == pair_key(Group.of("ask", ["y", "x"], id="other"), 0, 1)
    assert asked_key(pair) != asked_key(Group.of("ask", ["x", "y"], context="c"))
