"""How a panel's verdicts become one: tables, and properties over any verdicts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.aggregate.panels import weighted_majority
from judge.judges.panel_rules import RULES, merge_of
from judge.recipes.panels import CLASS_RULES, Member, PanelRule, PanelSection
from judge.types import CriterionVerdict

ROLES = ("judge", "second", "third", "fourth", "fifth")
SOFT = ("mean", "median", "min")


def part(*probabilities, level=None, mass=None, levels=3, name="a"):
    if not probabilities:
        value = None if level is None else level / (levels - 1)
        return CriterionVerdict(name, level, value, (), "", "", mass)
    value = sum(k * p for k, p in enumerate(probabilities)) / (len(probabilities) - 1)
    likeliest = probabilities.index(max(probabilities))
    return CriterionVerdict(name, likeliest, value, probabilities, "", "", mass)


def panel(rule="mean", members=3, **settings):
    """A section; `settings` are lists of a member's own, or the panel's."""
    own = {name: settings.pop(name) for name in ("weight", "accuracy", "confusion")
           if name in settings}  # fmt: skip
    listed = [
        {"role": ROLES[k], **{name: values[k] for name, values in own.items()}}
        for k in range(members)
    ]
    return PanelSection.model_validate({"members": listed, "combine": rule, **settings})


@pytest.fixture(scope="session")
def merged(make_rubric):
    def make(parts, section, *, pitfall=False, pairs=False, two_way=False, scale=3):
        kind = "pitfall" if pitfall else "principle"
        rubric = make_rubric({"id": "a", "kind": kind, "scale": f"1..{scale}"})
        by_id = None if pairs else {"a": rubric.criteria[0]}
        members = section.members[: len(parts)]
        (made,) = merge_of(section, members, by_id, two_way)([(one,) for one in parts])
        return made

    return make


def rows(levels=3):
    weights = st.lists(st.floats(0.01, 1.0), min_size=levels, max_size=levels)
    return weights.map(lambda w: part(*(x / math.fsum(w) for x in w)))


def close(one, other):
    assert one.level == other.level
    assert one.value == pytest.approx(other.value, abs=1e-12)
    assert one.probabilities == pytest.approx(other.probabilities, abs=1e-12)


def test_every_rule_of_the_schema_has_a_function():
    assert set(RULES) == set(PanelRule.__args__)


@pytest.mark.parametrize("rule", SOFT)
@settings(deadline=None)
@given(data=st.data())
def test_equal_members_say_what_one_says(merged, rule, data):
    one = data.draw(rows())
    assert merged([one] * 3, panel(rule)).value == pytest.approx(one.value, abs=1e-12)
    assert merged([one] * 3, panel(rule)).probabilities == pytest.approx(one.probabilities)


@pytest.mark.parametrize("rule", ["mean", "median", "min", "weighted_majority"])
@settings(deadline=None)
@given(data=st.data())
def test_the_order_of_the_members_says_nothing(merged, rule, data):
    parts = data.draw(st.lists(rows(), min_size=5, max_size=5))
    order = data.draw(st.permutations(range(5)))
    own = {}
    if rule == "mean":
        own = {"weight": [1.0, 2.0, 3.0, 0.5, 0.1]}
    elif rule in CLASS_RULES:
        own = {"accuracy": [0.9, 0.6, 0.3, 0.55, 0.8]}
    turned = {name: [values[k] for k in order] for name, values in own.items()}
    first = merged(parts, panel(rule, 5, **own))
    second = merged([parts[k] for k in order], panel(rule, 5, **turned))
    assert second.value == pytest.approx(first.value, abs=1e-9)
    assert second.probabilities == pytest.approx(first.probabilities, abs=1e-9)


@settings(deadline=None)
@given(data=st.data())
def test_the_least_is_at_most_the_median_and_the_mean(merged, data):
    parts = data.draw(st.lists(rows(4), min_size=3, max_size=3))
    low, mid, mean = (
        merged(parts, panel(rule), scale=4).value for rule in ("min", "median", "mean")
    )
    assert low <= mid
    assert low <= mean + 1e-12
    turned = merged(parts, panel("min"), pitfall=True, scale=4).value
    assert turned == max(one.value for one in parts)  # more of a pitfall is worth less


def test_the_mean_is_weighted():
    section = panel("mean", 2, weight=[3.0, 1.0])
    (made,) = merge_of(section, section.members, None, False)(
        [(part(0.0, 0.0, 1.0),), (part(1.0, 0.0, 0.0),)]
    )
    assert made.probabilities == pytest.approx((0.25, 0.0, 0.75))
    assert made.value == pytest.approx(0.75)


@settings(deadline=None)
@given(data=st.data())
def test_the_median_of_a_pair_is_the_same_from_both_sides(merged, data):
    parts = data.draw(st.lists(rows(), min_size=2, max_size=5))
    turned = [part(*one.probabilities[::-1]) for one in parts]
    section = panel("median", len(parts))
    seen, mirrored = (merged(some, section, pairs=True) for some in (parts, turned))
    assert mirrored.value == pytest.approx(1.0 - seen.value, abs=1e-12)


def test_the_median_takes_no_notice_of_an_outlier(merged):
    calm, wild = part(0.1, 0.8, 0.1), part(0.0, 0.0, 1.0)
    close(merged([calm, wild, calm], panel("median")), calm)


# --- judges of known quality -----------------------------------------------------------------

ACCURACIES = (0.9, 0.6, 0.75)


@settings(deadline=None)
@given(
    votes=st.lists(st.integers(0, 3), min_size=3, max_size=3),
    prior=st.lists(st.floats(0.1, 1.0), min_size=4, max_size=4),
)
def test_sure_votes_have_nitzan_and_paroushs_posterior(merged, votes, prior):
    shares = [x / math.fsum(prior) for x in prior]
    section = panel("weighted_majority", accuracy=ACCURACIES, prior=shares)
    parts = [part(level=vote, levels=4) for vote in votes]
    made = merged(parts, section, scale=4)
    oracle = weighted_majority([votes], ACCURACIES, shares).posteriors[0]
    assert made.probabilities == pytest.approx(tuple(oracle), abs=1e-9)
    assert made.value == pytest.approx(float(np.arange(4) @ oracle) / 3, abs=1e-9)


def test_a_good_judge_outweighs_two_poor_ones(merged):
    section = panel("weighted_majority", accuracy=[0.95, 0.6, 0.6])
    made = merged([part(level=2), part(level=0), part(level=0)], section)
    assert made.level == 2


def test_confusions_are_turned_by_bayes_rule(merged):
    """P(k | said) by hand: the second says 2 of everything, so it says nothing."""
    one = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]
    flat = [[0.1, 0.1, 0.8]] * 3
    section = panel("dawid_skene", 2, confusion=[one, flat], prior=[0.5, 0.3, 0.2])
    made = merged([part(level=0), part(level=2)], section)
    joint = [0.5 * 0.7, 0.3 * 0.1, 0.2 * 0.2]
    assert made.probabilities == pytest.approx([p / sum(joint) for p in joint])


def test_one_accuracy_is_a_confusion_with_even_errors(merged):
    even = [[0.8 if k == j else 0.1 for j in range(3)] for k in range(3)]
    parts = [part(0.6, 0.3, 0.1), part(level=2)]
    known = merged(parts, panel("dawid_skene", 2, confusion=[even, even]))
    close(known, merged(parts, panel("weighted_majority", 2, accuracy=[0.8, 0.8])))


def test_a_member_in_two_minds_leaves_it_to_the_prior(merged):
    section = panel("weighted_majority", 2, accuracy=[0.9, 0.9], prior=[0.3, 0.3, 0.4])
    made = merged([part(1 / 3, 1 / 3, 1 / 3)] * 2, section)
    assert made.probabilities == pytest.approx((0.3, 0.3, 0.4))


def test_without_ties_a_pair_has_two_classes(merged):
    section = panel("weighted_majority", 2, accuracy=[0.8, 0.8])
    made = merged([part(0.0, 0.0, 1.0)] * 2, section, pairs=True, two_way=True)
    right = 0.8**2 / (0.8**2 + 0.2**2)
    assert made.probabilities == pytest.approx((1.0 - right, 0.0, right))
    assert made.value == pytest.approx(right)


# --- what is not judged, and what is passed on -----------------------------------------------


@pytest.mark.parametrize(("na", "applies"), [(1, True), (2, False), (3, False)])
@pytest.mark.parametrize("rule", SOFT)
def test_most_members_say_whether_a_criterion_applies(merged, rule, na, applies):
    parts = [part()] * na + [part(0.0, 0.0, 1.0)] * (3 - na)
    made = merged(parts, panel(rule))
    assert (made.value == 1.0) is applies
    assert (made.level is None) is not applies


def test_a_heavy_member_is_most_of_them(merged):
    section = panel("mean", weight=[5.0, 1.0, 1.0])
    assert merged([part(), part(level=2), part(level=2)], section).level is None


@pytest.mark.parametrize("rule", ["mean", "median", "weighted_majority"])
def test_the_mass_is_the_smallest_that_counts(merged, rule):
    own = {"accuracy": [0.9, 0.9]} if rule in CLASS_RULES else {}
    parts = [part(0.2, 0.3, 0.5, mass=0.9), part(0.2, 0.3, 0.5, mass=0.4)]
    assert merged(parts, panel(rule, 2, **own)).label_mass == 0.4


def test_a_members_own_template_is_part_of_its_name():
    assert Member(role="second", template="terse").name == "second/terse"
