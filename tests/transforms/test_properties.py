"""What every transform of one group must keep to, whatever its formula."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.errors import ConfigError
from judge.transforms import (
    canon,
    clip,
    diversity,
    filtration,
    length_regression,
    log_and,
    log_sigmoid_centred,
    margin_scaling,
    rank_quantile,
    sigmoid_to_reference,
    text_similarity,
    tiers,
    unlikeliness,
    z_score,
)
from judge.transforms.steps import clip_steps

# Each takes N values and N facts about the same responses: (length, log-probability, text).
TRANSFORMS = {
    "sigmoid_to_reference": lambda v, facts: sigmoid_to_reference(v, [0.2, None, 0.7]),
    "log_sigmoid_centred": lambda v, facts: log_sigmoid_centred(v, 0.4),
    "log_and": lambda v, facts: log_and([log_sigmoid_centred(v, 0.4)] * 2),
    "clip": lambda v, facts: clip(v, 0.25, 0.75),
    "clip_steps": lambda v, facts: clip_steps(v, eta=0.5),
    "z_score": lambda v, facts: z_score(v),
    "z_score_biased": lambda v, facts: z_score(v, unbiased=False),
    "rank_quantile": lambda v, facts: rank_quantile(v),
    "tiers": lambda v, facts: tiers(v, 3),
    "unlikeliness": lambda v, facts: unlikeliness(v, [f[1] for f in facts]),
    "diversity": lambda v, facts: diversity(v, similarity=text_similarity([f[2] for f in facts])),
    "embeddings": lambda v, facts: diversity(v, embeddings=[[f[0], f[1]] for f in facts]),
    "canon": lambda v, facts: canon(v, [f[0] for f in facts], lam=0.3),
    "canon_directed": lambda v, facts: canon(v, [f[0] for f in facts], alpha=1.2, beta=0.1),
    "length_regression": lambda v, facts: length_regression(v, [f[0] for f in facts]),
    "margin_scaling": lambda v, facts: margin_scaling(v),
}
INTO_EQUAL = set(TRANSFORMS) - {"unlikeliness", "diversity", "embeddings", "canon_directed"}
"""Those that depend on nothing but the rewards once all rewards are equal."""

SIXTEENTHS = st.integers(0, 16).map(lambda k: k / 16)
FACT = st.tuples(
    st.integers(0, 5), st.integers(-4, 0).map(float), st.sampled_from(["", "ab", "abcd", "xabcy"])
)
GROUPS = st.lists(st.tuples(st.none() | SIXTEENTHS, FACT), max_size=7)


def run(name, group):
    return TRANSFORMS[name]([value for value, _ in group], [fact for _, fact in group])


@pytest.mark.parametrize("name", TRANSFORMS)
@settings(max_examples=40, deadline=None)
@given(group=GROUPS, seed=st.integers(0, 99))
def test_the_order_of_the_responses_does_not_count(name, group, seed):
    order = list(range(len(group)))
    random.Random(seed).shuffle(order)
    moved, plain = run(name, [group[i] for i in order]), run(name, group)
    assert moved == [pytest.approx(plain[i], abs=1e-9) for i in order]


@pytest.mark.parametrize("name", TRANSFORMS)
@settings(max_examples=40, deadline=None)
@given(group=GROUPS)
def test_what_is_not_judged_stays_so_and_is_as_if_absent(name, group):
    shaped = run(name, group)
    for (value, _), after in zip(group, shaped, strict=True):
        assert (after is None) is (value is None)
        assert after is None or math.isfinite(after)
    present = run(name, [item for item in group if item[0] is not None])
    assert [after for after in shaped if after is not None] == pytest.approx(present, abs=1e-9)


@pytest.mark.parametrize("name", sorted(INTO_EQUAL))
@settings(max_examples=25, deadline=None)
@given(value=SIXTEENTHS, facts=st.lists(FACT, min_size=1, max_size=6))
def test_equal_rewards_stay_equal(name, value, facts):
    shaped = run(name, [(value, fact) for fact in facts])
    assert shaped == pytest.approx([shaped[0]] * len(facts), abs=1e-12)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_no_group_and_a_group_of_nothing_judged(name):
    assert run(name, []) == []
    assert run(name, [(None, (1, 0.0, "a")), (None, (2, 0.0, "b"))]) == [None, None]
    (alone,) = run(name, [(0.5, (3, -1.0, "a"))])
    assert math.isfinite(alone)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_number_that_is_none_is_refused(name, bad):
    with pytest.raises(ConfigError, match="not a finite number"):
        run(name, [(bad, (1, 0.0, "a")), (0.5, (2, 0.0, "b"))])


@pytest.mark.parametrize("policy", ["best_random", "best_worst", "best"])
@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.none() | SIXTEENTHS, max_size=7), seed=st.integers(0, 99))
def test_a_filter_keeps_the_same_responses_in_any_order(policy, values, seed):
    keys = [f"text {i}" for i in range(len(values))]
    mask = filtration(values, keys, policy=policy, seed=seed)
    kept = {key for key, keep in zip(keys, mask, strict=True) if keep}
    order = list(range(len(values)))
    random.Random(seed).shuffle(order)
    moved = filtration(
        [values[i] for i in order], [keys[i] for i in order], policy=policy, seed=seed
    )
    assert {keys[i] for i, keep in zip(order, moved, strict=True) if keep} == kept
    judged = [i for i, value in enumerate(values) if value is not None]
    assert len(kept) == min(len(judged), 1 if policy == "best" else 2)
    assert all(values[i] is not None for i, keep in enumerate(mask) if keep)
    present = filtration(
        [values[i] for i in judged], [keys[i] for i in judged], policy=policy, seed=seed
    )
    assert present == [mask[i] for i in judged]
