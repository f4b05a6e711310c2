import math

import pytest

from judge.types import Group, Response

EXCLUDES = {"id": "kind", "check": {"excludes": "damn"}}


@pytest.fixture
def judged(coded_engine, build, make_rubric, make_recipe, make_group):
    """A group's result and the engine, under a pairwise recipe."""

    def make(*responses, base="pairwise-win-rate", listed=("a",), engine=None, fields=None, **more):
        engine = engine or coded_engine(ranks)
        seed = more.pop("seed", 0)
        model = build(engine, make_rubric(*listed), recipe=make_recipe(base, **more), seed=seed)
        return model.score([make_group(*responses, **(fields or {}))])[0], engine

    return make


def strength(text):
    return float(text.split()[0]) if text[:1].isdigit() else 0.0


def ranks(texts, key, codes):
    """Texts begin with their strength; the first shown has 0.4 more."""
    lead = strength(texts[0]) - strength(texts[1]) + 0.4
    p = 1 / (1 + math.exp(-lead))
    return {"A": 0.8 * p, "B": 0.8 * (1 - p), "C": 0.2}


def won(a, b, orders="both"):
    """P(a beats b) + P(tie) / 2 by the judge above."""
    lead = strength(a) - strength(b)
    shifts = (0.4, -0.4) if orders == "both" else (0.4,)
    return sum(0.8 / (1 + math.exp(-lead - s)) for s in shifts) / len(shifts) + 0.1


def pairs_asked(engine, responses_of):
    return sorted(map(responses_of, engine.requests))


# --- win rate --------------------------------------------------------------------------------


def test_the_win_rate_is_the_mean_over_the_others(judged):
    texts = ["1", "2", "4"]
    result, engine = judged(*texts)
    expected = [sum(won(a, b) for b in texts if b != a) / 2 for a in texts]
    assert result.values == pytest.approx(expected, abs=1e-12)
    assert sum(result.values) == pytest.approx(1.5)
    assert len(engine.requests) == 6
    assert result.ranking.ranks == (3.0, 2.0, 1.0)
    assert (result.ranking.calls, result.ranking.failed) == (6, 0)
    assert result.scores == (None, None, None)
    assert result.rewards[0].standard_error > 0.0


def test_one_order_asks_each_pair_once_and_balances_who_is_first(judged, responses_of):
    texts = [str(k) for k in range(5)]
    result, engine = judged(*texts, group={"orders": "one"})
    asked = pairs_asked(engine, responses_of)
    assert len(asked) == 10
    assert len({frozenset(pair) for pair in asked}) == 10
    for text in texts:
        assert sum(pair[0] == text for pair in asked) == 2
    assert None not in result.values


def test_who_meets_whom_first_is_drawn_from_seed_group_and_attempt(judged, responses_of):
    def asked(**how):
        _, engine = judged("1", "2", "3", "4", group={"orders": "one"}, **how)
        return [responses_of(request) for request in engine.requests]

    assert asked() == asked()
    others = [asked(seed=k, fields={"id": f"g{k}", "attempt": k}) for k in range(1, 6)]
    assert any(other != asked() for other in others)


def test_flips_and_first_places_are_counted(judged, coded_engine):
    result, _ = judged("1", "1.1", "4")
    assert result.metrics["flip_rate"] == pytest.approx(1 / 3)  # 0.1 apart, 0.4 for the first
    assert result.metrics["first_share"] == pytest.approx(4 / 6)


def test_a_band_makes_close_pairs_ties(judged):
    result, _ = judged("1", "1.1", "4", group={"ties": {"band": 0.2}})
    exact = (0.5 + won("1", "4")) / 2
    assert result.values[0] == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize(("broken", "coverage"), [(("1", "2"), 0.5), (("1",), 0.0)])
def test_a_failed_pair_is_missing(judged, coded_engine, responses_of, broken, coverage):
    def fails(request):
        pair = set(responses_of(request))
        return "nonsense" if set(broken) <= pair else None

    engine = coded_engine(ranks, broken=fails)
    result, _ = judged("1", "2", "4", engine=engine)
    reward = result.rewards[0]
    assert reward.coverage == coverage
    if coverage:
        assert reward.value == pytest.approx(won("1", "4"), abs=1e-12)
        assert result.ranking.failed == 2
    else:
        assert (reward.value, reward.status) == (None, "failed")
        assert reward.reason in result.failures
        assert result.ranking.ranks[0] is None
        assert result.values[1] == pytest.approx(won("2", "4"), abs=1e-12)


def test_one_failed_order_leaves_the_other(judged, coded_engine, responses_of):
    engine = coded_engine(
        ranks, broken=lambda r: "nonsense" if responses_of(r) == ("2", "1") else None
    )
    result, _ = judged("1", "2", engine=engine)
    assert result.values == pytest.approx([won("1", "2", "one"), 1 - won("1", "2", "one")])
    assert [reward.coverage for reward in result.rewards] == [1.0, 1.0]
    assert math.isnan(result.metrics["flip_rate"])


# --- gates -----------------------------------------------------------------------------------


def gate(then):
    at = {"at": 0.5} if then == "cap" else {}
    return {**EXCLUDES, "gate": {"below": "yes", "then": then, **at}}


def test_a_response_at_zero_is_beaten_by_all_and_plays_no_game(judged):
    result, engine = judged("1", "damn", "2", "", listed=("a", gate("zero")))
    pair = (won("1", "2") + 0.5) / 2  # the check ties
    assert result.values == [
        pytest.approx((2 + pair) / 3),
        0.0,
        pytest.approx((3 - pair) / 3),
        0.0,
    ]
    assert [reward.status for reward in result.rewards] == ["ok", "gated", "ok", "gated"]
    assert [reward.coverage for reward in result.rewards] == [1.0] * 4
    assert len(engine.requests) == 2
    assert result.ranking.ranks == (2.0, 3.5, 1.0, 3.5)
    assert [score is None for score in result.scores] == [True, False, True, False]


def test_a_dropped_response_is_as_if_it_were_not_there(judged):
    result, _ = judged("1", "damn", "2", listed=("a", gate("drop")))
    without, _ = judged("1", "2", listed=("a", gate("drop")))
    assert [result.values[0], result.values[2]] == without.values
    reward = result.rewards[1]
    assert (reward.value, reward.status, reward.reason.kind) == (None, "gated", "dropped")
    assert result.ranking.ranks[1] == 3.0


def test_a_cap_changes_nothing_in_a_comparison(judged):
    result, _ = judged("1 damn", "2", listed=("a", gate("cap")))
    ungated, _ = judged("1 damn", "2", listed=("a", EXCLUDES))
    assert result.values == ungated.values


def test_the_last_one_left_beats_the_others(judged):
    result, engine = judged("damn", "1", "damn it", listed=("a", gate("zero")))
    assert result.values == [0.0, 1.0, 0.0]
    assert result.rewards[1].standard_error == 0.0
    assert engine.requests == []


def test_the_last_one_left_of_the_dropped_has_nobody(judged):
    result, _ = judged("damn", "1", "damn it", listed=("a", gate("drop")))
    assert result.values == [None, None, None]
    assert [reward.status for reward in result.rewards] == ["gated", "skipped", "gated"]


@pytest.mark.parametrize(
    "recipe",
    [{}, {"base": "pairwise-reference", "group": {"schedule": "anchor"}}],
    ids=["win-rate", "anchor"],
)
def test_nobody_left(judged, recipe):
    result, engine = judged("damn", "", listed=("a", gate("zero")), **recipe)
    assert result.values == [0.0, 0.0]
    assert (result.ranking, engine.requests) == (None, [])


def test_only_the_anchor_left(judged):
    recipe = {"base": "pairwise-reference", "group": {"schedule": "anchor"}}
    result, _ = judged("1", "damn", listed=("a", gate("zero")), **recipe)
    assert result.values == [0.5, 0.0]


# --- the reference ---------------------------------------------------------------------------


def test_the_reference_is_the_opponent(judged, responses_of):
    fields = {"reference": "2 R"}
    result, engine = judged("1", "4", base="pairwise-reference", fields=fields)
    assert result.values == pytest.approx([won("1", "2"), won("4", "2")], abs=1e-12)
    assert pairs_asked(engine, responses_of) == [
        ("1", "2 R"),
        ("2 R", "1"),
        ("2 R", "4"),
        ("4", "2 R"),
    ]
    # In the ranking and the verdicts the reference comes after the responses.
    assert result.ranking.ranks == (3.0, 1.0, 2.0)
    assert {v.first for v in result.verdicts} == {0, 1, 2}
    assert len(result.rewards) == 2


def test_a_response_equal_to_the_reference_ties_with_it(judged):
    result, engine = judged("1", "2", base="pairwise-reference", fields={"reference": "2"})
    assert result.values[1] == 0.5
    assert len(engine.requests) == 2


def test_without_a_reference_the_anchor_is_the_opponent(judged, responses_of):
    result, engine = judged("1", "2", "4", base="pairwise-reference", fields={"anchor": 1})
    assert result.values == pytest.approx([won("1", "2"), 0.5, won("4", "2")], abs=1e-12)
    assert len(engine.requests) == 4
    assert all("2" in responses_of(request) for request in engine.requests)


def test_without_either_the_group_is_not_judged(judged):
    result, engine = judged("1", "2", base="pairwise-reference")
    assert result.values == [None, None]
    assert (result.failures[0].stage, result.failures[0].kind) == ("rubric", "missing_input")
    assert engine.requests == []


def test_checks_judge_the_reference_too(judged):
    listed = ({"id": "short", "check": {"max_words": 2}},)
    result, engine = judged(
        "1", "1 2 3", base="pairwise-reference", listed=listed, fields={"reference": "1 2 3 4"}
    )
    assert result.values == [1.0, 0.5]
    assert engine.requests == []


def test_a_failure_against_the_reference_has_nothing_to_do_with_the_others(
    judged, coded_engine, responses_of
):
    engine = coded_engine(ranks, broken=lambda r: "nonsense" if "1" in responses_of(r) else None)
    fields = {"reference": "2"}
    result, _ = judged("1", "4", base="pairwise-reference", fields=fields, engine=engine)
    assert result.values == [None, pytest.approx(won("4", "2"))]
    assert result.rewards[0].reason.kind == "malformed"


# --- the anchor ------------------------------------------------------------------------------

ANCHOR = {"base": "pairwise-reference", "group": {"schedule": "anchor"}}


def test_an_anchor_is_drawn_where_there_is_none(judged, responses_of):
    texts = ["1", "2", "3", "4"]
    drawn = set()
    for k in range(12):
        result, engine = judged(*texts, fields={"id": f"g{k}"}, **ANCHOR)
        (anchor,) = (t for t in texts if all(t in responses_of(r) for r in engine.requests))
        expected = [0.5 if t == anchor else won(t, anchor) for t in texts]
        assert result.values == pytest.approx(expected, abs=1e-12)
        drawn.add(anchor)
    assert len(drawn) > 1


def test_a_response_set_to_zero_is_not_drawn(judged):
    for k in range(6):
        result, _ = judged("", "1", "", "2", fields={"id": f"g{k}"}, **ANCHOR)
        assert result.values[0] == result.values[2] == 0.0
        assert 0.5 in result.values


def test_an_anchor_at_zero_is_beaten_without_a_call(judged):
    result, engine = judged("1", "", "2", fields={"anchor": 1}, **ANCHOR)
    assert result.values == [1.0, 0.0, 1.0]
    assert engine.requests == []


def test_a_dropped_anchor_leaves_nothing_to_compare_with(judged):
    result, _ = judged("1", "damn", fields={"anchor": 1}, listed=("a", gate("drop")), **ANCHOR)
    assert [reward.status for reward in result.rewards] == ["skipped", "gated"]
    assert result.values == [None, None]


# --- budgets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("budget", "enough"), [(12, True), (11, False)])
def test_a_budget_is_counted_in_calls(judged, budget, enough):
    result, engine = judged(
        "1",
        "2",
        listed=("a", "b"),
        judge={"calls": "each", "samples": 3, "temperature": 1.0},
        group={"budget": budget},
    )
    if enough:
        assert None not in result.values
        assert len(engine.requests) == 12
    else:
        assert result.values == [None, None]
        (failure,) = result.failures
        assert (failure.stage, failure.kind) == ("aggregate", "budget")
        assert engine.requests == []


# --- equal responses -------------------------------------------------------------------------


@pytest.mark.parametrize("orders", ["one", "both"])
def test_equal_responses_share_their_comparisons(judged, responses_of, orders):
    result, engine = judged("1", "3", "1", "1", group={"orders": orders})
    assert len(engine.requests) == len(set(map(responses_of, engine.requests))) <= 2
    assert result.values[0] == pytest.approx(result.values[2], abs=1e-12)
    assert result.values[0] == pytest.approx(result.values[3], abs=1e-12)
    assert sum(result.values) == pytest.approx(2.0)
    assert result.rewards[0].parts.keys() == result.rewards[2].parts.keys()


def test_equal_responses_alone_tie(judged):
    result, engine = judged("x", "x", "x")
    assert result.values == [0.5, 0.5, 0.5]
    assert engine.requests == []
    assert result.ranking.ranks == (2.0, 2.0, 2.0)


def test_a_group_whose_prompt_is_a_conversation(judged, responses_of):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    result, _ = judged("1", "2", fields={"prompt": turns})
    assert result.values == pytest.approx([won("1", "2"), won("2", "1")])
    assert isinstance(Group.of(turns, ["1"]).prompt, tuple)


# --- what a reward tells ---------------------------------------------------------------------


def test_a_rewards_parts_are_its_means_over_its_comparisons(judged):
    texts = ["1", "2", "4"]
    result, _ = judged(*texts)
    for k, text in enumerate(texts):
        expected = sum(won(text, other) for other in texts if other != text) / 2
        assert result.rewards[k].parts == {"a": pytest.approx(expected)}
        assert result.rewards[k].critique == "Because of the things it says; see above."


def test_both_sides_of_a_failed_comparison_have_it_for_a_reason(judged, coded_engine):
    engine = coded_engine(ranks, broken=lambda request: "nonsense")
    result, _ = judged("1", "2", engine=engine, group={"orders": "one"})
    assert len(result.failures) == 1
    assert [reward.reason for reward in result.rewards] == [result.failures[0]] * 2


def test_what_does_not_apply_is_no_part(judged):
    result, _ = judged("1", "2", listed=("a", {"id": "b", "needs": ["reference"]}))
    assert list(result.rewards[0].parts) == ["a"]


# --- other rewards ---------------------------------------------------------------------------


@pytest.mark.parametrize(("reward", "own"), [("win_rate", (0.0, 1.0)), ("net_wins", (-1.0, 1.0))])
def test_a_reward_keeps_its_own_range_unless_the_recipe_says_otherwise(judged, reward, own):
    texts = ["1", "2", "4"]
    plain, _ = judged(*texts, group={"reward": reward})
    mapped, _ = judged(*texts, group={"reward": reward}, output={"range": [10.0, 30.0]})
    for one, two in zip(plain.rewards, mapped.rewards, strict=True):
        share = (one.value - own[0]) / (own[1] - own[0])
        assert two.value == pytest.approx(10.0 + 20.0 * share)
        assert two.standard_error == pytest.approx(one.standard_error * 20.0 / (own[1] - own[0]))


@pytest.mark.parametrize("reward", ["posterior_mean", "difference_matrix", "rank_quantile"])
def test_a_gated_response_is_below_all_others(judged, reward):
    listed = (
        "a",
        {"id": "kind", "check": {"excludes": "damn"}, "gate": {"below": "yes", "then": "zero"}},
    )
    result, _ = judged("1", "2", "4", "9 damn", "damn 9", listed=listed, group={"reward": reward})
    assert {result.rewards[k].status for k in (3, 4)} == {"gated"}
    assert result.values[3] == result.values[4] < min(result.values[:3])
    assert result.values[:3] == sorted(result.values[:3])


def test_strengths_are_in_the_ranking_where_the_reward_asks_for_it(judged):
    with_them, _ = judged("1", "2", "4", group={"reward": "posterior_mean"})
    assert with_them.ranking.strengths == pytest.approx(tuple(with_them.values))
    without, _ = judged("1", "2", "4")
    assert without.ranking.strengths == (None,) * 3


def test_seeds_come_from_the_responses(judged, responses_of):
    bracket = {"schedule": "single_elimination", "reward": "rank_quantile", "seeds": "given"}
    texts = ["1", "2", "4", "8"]
    seeded = [Response(text, meta={"seed": -k}) for k, text in enumerate(texts)]
    _, engine = judged(*seeded, group=bracket)
    first_round = {frozenset(responses_of(request)) for request in engine.requests[:4]}
    assert first_round == {frozenset(("1", "8")), frozenset(("2", "4"))}
    for wrong in ({}, {"seed": math.nan}, {"seed": "high"}):
        result, _ = judged(*seeded[:3], Response("8", meta=wrong), group=bracket)
        assert {r.reason.kind for r in result.rewards} == {"missing_input"}


def test_copies_share_the_mean_of_a_rank(judged):
    bracket = {"schedule": "single_elimination", "reward": "rank_quantile"}
    result, _ = judged("1", "2", "2", "2", "8", group=bracket)
    assert result.values[1] == result.values[2] == result.values[3]
    assert result.values[0] < result.values[1] < result.values[4]


def test_a_reference_that_competes_is_not_shown_as_an_answer_known_to_be_good(judged):
    listed = ("a", {"id": "b", "needs": ["reference"]})
    fields = {"reference": "3"}
    result, engine = judged("1", "4", base="pairwise-reference", listed=listed, fields=fields)
    assert not any("known to be good" in r.messages[-1].content for r in engine.requests)
    assert list(result.rewards[0].parts) == ["a"]
    shown, engine = judged("1", "4", listed=listed, fields=fields)
    assert all("known to be good" in r.messages[-1].content for r in engine.requests)
    assert list(shown.rewards[0].parts) == ["a", "b"]


def test_a_one_sided_group_gets_no_brpo_rewards(judged):
    group = {"schedule": "anchor", "reward": "brpo", "max_skew": 0.6}
    texts = ["1", "2", "3", "9"]
    dropped, _ = judged(*texts, group=group, fields={"anchor": 3})
    assert {r.reason.kind for r in dropped.rewards} == {"dropped"}
    kept, _ = judged(*texts, group=group, fields={"anchor": 1})
    assert kept.values == [-1.0, 0.0, 1.0, 1.0]
