import pytest

from judge.judges.samples import mean_parts
from judge.types import CriterionVerdict


def part(level, probabilities=(), mass=None, value=None, levels=3):
    if value is None and level is not None:
        value = (
            sum(k * p for k, p in enumerate(probabilities)) / (levels - 1)
            if probabilities
            else level / (levels - 1)
        )
    return CriterionVerdict("a", level, value, tuple(probabilities), "r", "", mass)


def combined(*parts):
    ((made,),) = [mean_parts([(p,) for p in parts])]
    return made


def test_draws_are_combined_by_their_probabilities_and_not_by_votes():
    sure, unsure = part(2, (0.0, 0.1, 0.9)), part(0, (0.4, 0.3, 0.3))
    made = combined(unsure, unsure, sure)
    assert made.probabilities == pytest.approx((0.8 / 3, 0.7 / 3, 1.5 / 3))
    assert made.level == 2  # two of three votes were for 0
    assert made.value == pytest.approx((0.45 + 0.45 + 0.95) / 3)


def test_a_single_draw_is_itself():
    one = part(1, (0.2, 0.5, 0.3), 0.9)
    assert combined(one) == one


def test_the_mass_is_the_smallest():
    assert combined(part(0, (1, 0, 0), 0.9), part(0, (1, 0, 0), 0.4)).label_mass == 0.4
    assert combined(part(0, (1, 0, 0)), part(0, (1, 0, 0), 0.4)).label_mass == 0.4
    assert combined(part(0, (1, 0, 0)), part(0, (1, 0, 0))).label_mass is None


def test_a_label_counts_as_certain_among_probabilities():
    made = combined(part(2), part(0, (0.5, 0.5, 0.0)))
    assert made.probabilities == pytest.approx((0.25, 0.25, 0.5))
    assert made.value == pytest.approx((1.0 + 0.25) / 2)


def test_labels_alone_vote():
    made = combined(part(2), part(0), part(2))
    assert (made.level, made.probabilities) == (2, ())
    assert made.value == pytest.approx(2 / 3)
    assert combined(part(2), part(0)).level == 0  # the lower of equals


@pytest.mark.parametrize(("na", "of", "applies"), [(1, 3, True), (1, 2, True), (2, 3, False)])
def test_the_majority_says_whether_it_applies(na, of, applies):
    draws = [part(None)] * na + [part(2, (0.0, 0.0, 1.0))] * (of - na)
    made = combined(*draws)
    assert (made.level is not None) is applies
    assert not applies or made.value == 1.0


def test_every_criterion_is_combined_by_itself():
    one = (CriterionVerdict("a", 1, 1.0, (0.0, 1.0)), CriterionVerdict("b", 0, 0.0, (1.0, 0.0)))
    two = (CriterionVerdict("a", 0, 0.0, (1.0, 0.0)), CriterionVerdict("b", 0, 0.0, (1.0, 0.0)))
    a, b = mean_parts([one, two])
    assert (a.criterion_id, a.value, b.criterion_id, b.value) == ("a", 0.5, "b", 0.0)
