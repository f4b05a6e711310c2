import asyncio
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.calibration import Calibration, ProbabilityMap, expit, logit
from judge.errors import ConfigError
from judge.reward_model import RewardModel
from judge.scoring.calibrated import (
    check_calibration,
    comparison_of,
    judge_digest,
    judge_name,
    level_of,
    who,
)
from judge.store import MemoryStore
from judge.types import CriterionVerdict, Failure, JudgeProfile, Pairwise

SOFT = Calibration(
    pairs=ProbabilityMap("temperature", 0.5), levels=ProbabilityMap("temperature", 0.5)
)
RECORD = {"engine": "e", "engine_name": "an engine", "template": "t", "writer": "", "seed": "0"}
TEXTS = ("first", "second one", "a third", "the fourth of them")
MAPS = st.one_of(
    st.builds(ProbabilityMap, st.just("temperature"), st.floats(0, 5)),
    st.builds(ProbabilityMap, st.just("platt"), st.floats(0, 5), st.floats(-5, 5)),
    st.just(ProbabilityMap("isotonic", knots=((0.0, 0.1), (0.4, 0.3), (0.6, 0.3), (1.0, 0.9)))),
)


def pair(p, tie=0.0, **fields):
    left = 1.0 - tie
    return Pairwise(0, 1, left * p, tie, left * (1.0 - p), **{"call": "c", **fields})


def even(texts, key, codes):
    """Of two sides: how many letters more the first has, in quarters of a logit."""
    lead = 0.25 * (len(texts[0]) - len(texts[1]))
    first = 1.0 / (1.0 + math.exp(-lead))
    return {"A": first, "B": 1.0 - first}


def to_the_first(texts, key, codes):
    """The same judge, who adds 1.2 logits to what it sees first."""
    first = float(expit(logit(even(texts, key, codes)["A"]) + 1.2))
    return {"A": first, "B": 1.0 - first}


# --- whose it is -----------------------------------------------------------------------------


def test_a_judge_is_its_engine_template_recipe_and_rubric(make_recipe):
    recipe = make_recipe("pairwise-win-rate")
    own = judge_digest(RECORD, recipe, "r")
    for changed in ({"engine": "f"}, {"template": "u"}, {"writer": "w"}, {"judges": "j"}):
        record = {**RECORD, **changed}
        assert judge_digest(record, recipe, "r") != own
        assert who(record) != who(RECORD)
    assert judge_digest(RECORD, recipe, "s") != own
    asked = make_recipe("pairwise-win-rate", judge={"verdict": "two_way"})
    assert judge_digest(RECORD, asked, "r") != own
    combined = make_recipe("pairwise-win-rate", criteria={"combine": "hierarchy"})
    assert judge_digest(RECORD, combined, "r") != own


def test_what_becomes_of_verdicts_does_not_count(make_recipe):
    recipe = make_recipe("pairwise-win-rate")
    own = judge_digest(RECORD, recipe, "r")
    other = make_recipe(
        "pairwise-win-rate",
        judge={"attempts": 5},
        group={"schedule": "swiss", "orders": "one", "reward": "net_wins"},
        guards={"min_coverage": 0.9},
        output={"range": [0.0, 2.0]},
        transforms=[{"z_score": {}}],
    )
    record = {**RECORD, "seed": "7", "version": "9", "profile": "p", "engine_name": "its new name"}
    assert judge_digest(record, other, "r") == own


def test_levels_know_nothing_of_how_they_are_combined(make_recipe):
    combined = make_recipe("pointwise", criteria={"combine": "min"})
    own = judge_digest(RECORD, make_recipe("pointwise"), "r")
    assert judge_digest(RECORD, combined, "r") == own


def test_a_judge_in_words(make_recipe):
    said = judge_name(RECORD, make_recipe("pointwise"), "my/own")
    assert said == "an engine, recipe pointwise, rubric my/own"
    assert judge_name(RECORD, make_recipe("pointwise"), None).endswith("the groups' own rubrics")


def test_that_of_another_judge_is_refused_with_both_and_the_cure(build, coded_engine, make_group):
    other = Calibration("0123456789abcdef", about="some judge")
    model = build(coded_engine(), recipe="pointwise", calibration=other)
    with pytest.raises(ConfigError, match=r"fitted on some judge \(0123456789ab\)") as caught:
        model.score([make_group(*TEXTS)])
    assert "the judge is scripted, recipe pointwise, rubric test/rubric" in caught.value.message
    assert "judge calibrate" in caught.value.hint


def test_that_of_this_judge_is_taken_and_a_groups_own_rubric_is_not(
    build, coded_engine, make_group, make_rubric, make_recipe
):
    plain = build(coded_engine(), recipe="pointwise")
    (told,) = plain.score([make_group(*TEXTS)])
    own = judge_digest(told.record, make_recipe("pointwise"), make_rubric().digest)
    model = build(
        coded_engine(), recipe="pointwise", calibration=Calibration(own, levels=SOFT.levels)
    )
    other = make_rubric("other").content
    fine, refused = model.score(
        [make_group(*TEXTS), make_group(*TEXTS, id="h", rubric={"schema": "rubric/v1", **other})]
    )
    assert None not in fine.values
    assert refused.values == [None] * 4
    assert "group 'h' has its own" in refused.rewards[0].reason.message
    free = build(coded_engine(), recipe="pointwise", calibration=SOFT)
    (taken,) = free.score([make_group(*TEXTS, rubric={"schema": "rubric/v1", **other})])
    assert None not in taken.values


@pytest.mark.parametrize(
    ("sections", "roles"),
    [
        ({"panel": {"members": [{"role": "judge"}, {"role": "second"}]}}, ("judge", "second")),
        ({"cascade": {"margin": 0.2}}, ("judge", "strong")),
        ({"judge": {"samples": 2, "temperature": 1.0}}, ("judge",)),
    ],
)
def test_a_result_says_whose_calibration_fits(
    build, coded_engine, make_group, make_recipe, make_rubric, sections, roles
):
    recipe, group = make_recipe("pairwise-win-rate", **sections), make_group(*TEXTS)

    def engines(last="last"):
        named = {role: coded_engine(name=role) for role in roles}
        return named | {roles[-1]: coded_engine(name=last)}

    (raw,) = build(engines(), recipe=recipe).score([group])
    own = Calibration(judge_digest(raw.record, recipe, make_rubric().digest), pairs=SOFT.pairs)
    (told,) = build(engines(), recipe=recipe, calibration=own).score([group])
    assert told.record["calibration"] == own.digest
    with pytest.raises(ConfigError, match="fitted on another judge"):
        build(engines("other"), recipe=recipe, calibration=own).score([group])


@pytest.mark.parametrize(
    ("base", "sections", "said"),
    [
        ("fine-grained", {}, "on whole responses"),
        ("pointwise", {"judge": {"readout": "label"}}, "labels alone"),
        ("joint-strengths", {}, "made of the scores"),
    ],
)
def test_where_it_would_change_nothing_it_is_refused(make_recipe, base, sections, said):
    recipe = make_recipe(base, **sections)
    with pytest.raises(ConfigError, match=said):
        check_calibration(SOFT, recipe, None)
    check_calibration(None, recipe, None)


def test_labels_of_pairs_become_probabilities_and_are_taken(make_recipe):
    check_calibration(SOFT, make_recipe("pairwise-win-rate", judge={"readout": "label"}), None)


# --- what it changes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "mode"),
    [("pointwise", "pointwise"), ("pairwise-win-rate", "pairwise"), ("pointwise", "listwise")],
)
def test_verdicts_stay_and_another_calibration_needs_no_call(
    build, coded_engine, make_group, make_recipe, base, mode
):
    store, group = MemoryStore(), make_group(*TEXTS)
    recipe = make_recipe(base, judge={"mode": mode})
    engine = coded_engine()
    (raw,) = build(engine, recipe=recipe, store=store).score([group])
    asked = len(engine.requests)
    (soft,) = build(engine, recipe=recipe, store=store, calibration=SOFT).score([group])
    (same,) = build(engine, recipe=recipe, store=store, calibration=Calibration()).score([group])
    assert len(engine.requests) == asked > 0
    assert soft.verdicts == same.verdicts == raw.verdicts
    assert same.values == raw.values
    assert soft.values != raw.values
    order = np.argsort(raw.values)
    assert (np.diff(np.array(soft.values)[order]) >= 0.0).all()
    assert soft.record == {**raw.record, "calibration": SOFT.digest}
    assert "calibration" not in raw.record


def test_comparisons_are_calibrated_as_rewards_are(build, coded_engine, make_group):
    group = make_group(*TEXTS[:2])
    raw, soft = (
        build(coded_engine(), recipe="pairwise-win-rate", calibration=calibration)
        for calibration in (None, SOFT)
    )

    pairs = [(0, 1), (1, 0)]
    before, after = (asyncio.run(model.compare(group, pairs)) for model in (raw, soft))
    assert after == [SOFT.comparison(one) for one in before]
    assert after != before
    (result,) = soft.score([group])
    assert sorted(result.ranking.comparisons, key=lambda one: one.first) == after


def test_a_file_or_a_calibration_can_be_given_and_travels_with_the_model(
    tmp_path, coded_engine, make_rubric, make_group
):
    path = tmp_path / "calibration.json"
    path.write_text(SOFT.to_json())
    for one in (path, str(path), SOFT):
        model = RewardModel.build(make_rubric(), engine="embedded", calibration=one)
        assert model.calibration == SOFT
        assert pickle.loads(pickle.dumps(model)).calibration == SOFT
    with pytest.raises(ConfigError, match="cannot be read"):
        RewardModel.build(make_rubric(), calibration=tmp_path / "none.json")
    path.write_text("{")
    with pytest.raises(ConfigError, match=r"calibration.json: not a calibration"):
        RewardModel.build(make_rubric(), calibration=path)


# --- the order effect ------------------------------------------------------------------------


@pytest.mark.parametrize("orders", ["one", "both"])
@pytest.mark.parametrize("reward", ["posterior_mean", "win_rate"])
def test_the_order_effect_is_taken_out_once(
    build, coded_engine, make_group, make_recipe, orders, reward
):
    """The joint strengths estimate what is left of it in the group, and that is nothing."""
    recipe = make_recipe(
        "pairwise-win-rate",
        judge={"verdict": "two_way"},
        group={"schedule": "round_robin", "orders": orders, "reward": reward},
    )
    group = make_group(*TEXTS)
    (right,) = build(coded_engine(even), recipe=recipe).score([group])
    leaning = build(
        coded_engine(to_the_first), recipe=recipe, calibration=Calibration(order_effect=1.2)
    )
    (corrected,) = leaning.score([group])
    assert corrected.values == pytest.approx(right.values)
    errors = [[reward.standard_error for reward in one.rewards] for one in (right, corrected)]
    assert errors[1] == pytest.approx(errors[0])


def test_a_profile_beside_it_is_refused(make_recipe, make_rubric):
    profile = JudgeProfile(1.0, 1.0, 1.2)
    with pytest.raises(ConfigError, match="subtracted twice"):
        RewardModel.build(
            make_rubric(), recipe="pairwise-win-rate", profile=profile, calibration=SOFT
        )


def test_pairs_that_two_modes_order_alike_are_told_by_what_is_calibrated(
    build, coded_engine, make_group, make_recipe
):
    """Scores and raw verdicts disagree, because the judge leans to the first shown."""

    def judge(texts, key, codes):
        if codes[0] == "A":
            return to_the_first(texts, key, codes)
        top = len(codes) - 1
        share = len(texts[0]) / 40
        return {code: {0: 1.0 - share, top: share}.get(k, 0.0) for k, code in enumerate(codes)}

    recipe = make_recipe(
        "pairwise-win-rate",
        judge={"verdict": "two_way"},
        group={
            "schedule": "round_robin",
            "orders": "one",
            "reward": "win_rate",
            "agree": "pointwise",
        },
    )
    group = make_group("first", "second", "the thirds")
    (raw,) = build(coded_engine(judge), recipe=recipe).score([group])
    (free,) = build(
        coded_engine(judge), recipe=recipe, calibration=Calibration(order_effect=1.2)
    ).score([group])
    assert raw.metrics["agreed"] < 1.0
    assert free.metrics["agreed"] == 1.0


# --- its properties --------------------------------------------------------------------------


@given(
    MAPS,
    st.floats(-4, 4),
    st.lists(st.floats(0, 1), min_size=2, max_size=8),
    st.floats(0, 0.9),
)
def test_no_two_of_a_judges_verdicts_on_pairs_change_places(made, effect, shares, tie):
    """Of equal ties, in one display order."""
    calibration = Calibration(pairs=made, order_effect=effect)
    told = [comparison_of(calibration, pair(share, tie)) for share in sorted(shares)]
    leads = [one.p_first - one.p_second for one in told]
    assert (np.diff(leads) >= -1e-12).all()


@given(MAPS, st.lists(st.floats(0, 1), min_size=2, max_size=5), st.floats(0, 1), st.booleans())
def test_no_two_of_a_judges_verdicts_on_levels_change_places(made, cuts, share, is_pitfall):
    """Where one is at least as likely as the other to reach every level."""
    calibration = Calibration(levels=made)
    better = np.sort(cuts)[::-1]
    worse = better * share
    values = []
    for above in (worse, better):
        row = -np.diff(np.concatenate(([1.0], above, [0.0])))
        values.append(level_of(calibration, _Scale(is_pitfall), part(*row)).value)
    assert values[0] <= values[1] + 1e-9


class _Scale:
    def __init__(self, is_pitfall):
        self.is_pitfall = is_pitfall


def part(*row, **fields):
    return CriterionVerdict("good", 0, 0.0, tuple(float(p) for p in row), **fields)


def test_a_level_is_the_likeliest_one_and_its_value_the_mean():
    made = Calibration(levels=ProbabilityMap("platt", 1.0, math.log(3)))
    found = level_of(made, _Scale(False), part(0.5, 0.3, 0.2))
    assert found.probabilities == pytest.approx([0.25, 0.75 - 3 / 7, 3 / 7])
    assert found.level == 2
    assert found.value == pytest.approx((0.75 + 3 / 7) / 2)


def test_a_lenient_judge_is_lenient_about_pitfalls_too():
    made = Calibration(levels=ProbabilityMap("platt", 1.0, -math.log(3)))
    good = level_of(made, _Scale(False), part(0.25, 0.75))
    absent = level_of(made, _Scale(True), part(0.75, 0.25))
    assert good.probabilities == pytest.approx([0.5, 0.5])
    assert absent.probabilities == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    "told",
    [part(), part(0.4, 0.6, by="check"), CriterionVerdict("good", None, None)],
)
def test_what_has_no_probabilities_of_a_judge_stays(told):
    assert level_of(SOFT, _Scale(False), told) is told


def test_what_checks_alone_decide_stays():
    checked = pair(1.0, call="")
    assert comparison_of(SOFT, checked) == checked.comparison()
    assert comparison_of(SOFT, pair(1.0)) != pair(1.0).comparison()
    assert comparison_of(None, checked, 4, 2) == checked.comparison(4, 2)
    assert (comparison_of(SOFT, pair(0.9), 4, 2).first, 2) == (4, 2)


def test_a_gate_goes_by_the_calibrated_level(build, coded_engine, make_group, make_rubric):
    rubric = make_rubric({"id": "safe", "gate": {"below": "yes", "then": "zero"}})

    def judge(texts, key, codes):
        return dict(zip(codes, (0.4, 0.6), strict=True))

    stern = Calibration(levels=ProbabilityMap("platt", 1.0, -1.0))
    results = [
        build(coded_engine(judge), rubric, recipe="pointwise", calibration=one).score(
            [make_group("text")]
        )[0]
        for one in (None, stern)
    ]
    assert [one.rewards[0].status for one in results] == ["ok", "gated"]
    assert not any(isinstance(one, Failure) for one in results[1].verdicts)
