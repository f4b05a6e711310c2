import math

import hypothesis
import pytest
from hypothesis import strategies as st

from judge.aggregate.combine import COMBINERS, Item, check_combined, layer_weights
from judge.errors import RecipeError
from judge.recipes import CriteriaSection


def item(name, value, weight=1.0, variance=0.0, **fields):
    fields.setdefault("met", float(value == 1.0))
    return Item(name, weight, value, variance, **fields)


def combined(rule, *items, **settings):
    section = CriteriaSection.model_validate({"combine": rule, **settings})
    return COMBINERS[rule](items, section)


VALUES = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0.1, 5), st.floats(0, 0.25)), min_size=1, max_size=5
)
PLAIN = sorted(set(COMBINERS) - {"layers", "gated_product", "connected_fraction"})


@hypothesis.given(st.sampled_from(PLAIN), VALUES)
def test_a_rule_stays_in_its_range_and_has_an_error(rule, raw):
    items = [item(str(k), v, w, s, met=v) for k, (v, w, s) in enumerate(raw)]
    whole = combined(rule, *items)
    assert math.isfinite(whole.value)
    assert whole.value <= 1.0 + 1e-12 if rule != "log_and" else whole.value <= 0.0
    assert rule == "log_and" or whole.value >= -1e-12
    assert whole.standard_error >= 0.0
    known = [item(i.criterion_id, i.value, i.weight, None, met=i.met) for i in items]
    assert combined(rule, *known).standard_error is None


@hypothesis.given(
    st.sampled_from(sorted(set(PLAIN) - {"fraction", "last"})), VALUES, st.floats(0, 1)
)
def test_a_better_criterion_never_lowers_the_value(rule, raw, better):
    items = [item(str(k), v, w, s) for k, (v, w, s) in enumerate(raw)]
    first = item("0", max(items[0].value, better), items[0].weight)
    assert combined(rule, first, *items[1:]).value >= combined(rule, *items).value - 1e-12


def test_nothing_of_weight_is_no_value():
    for rule in PLAIN:
        assert combined(rule, item("a", 1.0, 0.0)) is None


def test_a_criterion_without_weight_does_not_count():
    for rule in ("product", "min", "log_and", "fraction", "last"):
        both = combined(rule, item("a", 0.8), item("b", 0.1, 0.0))
        assert both.value == combined(rule, item("a", 0.8)).value


def test_the_error_of_a_product_is_that_of_its_factors():
    whole = combined("product", item("a", 0.5, variance=0.01), item("b", 0.8, variance=0.04))
    assert whole.value == pytest.approx(0.4)
    assert whole.standard_error == pytest.approx(math.hypot(0.8 * 0.1, 0.5 * 0.2))


def test_layers_have_their_shares():
    items = [
        item("p1", 1.0, 3.0, layer="path"),
        item("p2", 0.0, 1.0, layer="path"),
        item("a", 0.5, 9.0, layer="answer"),
    ]
    shares = {"weights": {"path": 0.6, "answer": 0.4}}
    whole = combined("layers", *items, **shares)
    assert whole.value == pytest.approx(0.6 * 0.75 + 0.4 * 0.5)
    # Nothing judged of a layer: the rest is what there is.
    assert combined("layers", *items[:2], **shares).value == pytest.approx(0.75)
    with pytest.raises(RecipeError, match="'x'"):
        combined("layers", item("q", 1.0, layer="x"), **shares)
    section = CriteriaSection.model_validate({"combine": "layers", **shares})
    assert sum(layer_weights(items, section)) == pytest.approx(1.0)


def test_a_critical_flaw_vetoes():
    fine = item("fine", 1.0, 5.0, tier="core")
    assert combined("tiers", fine, item("c", 0.4, 8.0, tier="critical")).value == 0.0
    assert combined("tiers", fine, item("c", 0.5, 5.0, tier="critical")).value == 0.75
    assert combined("tiers", fine, item("h", 0.0, 5.0, tier="highlight")).value == 0.5
    # Whether it vetoes at all is uncertain here, and the error says so.
    near = combined("tiers", fine, item("c", 0.55, 8.0, variance=0.04, tier="critical"))
    assert near.standard_error > 0.3


@pytest.mark.parametrize(
    ("gates", "useful", "expected"),
    [
        ((1.0, 1.0, 1.0), 0.7, 0.7),
        ((0.0, 1.0, 1.0), 1.0, (0.01 / 1.01) ** (1 / 3)),  # 0.215, the spec's figure
        ((0.5,), 0.5, 0.51 / 1.01 * 0.5),
    ],
)
def test_the_gated_product(gates, useful, expected):
    items = [item(f"g{k}", v, layer="bottom_line") for k, v in enumerate(gates)]
    whole = combined("gated_product", *items, item("u", useful, layer="behaviour"))
    assert whole.value == pytest.approx(expected, abs=1e-6)
    assert combined("gated_product", *items).value == pytest.approx(expected / useful, abs=1e-6)
    assert combined("gated_product", item("u", useful, layer="behaviour")) is None


def test_the_fraction_of_criteria_met():
    items = [item("a", 1.0, met=0.9), item("b", 0.5, met=0.2), item("c", 1.0, 4.0, met=1.0)]
    whole = combined("fraction", *items)
    assert whole.value == pytest.approx(0.7)
    assert whole.standard_error == pytest.approx(math.sqrt(0.09 + 0.16) / 3)


def test_pitfalls_only_take_away():
    good = item("good", 0.5, 4.0)
    clean = item("bad", 1.0, 2.0, is_pitfall=True)
    assert combined("penalty", good, clean).value == 0.5
    assert combined("penalty", good, item("bad", 0.5, 2.0, is_pitfall=True)).value == 0.25
    assert combined("penalty", good, item("bad", 0.0, 9.0, is_pitfall=True)).value == 0.0
    assert combined("penalty", clean) is None


def test_min_and_last():
    items = [item("a", 0.9), item("b", 0.2), item("c", 0.6)]
    assert combined("min", *items).value == 0.2
    assert combined("last", *items).value == 0.6


def test_the_logical_and_is_the_product_in_logs():
    items = [item("a", 0.9), item("b", 0.5)]
    assert combined("log_and", *items).value == pytest.approx(math.log(0.45))
    assert math.isfinite(combined("log_and", item("a", 0.0), item("b", 1.0)).value)


def test_what_a_rule_asks_of_the_criteria_is_checked_beforehand(make_rubric):
    capped = {"id": "a", "scale": ["no", "yes"], "gate": {"below": "yes", "then": "cap", "at": 0.3}}
    plain = make_rubric({"id": "a", "layer": "path"}).criteria
    layered = CriteriaSection(combine="layers", weights={"answer": 1.0})
    for criteria, section in (
        (plain, layered),
        (plain, CriteriaSection(combine="gated_product")),
        (make_rubric(capped).criteria, CriteriaSection(combine="log_and")),
    ):
        with pytest.raises(RecipeError):
            check_combined(criteria, section)
        check_combined(criteria, CriteriaSection())
    check_combined([], CriteriaSection(combine="gated_product"))
