import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.adapters import KEYS, step_figures
from judge.adapters.figures import is_degenerate, response_lengths, within_correlation
from judge.errors import AdapterError, FailureKind
from judge.types import Failure, Group, Response, Usage


def failure(kind):
    return Failure("engine", kind, "x")


def test_a_step(make_result):
    groups = [
        Group.of("p", ["aaaa", "aa", ""]),
        Group.of("q", ["b", "bbb"]),
        Group.of("r", ["c", "c"]),
    ]
    results = [
        make_result(
            groups[0],
            [1.0, 0.5, None],
            [failure("timeout"), failure("timeout"), failure("refused")],
            {"flip_rate": 0.5, "label_mass": 0.9, "label_mass_min": 0.8, "thinking_cut": 0.25},
            Usage(4, 100, 10, 1.5),
        ),
        make_result(groups[1], [0.0, 0.5], (), {"flip_rate": math.nan, "label_mass": 0.7}),
        make_result(groups[2], [0.25, 0.25], (), {}, Usage(2, 20, 2, 0.5)),
    ]
    figures = step_figures(groups, results)
    assert figures["reward_mean"] == pytest.approx(2.5 / 6)
    assert figures["reward_std"] == pytest.approx(np.std([1, 0.5, 0, 0.5, 0.25, 0.25], ddof=1))
    assert figures["group_spread"] == pytest.approx((2 * math.sqrt(0.125) + 0.0) / 3)
    assert figures["zero_spread_share"] == pytest.approx(1 / 3)
    assert figures["coverage"] == pytest.approx(6 / 7)
    assert figures["unjudged_share"] == pytest.approx(1 / 7)
    assert (figures["failures"], figures["failures_timeout"], figures["failures_refused"]) == (
        3.0,
        2.0,
        1.0,
    )
    assert figures["failures_overflow"] == 0.0
    assert figures["flip_rate"] == 0.5
    assert figures["label_mass"] == pytest.approx(0.8)
    assert figures["label_mass_min"] == 0.8
    assert figures["thinking_cut"] == 0.25
    assert figures["length_mean"] == pytest.approx(12 / 7)
    assert figures["length_correlation"] == pytest.approx(1.0)
    assert figures["degenerate_share"] == pytest.approx(1 / 7)
    assert (figures["judge_calls"], figures["judge_tokens"], figures["judge_seconds"]) == (
        6.0,
        132.0,
        2.0,
    )


def test_the_keys_never_change(make_result):
    groups = [Group.of("p", ["a"])]
    for told in (
        step_figures([], []),
        step_figures(groups, [make_result(groups[0], [None])]),
        step_figures(groups, [make_result(groups[0], [0.5])]),
    ):
        assert tuple(told) == KEYS
        assert {type(figure) for figure in told.values()} == {float}
    assert {f"failures_{kind}" for kind in get_args(FailureKind)} < set(KEYS)


def test_of_nothing_there_is_nothing_to_say():
    told = step_figures([], [])
    zero = {key for key, figure in told.items() if figure == 0.0}
    assert zero == {key for key in KEYS if key.startswith(("failures", "judge_"))}
    assert all(math.isnan(told[key]) for key in set(KEYS) - zero)


def test_results_of_other_groups(make_result):
    group = Group.of("p", ["a", "b"])
    for results in ([], [make_result(group, [1.0])]):
        with pytest.raises(AdapterError, match="not those of the groups"):
            step_figures([group], results)


def test_lengths_are_tokens_only_where_all_are_known():
    with_ids = Group.of("p", [Response("abc", token_ids=(1, 2)), Response("", token_ids=())])
    without = Group.of("p", [[{"role": "assistant", "content": "abcd"}]])
    assert response_lengths([with_ids]) == [[2.0, 0.0]]
    assert response_lengths([with_ids, without]) == [[3.0, 0.0], [4.0]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", True),
        (" \n", True),
        (":", True),
        ("Thought process:", True),
        ("go on and " * 40, True),
        ("7", False),
        ("Go on, and then on again until you are there.", False),
    ],
)
def test_degenerate_responses(text, wanted):
    assert is_degenerate(Response(text)) is wanted


def test_another_rule_of_what_is_degenerate(make_result):
    group = Group.of("p", ["a", "b"])
    result = make_result(group, [1.0, 0.0])
    told = step_figures([group], [result], degenerate=lambda response: response.text == "b")
    assert told["degenerate_share"] == 0.5


PAIRS = st.lists(
    st.lists(st.tuples(st.floats(-10, 10) | st.none(), st.integers(0, 100)), max_size=5),
    max_size=5,
)


@given(PAIRS)
def test_the_correlation_is_that_of_what_is_left_of_the_means(groups):
    values = [[value for value, _ in group] for group in groups]
    others = [[float(other) for _, other in group] for group in groups]
    found = within_correlation(values, others)
    xs, ys = [], []
    for group in groups:
        known = np.array([(v, o) for v, o in group if v is not None], dtype=float).reshape(-1, 2)
        if len(known):
            centred = known - known.mean(0)
            xs += list(centred[:, 0])
            ys += list(centred[:, 1])
    scale = math.sqrt(np.dot(xs, xs) * np.dot(ys, ys)) if xs else 0.0
    if scale > 1e-6:
        assert found == pytest.approx(np.dot(xs, ys) / scale, abs=1e-6)
    elif scale < 1e-13:
        assert math.isnan(found)


def test_shifts_between_groups_count_for_nothing():
    assert within_correlation([[0.0, 1.0], [10.0, 11.0]], [[5.0, 4.0], [500.0, 499.0]]) == -1.0
