import math

import pytest

from judge.types import Comparison, Failure

WIN_RATE = "pairwise-win-rate"
LONG = "one two three four"
SHORT = "word"


@pytest.fixture
def compared(coded_engine, build, make_rubric, make_recipe, make_group):
    """A group's result under a pairwise recipe, and the engine."""

    def make(*responses, listed=("good",), engine=None, fields=None, base=WIN_RATE, **sections):
        engine = engine or coded_engine()
        model = build(engine, make_rubric(*listed), recipe=make_recipe(base, **sections))
        return model.score([make_group(*responses, **(fields or {}))])[0], engine

    return make


def saying(*chances, **by_key):
    """A judge that gives the codes these chances, whichever response is shown first."""

    def judge(texts, key, codes):
        row = by_key.get(key.replace(".", "_"), chances)
        return {code: p for code, p in zip(codes, row, strict=True) if p}

    return judge


def verdict_of(result, first=0):
    return next(verdict for verdict in result.verdicts if verdict.first == first)


# --- one verdict -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "chances", "p", "mean"),
    [
        ("two_way", (0.6, 0.2), (0.75, 0.0, 0.25), 0.75),
        ("three_way", (0.4, 0.2, 0.2), (0.5, 0.25, 0.25), 0.625),
        ("five_way", (0.1, 0.2, 0.1, 0.3, 0.1), (0.375, 0.125, 0.5), 0.46875),
        ("six_way", (0.1, 0.1, 0.2, 0.1, 0.2, 0.1), (0.5, 0.0, 0.5), None),
    ],
)
def test_the_chances_of_a_pair(compared, coded_engine, verdict, chances, p, mean):
    engine = coded_engine(saying(*chances))
    result, _ = compared("x", "y", engine=engine, judge={"verdict": verdict})
    found = verdict_of(result)
    assert (found.p_first, found.p_tie, found.p_second) == pytest.approx(p)
    assert found.label_mass == pytest.approx(sum(chances))
    assert (found.graded, found.scores) == (True, None)
    assert found.log_odds == pytest.approx(math.log(p[0] / p[2]))
    (part,) = found.parts
    assert part.probabilities == pytest.approx(p[::-1])
    assert part.level == max(range(3), key=lambda k: p[::-1][k])
    if mean is not None:
        assert part.value == pytest.approx(mean)


def test_six_steps_lean_by_thirds(compared, coded_engine):
    engine = coded_engine(saying(0.0, 0.0, 0.5, 0.0, 0.5, 0.0))
    result, _ = compared("x", "y", engine=engine, judge={"verdict": "six_way"})
    part = verdict_of(result).parts[0]
    assert part.value == pytest.approx((2 / 3 + 1 / 6) / 2)


def test_a_log_odds_that_is_infinite_is_not_known(compared, coded_engine):
    result, _ = compared("x", "y", engine=coded_engine(saying(0.9, 0.0, 0.1)))
    found = verdict_of(result)
    assert found.log_odds is None
    assert (found.p_first, found.p_second) == (pytest.approx(0.9), 0.0)


def test_scores_of_both_sides(compared, coded_engine):
    rows = {
        "good_A": (0, 0, 0, 0, 0.2, 0.6, 0, 0, 0),
        "good_B": (0, 0, 0, 0, 0.1, 0.1, 0.2, 0, 0),
    }
    engine = coded_engine(saying(**rows))
    result, _ = compared("x", "y", engine=engine, judge={"verdict": "scores"})
    found = verdict_of(result)
    a, b = {5: 0.25, 6: 0.75}, {5: 0.25, 6: 0.25, 7: 0.5}
    first = sum(p * q for s, p in a.items() for t, q in b.items() if s > t)
    tie = sum(p * q for s, p in a.items() for t, q in b.items() if s == t)
    assert (found.p_first, found.p_tie) == (pytest.approx(first), pytest.approx(tie))
    assert found.p_second == pytest.approx(1 - first - tie)
    assert found.scores == pytest.approx((5.75, 6.25))
    assert found.log_odds is None
    assert found.label_mass == pytest.approx(0.4)
    assert found.parts[0].value == pytest.approx(0.5 - 0.5 / 16)


def test_levels_of_both_sides(compared, coded_engine):
    """Each side on the criterion's own scale; a pitfall's is turned round."""
    rows = {"good_A": (0.0, 0.2, 0.6), "good_B": (0.4, 0.4, 0.0)}
    listed = [{"id": "good", "scale": "1..3"}]
    engine = coded_engine(saying(**rows))
    result, _ = compared("x", "y", engine=engine, judge={"verdict": "levels"}, listed=listed)
    found = verdict_of(result)
    assert found.scores == pytest.approx((0.875, 0.25))
    assert found.p_first == pytest.approx(0.75 + 0.25 * 0.5)
    assert found.p_tie == pytest.approx(0.25 * 0.5)
    assert found.lean == pytest.approx(0.625)
    turned = [{"id": "good", "kind": "pitfall"}]
    rows = {"good_A": (0.9, 0.1), "good_B": (0.2, 0.8)}
    engine = coded_engine(saying(**rows))
    result, _ = compared("x", "y", engine=engine, judge={"verdict": "levels"}, listed=turned)
    found = verdict_of(result)
    assert found.scores == pytest.approx((0.9, 0.2))
    assert (found.p_first, found.p_second) == (pytest.approx(0.72), pytest.approx(0.02))


def test_labels_alone(compared, coded_engine):
    for engine, readout in (
        (coded_engine(saying(0.5, 0.3, 0.1)), {"readout": "label"}),
        (coded_engine(saying(0.5, 0.3, 0.1), logprobs=False), {}),
    ):
        result, _ = compared("x", "y", engine=engine, judge=readout)
        found = verdict_of(result)
        assert (found.p_first, found.p_tie, found.p_second) == (1.0, 0.0, 0.0)
        assert (found.graded, found.log_odds, found.parts[0].probabilities) == (False, None, ())
        assert found.comparison().graded is False


def test_a_mass_below_the_limit_is_no_verdict(compared, coded_engine):
    engine = coded_engine(saying(0.3, 0.1, 0.1))
    result, _ = compared("x", "y", engine=engine, guards={"min_label_mass": 0.6})
    assert result.values == [None, None]
    assert {failure.kind for failure in result.failures} == {"low_mass"}


# --- several criteria ------------------------------------------------------------------------

WEIGHED = ({"id": "a", "weight": 3.0}, "b", {"id": "zero", "weight": 0.0})
ROWS = {"a": (0.9, 0.1, 0.0), "b": (0.2, 0.4, 0.4), "zero": (0.0, 1.0, 0.0)}


@pytest.mark.parametrize("calls", ["one", "each", 2])
def test_criteria_are_weighed_however_they_are_asked(compared, coded_engine, calls):
    engine = coded_engine(saying(**ROWS))
    result, _ = compared("x", "y", listed=WEIGHED, engine=engine, judge={"calls": calls})
    found = verdict_of(result)
    assert found.p_first == pytest.approx((3 * 0.9 + 0.2) / 4)
    assert found.p_second == pytest.approx((3 * 0.1 + 0.4) / 4)
    assert found.log_odds == pytest.approx((3 * math.log(9) + math.log(0.5)) / 4)
    assert [part.criterion_id for part in found.parts] == ["a", "b", "zero"]
    assert len(engine.requests) == {"one": 2, "each": 6, 2: 4}[calls]


def test_a_pair_fails_if_any_of_its_calls_does(compared, coded_engine, responses_of):
    def broken(request):
        asked_b = any('"b"' in marker for marker, _ in request.read_after)
        return "nonsense" if asked_b and responses_of(request)[0] == "x" else None

    engine = coded_engine(broken=broken)
    result, _ = compared("x", "y", listed=("a", "b"), engine=engine, judge={"calls": "each"})
    assert [(verdict.first, verdict.second) for verdict in result.verdicts] == [(1, 0)]
    assert result.ranking.failed == 1


def test_one_verdict_over_all(compared, coded_engine):
    engine = coded_engine(saying(overall=(0.7, 0.1, 0.2)))
    checked = {"id": "short", "check": {"max_words": 2}, "weight": 9.0}
    result, _ = compared(
        LONG, SHORT, listed=(*WEIGHED, checked), engine=engine, criteria={"combine": "overall"}
    )
    found = verdict_of(result)
    assert (found.p_first, found.p_tie) == (pytest.approx(0.7), pytest.approx(0.2))
    assert [part.criterion_id for part in found.parts] == ["overall"]
    assert list(result.rewards[0].parts) == ["overall"]


def test_one_score_each_over_all(compared, coded_engine):
    rows = {"overall_A": (0,) * 8 + (1.0,), "overall_B": (1.0,) + (0,) * 8}
    result, _ = compared(
        "x",
        "y",
        listed=WEIGHED,
        engine=coded_engine(saying(**rows)),
        judge={"verdict": "scores"},
        criteria={"combine": "overall"},
    )
    assert verdict_of(result).scores == (9.0, 1.0)
    assert verdict_of(result).p_first == 1.0


# --- checks ----------------------------------------------------------------------------------

SHORTER = {"id": "short", "check": {"max_words": 2}}


def test_a_check_decides_its_criterion_of_a_pair(compared, coded_engine):
    engine = coded_engine(saying(good=(0.6, 0.4, 0.0)))
    result, _ = compared(LONG, SHORT, listed=("good", {**SHORTER, "weight": 3.0}), engine=engine)
    found = verdict_of(result)
    assert found.p_first == pytest.approx(0.6 / 4)
    assert found.p_second == pytest.approx((0.4 + 3.0) / 4)
    assert (found.log_odds, found.graded) == (None, True)
    check = found.parts[1]
    assert (check.criterion_id, check.by, check.level, check.value) == ("short", "check", 0, 0.0)
    assert result.rewards[1].parts == {"good": pytest.approx(0.5), "short": 1.0}


def test_a_failed_pitfall_counts_against_its_side(compared):
    pitfall = {"id": "long", "kind": "pitfall", "check": {"min_words": 3}}
    result, engine = compared(LONG, SHORT, listed=(pitfall,))
    assert result.values == [0.0, 1.0]
    assert engine.requests == []


def test_checks_alone_need_no_call(compared):
    result, engine = compared(LONG, SHORT, "other", listed=(SHORTER,))
    assert result.values == [0.0, 0.75, 0.75]
    assert engine.requests == []
    assert result.usage.calls == 0
    assert all(verdict.call == "" for verdict in result.verdicts)
    assert math.isnan(result.metrics["flip_rate"])


@pytest.fixture
def undecided(monkeypatch):
    """Makes the check `max_words` unable to tell about texts that begin with a question mark."""
    from judge.checks import CHECKS, CheckResult

    kind = CHECKS["max_words"].params
    known = kind.run

    def run(self, text, inputs):
        return CheckResult(None) if text.startswith("?") else known(self, text, inputs)

    monkeypatch.setattr(kind, "run", run)


@pytest.mark.usefixtures("undecided")
def test_what_no_check_can_tell_is_missing_and_not_a_tie(compared):
    result, _ = compared("? x", SHORT, LONG, listed=(SHORTER,))
    assert result.values == [None, 1.0, 0.0]
    assert result.rewards[0].reason.kind == "not_comparable"
    assert result.ranking.failed == 4
    assert [reward.coverage for reward in result.rewards] == [0.0, 0.5, 0.5]


@pytest.mark.usefixtures("undecided")
def test_a_verdict_that_does_not_count_takes_no_place(compared):
    result, _ = compared("? x", SHORT, listed=({"id": "zero", "weight": 0.0}, SHORTER))
    assert result.values == [None, None]


@pytest.mark.usefixtures("undecided")
def test_the_model_is_asked_only_what_no_check_decided(compared, responses_of):
    hybrid = {**SHORTER, "hybrid": True, "question": "Is it short?"}
    result, engine = compared("? x", SHORT, LONG, listed=(hybrid, "good"))
    asked = {
        responses_of(request): [marker.split('"')[1] for marker, _ in request.read_after]
        for request in engine.requests
    }
    assert asked[SHORT, LONG] == asked[LONG, SHORT] == ["good"]
    assert asked["? x", SHORT] == asked[LONG, "? x"] == ["short", "good"]
    for verdict in result.verdicts:
        assert sorted(part.criterion_id for part in verdict.parts) == ["good", "short"]
    one = next(v for v in result.verdicts if (v.first, v.second) == (1, 2))
    short = next(part for part in one.parts if part.criterion_id == "short")
    assert (short.by, short.value) == ("check", 1.0)


# --- orders, samples, equal responses --------------------------------------------------------


def test_both_orders_are_asked_by_default(compared, responses_of):
    result, engine = compared("x", "y")
    assert sorted(map(responses_of, engine.requests)) == [("x", "y"), ("y", "x")]
    assert [(v.first, v.second) for v in result.verdicts] in ([(0, 1), (1, 0)], [(1, 0), (0, 1)])


def test_equal_responses_tie_without_a_call(compared):
    result, engine = compared("x", "x", "y")
    ties = [v for v in result.verdicts if {v.first, v.second} == {0, 1}]
    assert [(v.p_tie, v.call, v.raw) for v in ties] == [(1.0, "", "")] * 2
    assert len(engine.requests) == 2
    assert result.values[0] == result.values[1]
    assert result.metrics["flip_rate"] in (0.0, 1.0)


def test_samples_of_a_pair_are_averaged(compared, coded_engine, answer):
    masses = iter([0.5, 1.0, 1.0, 1.0])

    def broken(request):
        p = request.sampling.seed % 1000 / 1000
        mass = next(masses)
        return answer(request, lambda t, k, c: {"A": p * mass, "B": (1 - p) * mass, "C": 0.0})

    engine = coded_engine(broken=broken)
    result, _ = compared(
        "x", "y", engine=engine, judge={"samples": 2, "temperature": 1.0}, group={"orders": "both"}
    )
    first = result.verdicts[0]
    own = [request.sampling.seed % 1000 / 1000 for request in engine.requests[:2]]
    assert first.p_first == pytest.approx(sum(own) / 2)
    assert first.log_odds is None
    assert first.label_mass == pytest.approx(0.5)
    assert len(engine.requests) == 4


# --- compare ---------------------------------------------------------------------------------


@pytest.fixture
def comparing(coded_engine, build, make_rubric, make_recipe, make_group):
    def make(pairs, *responses, listed=("good",), engine=None, fields=None, **sections):
        model = build(
            engine or coded_engine(), make_rubric(*listed), recipe=make_recipe(WIN_RATE, **sections)
        )
        return model.compare(make_group(*responses, **(fields or {})), pairs)

    return make


async def test_compare_judges_the_pairs_asked_for(comparing, coded_engine, responses_of):
    def broken(request):
        return "nonsense" if responses_of(request) == ("z", "x") else None

    engine = coded_engine(saying(0.5, 0.3, 0.2), broken=broken)
    pairs = [(1, 0), (2, 0), (0, 3), (1, 0)]
    one, two, three, four = await comparing(pairs, "x", "y", "z", "x", engine=engine)
    assert isinstance(one, Comparison)
    assert (one.first, one.second) == (1, 0)
    assert one == four
    assert one.p_first == pytest.approx(0.5)
    assert isinstance(two, Failure)
    assert two.kind == "malformed"
    assert three == Comparison(0, 3, 0.0, 1.0, 0.0)


async def test_compare_of_a_group_that_cannot_be_judged(comparing):
    missing = await comparing([(0, 1), (1, 0)], "x", "y", fields={"rubric": {"id": "no"}})
    assert [failure.stage for failure in missing] == ["rubric", "rubric"]


def test_a_cut_of_both_sides_is_added_up(compared, coded_engine):
    engine = coded_engine(context_tokens=12_000)
    result, _ = compared(
        "x" * 5000,
        "y" * 7000,
        engine=engine,
        judge={"overflow": "cut_middle", "max_tokens": 100},
    )
    assert [verdict.cut for verdict in result.verdicts] == [4000, 4000]
    assert result.metrics["cut"] == 2.0
    assert None not in result.values
