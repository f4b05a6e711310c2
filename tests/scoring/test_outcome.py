import pytest

from judge.aggregate.rewards import Valued
from judge.scoring.outcome import nothing, ranged
from judge.types import Failure, Reward

BROKEN = Failure("read", "malformed", "x")


@pytest.mark.parametrize(
    ("valued", "value", "error"),
    [
        (Valued(0.25, 0.5, 1.0), -1.0, 2.0),
        (Valued(1.0, None, 0.5), 2.0, None),
        (Valued(0.0, 0.0, 0.5), -2.0, 0.0),
    ],
)
def test_a_value_is_mapped_to_the_range(make_recipe, valued, value, error):
    recipe = make_recipe(output={"range": [-2, 2]}, guards={"min_coverage": 0.5})
    reward = ranged(recipe, (0.0, 1.0), valued, BROKEN, {"a": 1.0}, "said")
    assert reward == Reward(value, "ok", error, valued.coverage, {"a": 1.0}, (), "said", None)


@pytest.mark.parametrize("valued", [Valued(0.9, 0.1, 0.49), Valued(None, None, 1.0)])
def test_too_little_coverage_is_no_value(make_recipe, valued):
    recipe = make_recipe(guards={"min_coverage": 0.5})
    reward = ranged(recipe, None, valued, BROKEN, {"a": 1.0}, "")
    assert reward == Reward(None, "failed", None, valued.coverage, {"a": 1.0}, (), None, BROKEN)
    reason = ranged(recipe, None, valued, None, {}, "").reason
    assert (reason.stage, reason.kind) == ("aggregate", "not_comparable")
    assert f"{valued.coverage:.0%}" in reason.message


def test_nothing_is_a_failure_for_every_response(make_group):
    outcome = nothing(make_group("a", "b"), BROKEN)
    assert outcome.rewards == [Reward(None, "failed", None, 0.0, reason=BROKEN)] * 2
    assert (outcome.scores, outcome.failures) == ([None, None], [BROKEN])
    assert nothing(make_group(), BROKEN).rewards == []
