import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.aggregate.criteria import (
    applicable,
    criterion_weights,
    gates,
    score_of,
    settled,
    variance,
    worth,
)
from judge.errors import RecipeError
from judge.recipes import CriteriaSection
from judge.types import CriterionVerdict

LEVELS = ["bad", "middling", "good"]


@pytest.fixture(scope="module")
def criteria(make_rubric):
    """The criteria of a rubric."""

    def make(*listed):
        return make_rubric(*listed).criteria

    return make


def part(name, level, levels=3, probabilities=(), by="judge"):
    value = None if level is None else level / (levels - 1)
    if probabilities:
        value = sum(k * p for k, p in enumerate(probabilities)) / (levels - 1)
    return CriterionVerdict(name, level, value, tuple(probabilities), by=by)


def parts(*made):
    return {p.criterion_id: p for p in made}


def mean_of(criteria, told):
    weights = criterion_weights(criteria, {})
    return score_of(criteria, told, weights, gates(criteria, told), CriteriaSection())


# --- weights and worth -----------------------------------------------------------------------


def test_a_tier_takes_the_recipes_number(criteria):
    made = criteria({"id": "a", "weight": 3.0}, {"id": "b", "tier": "core"}, "c")
    assert criterion_weights(made, {"core": 5.0}) == {"a": 3.0, "b": 5.0, "c": 1.0}
    assert criterion_weights(made, {"core": 0.0})["b"] == 0.0


def test_a_tier_without_a_number_is_an_error(criteria):
    with pytest.raises(RecipeError, match="'b' has the tier 'core'"):
        criterion_weights(criteria({"id": "b", "tier": "core"}), {"critical": 1.0})


def test_a_pitfall_is_worth_what_it_is_not(criteria):
    good, bad = criteria("a", {"id": "b", "kind": "pitfall"})
    assert worth(good, part("a", 1, 2)) == 1.0
    assert worth(bad, part("b", 1, 2)) == 0.0
    assert worth(bad, part("b", 0, 2, (0.75, 0.25))) == 0.75


def test_variance_is_that_of_drawing_the_level():
    assert variance(part("a", 1, 3, (0.25, 0.5, 0.25))) == pytest.approx(0.125)
    assert variance(part("a", 1, 2, (0.0, 1.0))) == 0.0
    assert variance(part("a", 1, 2)) is None
    assert variance(part("a", 1, 2, by="check")) == 0.0


# --- gates -----------------------------------------------------------------------------------


def gated(name, then="zero", below="middling", **fields):
    gate = {"below": below, "then": then, **({"at": 0.3} if then == "cap" else {})}
    return {"id": name, "scale": LEVELS, "gate": gate, **fields}


@pytest.mark.parametrize(("level", "fires"), [(0, True), (1, False), (2, False), (None, False)])
def test_a_gate_fires_below_its_level(criteria, level, fires):
    assert bool(gates(criteria(gated("a")), parts(part("a", level)))) is fires


@pytest.mark.parametrize(("level", "fires"), [(0, False), (1, False), (2, True)])
def test_a_pitfalls_gate_fires_above_its_level(criteria, level, fires):
    made = criteria(gated("a", kind="pitfall"))
    assert bool(gates(made, parts(part("a", level)))) is fires


def test_a_gate_without_a_verdict_does_not_fire(criteria):
    assert gates(criteria(gated("a"), "b"), parts(part("b", 0, 2))) == []


def test_dropping_goes_before_zero_and_a_cap_settles_nothing(criteria):
    made = criteria(gated("a", "cap"), gated("b", "zero"), gated("c", "drop"), gated("d", "zero"))
    told = parts(*(part(name, 0) for name in "abcd"))
    fired = gates(made, told)
    assert [gate.criterion_id for gate in fired] == ["a", "b", "c", "d"]
    assert settled(fired).criterion_id == "c"
    assert settled([gate for gate in fired if gate.then != "drop"]).criterion_id == "b"
    assert settled(fired[:1]) is None
    assert settled([]) is None


# --- what counts -----------------------------------------------------------------------------


def names(found):
    return [criterion.id for criterion in found]


def test_what_does_not_apply_does_not_count(criteria):
    made = criteria("a", "b")
    assert names(applicable(made, parts(part("a", None), part("b", 1, 2)))) == ["b"]
    assert names(applicable(made, {})) == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "level", "counts"),
    [("principle", 0, False), ("principle", 1, True), ("pitfall", 0, True), ("pitfall", 1, False)],
)
def test_what_depends_on_a_failed_criterion_does_not_count(criteria, kind, level, counts):
    made = criteria({"id": "a", "kind": kind}, {"id": "b", "depends_on": ["a"]})
    assert ("b" in names(applicable(made, parts(part("a", level, 2))))) is counts


def test_a_middling_level_fails_nothing(criteria):
    pitfall = {"id": "a", "kind": "pitfall", "scale": LEVELS}
    made = criteria(pitfall, {"id": "b", "depends_on": ["a"]})
    assert names(applicable(made, parts(part("a", 1)))) == ["a", "b"]


def test_dependence_goes_down_a_chain_in_any_order(criteria):
    chain = [
        {"id": "d", "depends_on": ["c"]},
        {"id": "c", "depends_on": ["b"]},
        {"id": "b", "depends_on": ["a"]},
        {"id": "a"},
        {"id": "free"},
    ]
    for order in itertools.permutations(chain):
        made = criteria(*order)
        told = parts(*(part(name, 1, 2) for name in ("b", "c", "d", "free")), part("a", 0, 2))
        assert sorted(names(applicable(made, told))) == ["a", "free"]
        told["a"] = part("a", None)
        assert names(applicable(made, told)) == ["free"]
        del told["a"]  # not judged is not failed
        assert len(applicable(made, told)) == 5


# --- the mean --------------------------------------------------------------------------------


def test_the_weighted_mean(criteria):
    made = criteria(
        {"id": "a", "weight": 3.0, "scale": LEVELS}, {"id": "b", "kind": "pitfall"}, {"id": "c"}
    )
    told = parts(part("a", 1), part("b", 1, 2, (0.25, 0.75)), part("c", 1, 2))
    score = mean_of(made, told)
    assert score.value == pytest.approx((3 * 0.5 + 0.25 + 1.0) / 5)
    assert score.coverage == 1.0
    assert score.standard_error is None
    assert score.parts == tuple(told.values())


def test_the_standard_error_is_that_of_independent_draws(criteria):
    made = criteria({"id": "a", "weight": 3.0}, "b")
    score = mean_of(made, parts(part("a", 1, 2, (0.5, 0.5)), part("b", 1, 2, (0.2, 0.8))))
    assert score.standard_error == pytest.approx(math.sqrt(9 * 0.25 + 0.16) / 4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.sampled_from(["na"]), st.floats(0, 1)), max_size=5))
def test_only_what_was_judged_is_counted(values):
    from judge.rubrics import parse_rubric

    listed = [
        {"id": f"c{k}", "question": "q", "weight": float(k + 1)} for k in range(len(values) + 1)
    ]
    made = parse_rubric({"schema": "rubric/v1", "id": "r", "criteria": listed}).criteria
    told = parts(
        *(
            part(f"c{k}", None) if p == "na" else part(f"c{k}", round(p), 2, (1 - p, p))
            for k, p in enumerate(values)
            if p is not None
        )
    )
    score = mean_of(made, told)
    judged = [(k + 1, p) for k, p in enumerate(values) if isinstance(p, float)]
    total = sum(k + 1 for k, p in enumerate([*values, None]) if p != "na")
    weight = sum(w for w, _ in judged)
    assert score.coverage == pytest.approx(weight / total)
    if weight:
        assert score.value == pytest.approx(sum(w * p for w, p in judged) / weight)
    else:
        assert score.value is None
        assert score.standard_error is None


def test_nothing_that_counts_gives_no_value(criteria):
    made = criteria({"id": "a", "weight": 0.0}, "b")
    assert mean_of(made, parts(part("a", 1, 2))).value is None
    assert mean_of(made, parts(part("a", 1, 2), part("b", None))).value is None
    assert mean_of(made, {}).value is None


def test_a_criterion_of_no_weight_is_told_and_not_counted(criteria):
    made = criteria({"id": "a", "weight": 0.0}, "b")
    score = mean_of(made, parts(part("a", 0, 2), part("b", 1, 2)))
    assert (score.value, score.coverage, len(score.parts)) == (1.0, 1.0, 2)


def test_a_gate_that_was_not_judged_leaves_no_value(criteria):
    made = criteria(gated("a", weight=0.0), {"id": "b", "weight": 9.0})
    assert mean_of(made, parts(part("b", 1, 2))).value is None
    assert mean_of(made, parts(part("a", 1), part("b", 1, 2))).value == 1.0
    # Neither does one that does not apply, for it cannot fire.
    assert mean_of(made, parts(part("a", None), part("b", 1, 2))).value == 1.0


def test_a_cap_lowers_and_never_raises(criteria):
    made = criteria(gated("a", "cap"), {"id": "b", "weight": 9.0})
    assert mean_of(made, parts(part("a", 0), part("b", 1, 2))).value == 0.3
    assert mean_of(made, parts(part("a", 0), part("b", 0, 2))).value == 0.0
    assert mean_of(made, parts(part("a", 2), part("b", 1, 2))).value == 1.0
