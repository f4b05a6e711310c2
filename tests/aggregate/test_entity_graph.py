import itertools
import math

import hypothesis
import pytest
from hypothesis import strategies as st

from judge.aggregate.entity_graph import check_chain, connected_fraction, reachable
from judge.aggregate.items import Item
from judge.errors import RecipeError
from judge.recipes import CriteriaSection

CHAIN = (("E0", "E1"), ("E1", "E2"), ("E2", "E3"))


@pytest.mark.parametrize(
    ("holds", "counted"),
    [
        ((True, True, True), [True, True, True]),
        ((True, False, True), [True, False, False]),  # supported, but disconnected
        ((False, True, True), [False, False, False]),  # the root is missed
        ((False, False, False), [False, False, False]),
    ],
)
def test_a_chain_counts_as_far_as_it_is_joined_to_the_root(holds, counted):
    assert reachable(list(zip(CHAIN, holds, strict=True)), "E0") == counted


def test_the_order_of_the_statements_does_not_matter():
    for order in itertools.permutations(range(3)):
        found = reachable([(CHAIN[k], k != 1) for k in order], "E0")
        assert [found[order.index(k)] for k in range(3)] == [True, False, False]


def test_a_statement_about_one_entity_and_a_circle():
    statements = [(("E1",), True), (("E1", "E0"), True), (("E0", "E1"), True), (("E9",), True)]
    assert reachable(statements, "E0") == [True, True, True, False]
    assert reachable([], "E0") == []


def test_another_root():
    assert reachable([(CHAIN[0], True), (CHAIN[2], True)], "E3") == [False, True]


def section(**settings):
    return CriteriaSection(combine="connected_fraction", **settings)


def link(k, met, weight=1.0, **fields):
    fields.setdefault("variance", met * (1.0 - met))
    return Item(str(k), weight, met, met=met, slots=(f"E{k}", f"E{k + 1}"), **fields)


OUTCOME = Item("right", 1.0, 0.8, 0.16, 0.8)


@pytest.mark.parametrize(
    ("met", "share", "expected"),
    [((0.9, 0.8, 0.7), 0.3, 1.0), ((0.9, 0.4, 0.7), 0.3, 0.8), ((0.2, 0.9, 0.9), 1.0, 0.0)],
)
def test_the_outcome_times_what_the_chain_adds(met, share, expected):
    chain = [link(k, p) for k, p in enumerate(met)]
    whole = connected_fraction([*chain, OUTCOME], section(chain_share=share))
    assert whole.value == pytest.approx(0.8 * expected)
    alone = connected_fraction(chain, section(chain_share=share))
    assert alone.value == pytest.approx(
        sum(reachable([(c.slots, c.met > 0.5) for c in chain], "E0")) / 3
    )


def test_weights_count_and_weightless_statements_do_not():
    chain = [link(0, 1.0, 3.0), link(1, 0.0, 1.0), link(2, 1.0, 0.0)]
    assert connected_fraction(chain, section()).value == 0.75
    assert connected_fraction([link(0, 1.0, 0.0)], section()) is None
    assert connected_fraction([OUTCOME], section()) is None


def test_the_error_is_what_turning_each_statement_round_would_change():
    chain = [link(0, 0.9), link(1, 1.0)]
    whole = connected_fraction([*chain, OUTCOME], section())
    first = math.sqrt(0.09) * 0.8 * 0.3 * 1.0  # without the first link none is left
    assert whole.standard_error == pytest.approx(math.hypot(first, 0.4 * 1.0))
    sure = [link(0, 1.0), Item("right", 1.0, 1.0, 0.0, 1.0)]
    assert connected_fraction(sure, section()).standard_error == 0.0
    label = [link(0, 1.0, variance=None), OUTCOME]
    assert connected_fraction(label, section()).standard_error is None


@hypothesis.given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.floats(0, 1), st.data())
def test_a_better_statement_never_lowers_the_value(met, share, data):
    chain = [link(k, p) for k, p in enumerate(met)]
    k = data.draw(st.integers(0, len(met) - 1))
    better = [*chain[:k], link(k, max(met[k], data.draw(st.floats(0, 1)))), *chain[k + 1 :]]
    low = connected_fraction([*chain, OUTCOME], section(chain_share=share))
    high = connected_fraction([*better, OUTCOME], section(chain_share=share))
    assert 0.0 <= low.value <= high.value <= 1.0
    assert low.standard_error >= 0.0


def test_what_the_rule_asks_of_criteria(make_rubric):
    slotted = {"id": "s", "slots": ["E0"]}
    answer = {"id": "a", "scope": "answer"}
    check_chain(make_rubric(slotted, answer).criteria, section())
    check_chain([], section())
    for criteria, root in (
        ((slotted, "tone"), "E0"),
        (({**slotted, "scope": "answer"},), "E0"),
        ((slotted,), "E1"),
        ((answer,), "E0"),
    ):
        with pytest.raises(RecipeError):
            check_chain(make_rubric(*criteria).criteria, section(root=root))
