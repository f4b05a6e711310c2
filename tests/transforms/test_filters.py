from collections import Counter

import pytest

from judge.errors import ConfigError
from judge.transforms import filtration, select_prompts

KEYS = ["a", "b", "c", "d", "e"]
VALUES = [0.3, 0.9, None, 0.1, 0.5]


def test_the_three_filters():
    assert filtration(VALUES, KEYS, policy="best") == [False, True, False, False, False]
    assert filtration(VALUES, KEYS, policy="best_worst") == [False, True, False, True, False]
    mask = filtration(VALUES, KEYS, policy="best_random", seed=3)
    assert mask[1]
    assert not mask[2]
    assert sum(mask) == 2


def test_the_other_one_is_a_fair_draw_by_the_seed():
    draws = Counter()
    for seed in range(600):
        mask = filtration(VALUES, KEYS, policy="best_random", seed=seed)
        assert mask == filtration(VALUES, KEYS, policy="best_random", seed=seed)
        draws.update(i for i, keep in enumerate(mask) if keep)
    assert draws.pop(1) == 600
    assert set(draws) == {0, 3, 4}
    assert all(150 < count < 250 for count in draws.values())


@pytest.mark.parametrize(("policy", "kept"), [("best_random", 2), ("best_worst", 2), ("best", 1)])
def test_where_all_are_equal_every_response_can_be_kept(policy, kept):
    draws = Counter()
    for seed in range(300):
        mask = filtration([0.5] * 4, KEYS[:4], policy=policy, seed=seed)
        assert sum(mask) == kept
        draws.update(i for i, keep in enumerate(mask) if keep)
    assert all(300 * kept / 4 * 0.7 < draws[i] < 300 * kept / 4 * 1.3 for i in range(4))


@pytest.mark.parametrize("policy", ["best_random", "best_worst", "best"])
def test_one_response_is_kept_and_an_unjudged_one_is_not(policy):
    assert filtration([0.0], ["a"], policy=policy) == [True]
    assert filtration([None, 0.0], ["a", "b"], policy=policy) == [False, True]
    assert filtration([None], ["a"], policy=policy) == [False]
    assert filtration([], [], policy=policy) == []


def test_equal_texts_are_kept_once_each():
    assert sum(filtration([0.5, 0.5, 0.5], ["a"] * 3, policy="best_random")) == 2


def test_prompts_are_kept_by_mean_and_by_spread():
    groups = [
        [0.1, 0.3],  # mean .2
        [0.5, 0.5, None],  # mean .5, no spread
        [None, None],  # not judged
        [0.6, 1.0],  # mean .8
        [0.2, 0.6],  # mean .4
        [],
    ]
    assert select_prompts(groups, quantiles=(0.0, 1.0)) == [True, True, False, True, True, False]
    # The means' median is .45.
    assert select_prompts(groups, quantiles=(0.0, 0.5)) == [True, False, False, False, True, False]
    assert select_prompts(groups, quantiles=(0.5, 1.0)) == [False, True, False, True, False, False]
    assert select_prompts(groups, quantiles=(0.0, 1.0), least_spread=0.15) == [
        False,
        False,
        False,
        True,
        True,
        False,
    ]


def test_no_prompts():
    assert select_prompts([], quantiles=(0.0, 0.5)) == []
    assert select_prompts([[None]], quantiles=(0.0, 0.5)) == [False]
    assert select_prompts([[0.5], [0.5]], quantiles=(0.0, 0.0)) == [True, True]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: filtration([0.5], ["a"], policy="worst"), "policy"),
        (lambda: filtration([0.5], [], policy="best"), "keys"),
        (lambda: select_prompts([[0.5]], quantiles=(0.6, 0.5)), "quantiles"),
        (lambda: select_prompts([[0.5]], quantiles=(0.0, 1.5)), "quantiles"),
        (lambda: select_prompts([[0.5]], quantiles=(0.0, 1.0), least_spread=-1.0), "least_spread"),
        (lambda: select_prompts([[float("nan")]], quantiles=(0.0, 1.0)), "groups"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
