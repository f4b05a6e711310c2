import pytest

from judge.engines.scripted import ScriptedEngine
from judge.errors import ConfigError
from judge.reward_model import RewardModel
from judge.types import Failure, Group, JudgeProfile, Response

SEEDS = {"w": 4.0, "x": 3.0, "y": 2.0, "z": 1.0}
BRACKET = {"schedule": "single_elimination", "reward": "rank_quantile"}
PROFILE = JudgeProfile(
    strength_var=1.0, noise_var=1.0, order_effect=0.0, seed_slope=1.5, seed_slope_var=0.1
)


class Seeder(ScriptedEngine):
    """A scalar model that knows the seeds; it keeps its requests."""

    def __init__(self, respond=lambda request: SEEDS[request.messages[-1].content], **options):
        self.requests = []

        def kept(request):
            self.requests.append(request)
            return respond(request)

        super().__init__(kept, name="seeder", scalar=True, **options)


@pytest.fixture
def held(coded_engine, make_rubric, make_recipe):
    """The result of a tournament, and the engine that judged it."""

    def make(responses, seeds, *, group=BRACKET, seeder=None, profile=None, **fields):
        recipe = make_recipe("pairwise-win-rate", group={**group, "seeds": seeds})
        judge = coded_engine()
        engines = {"judge": judge} | ({} if seeder is None else {"seeder": seeder})
        options = {"recipe": recipe, "engine": engines, "profile": profile}
        with RewardModel.build(make_rubric(), **options) as model:
            return model.score([Group.of("Say it.", responses, id="g", **fields)])[0], judge

    return make


def given():
    return [Response(text, meta={"seed": seed}) for text, seed in SEEDS.items()]


@pytest.mark.parametrize(
    "group",
    [
        BRACKET,
        {"schedule": "swiss", "reward": "posterior_mean"},
        {"schedule": "active", "reward": "posterior_mean", "budget": 8},
    ],
    ids=lambda group: group["schedule"],
)
def test_a_scalar_models_seeds_are_as_good_as_given_ones(held, group):
    own, _ = held(given(), "given", group=group, profile=PROFILE)
    seeder = Seeder()
    found, _ = held(given(), "scalar", group=group, seeder=seeder, profile=PROFILE)
    assert found.values == own.values
    assert found.ranking.calls == own.ranking.calls  # not in the budget,
    assert found.usage.calls == own.usage.calls + 4  # but in what was spent
    assert found.record["seeder_engine"] == "seeder"


def test_the_best_seeds_are_kept_apart(held, responses_of):
    _, judge = held(list(SEEDS), "scalar", seeder=Seeder())
    first_round = {frozenset(responses_of(request)) for request in judge.requests[:4]}
    assert first_round == {frozenset("wz"), frozenset("xy")}


def test_seeds_that_are_prior_knowledge_move_the_strengths(held):
    group = {"schedule": "active", "reward": "posterior_mean", "budget": 8}
    up, _ = held(list(SEEDS), "scalar", group=group, seeder=Seeder(), profile=PROFILE)
    turned = Seeder(lambda request: -SEEDS[request.messages[-1].content])
    down, _ = held(list(SEEDS), "scalar", group=group, seeder=turned, profile=PROFILE)
    assert up.values[0] - up.values[3] > down.values[0] - down.values[3]


def test_a_seed_that_cannot_be_had_fails_the_group_with_its_reason(held):
    def broken(request):
        if request.messages[-1].content == "y":
            return Failure("engine", "overflow", "too long", call=request.id)
        return 1.0

    result, judge = held(list(SEEDS), "scalar", seeder=Seeder(broken))
    assert {reward.reason.kind for reward in result.rewards} == {"overflow"}
    assert {reward.reason.message for reward in result.rewards} == {"seeds: too long"}
    assert [bool(failure.call) for failure in result.failures] == [True, False]
    assert judge.requests == []


def test_a_seeder_that_needs_the_reference_is_shown_it(held):
    seeder = Seeder(reference=True)
    held(list(SEEDS), "scalar", seeder=seeder, reference="v")
    assert [turn.content for turn in seeder.requests[0].messages] == ["Say it.", "v", "w"]
    result, _ = held(list(SEEDS), "scalar", seeder=Seeder(reference=True))
    assert {reward.reason.kind for reward in result.rewards} == {"missing_input"}


def test_who_does_not_play_is_not_seeded(held):
    seeder = Seeder()
    result, _ = held(["w", "...", "x"], "scalar", seeder=seeder)
    assert [request.messages[-1].content for request in seeder.requests] == ["w", "x"]
    assert result.rewards[1].status == "gated"
    alone = Seeder()
    held(["w", "..."], "scalar", seeder=alone)
    assert alone.requests == []


def test_the_role_must_be_filled_where_it_is_used_and_only_there(held):
    with pytest.raises(ConfigError, match="engines for the roles"):
        held(list(SEEDS), "scalar")
    with pytest.raises(ConfigError, match="engines for the roles"):
        held(given(), "given", seeder=Seeder())
    with pytest.raises(ConfigError, match="no scalar reward model"):
        held(list(SEEDS), "scalar", seeder=ScriptedEngine(lambda request: "x"))
