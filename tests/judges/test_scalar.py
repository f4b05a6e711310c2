import math

import pytest

from judge.engines.scripted import ScriptedEngine
from judge.errors import ConfigError
from judge.judges.base import Asker, Limiter, Tally
from judge.judges.reward_inputs import reward_messages
from judge.judges.scalar import ScalarJudge
from judge.store import MemoryStore
from judge.types import Failure, Generation, Group


class Scalars(ScriptedEngine):
    """A scalar reward model that gives every response its length; it keeps its requests."""

    def __init__(self, reward=lambda request: len(request.messages[-1].content), **options):
        self.requests = []

        def respond(request):
            self.requests.append(request)
            return reward(request)

        super().__init__(respond, scalar=True, **options)


def judge_of(engine, *, reference=False, store=None, attempts=2):
    asker = Asker(engine, store or MemoryStore(), Limiter(8), attempts=attempts, timeout_s=5.0)
    return ScalarJudge(engine, asker, reference=reference)


GROUP = Group.of("Say it.", ["one", "three", "one", ""], reference="tree", id="g")


async def test_a_number_a_response_and_one_call_for_equal_ones():
    engine, tally = Scalars(), Tally()
    found = await judge_of(engine).judge(GROUP, tally)
    assert [reward.value for reward, _ in found] == [3.0, 5.0, 3.0, 0.0]
    for index, (reward, verdict) in enumerate(found):
        assert (reward.status, reward.standard_error, reward.coverage) == ("ok", None, 1.0)
        assert (verdict.response, verdict.value) == (index, reward.value)
    assert found[0][1].call == found[2][1].call != found[1][1].call
    assert tally.usage.calls == len(engine.requests) == 3
    shown = [request.messages for request in engine.requests]
    assert shown == [reward_messages("Say it.", GROUP.responses[k]) for k in (0, 1, 3)]


async def test_a_reference_is_shown_where_the_model_takes_one():
    engine = Scalars(reference=True)
    await judge_of(engine, reference=True).judge(GROUP, Tally())
    assert engine.requests[0].messages == reward_messages("Say it.", GROUP.responses[0], "tree")


async def test_a_group_without_its_reference_is_a_failure_and_asks_nothing():
    engine, tally = Scalars(reference=True), Tally()
    found = await judge_of(engine, reference=True).judge(Group.of("Say it.", ["a", "b"]), tally)
    assert {reward.reason.kind for reward, _ in found} == {"missing_input"}
    assert [verdict for _, verdict in found] == [None, None]
    assert (len(tally.failures), engine.requests) == (1, [])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
async def test_what_is_no_finite_number_is_a_failure_after_its_attempts(value):
    def reward(request):
        bad = request.messages[-1].content == "three"
        return Generation(request.id, "", scalar=value) if bad else 1.0

    engine, tally = Scalars(reward), Tally()
    found = await judge_of(engine, attempts=3).judge(GROUP, tally)
    assert [reward.value for reward, _ in found] == [1.0, None, 1.0, 1.0]
    assert (found[1][0].reason.kind, found[1][0].reason.attempts) == ("malformed", 3)
    assert tally.usage.calls == 3 - 1 + 3


async def test_an_engines_failure_is_its_responses_alone():
    def reward(request):
        bad = request.messages[-1].content == "three"
        return Failure("engine", "overflow", "too long", call=request.id) if bad else 2.5

    found = await judge_of(Scalars(reward)).judge(GROUP, Tally())
    assert [reward.value for reward, _ in found] == [2.5, None, 2.5, 2.5]
    assert found[1][0].reason.kind == "overflow"


async def test_what_has_been_judged_is_not_asked_again_and_nothing_else_is_taken_for_it():
    store, engine = MemoryStore(), Scalars()
    first = await judge_of(engine, store=store).judge(GROUP, Tally())
    again, tally = Group.of("Say it.", ["three", "one"], reference="other"), Tally()
    second = await judge_of(engine, store=store).judge(again, tally)
    assert [reward.value for reward, _ in second] == [first[1][0].value, first[0][0].value]
    assert [verdict.response for _, verdict in second] == [0, 1]
    assert (tally.stored, len(engine.requests)) == (2, 3)
    await judge_of(engine, store=store).judge(Group.of("Say more.", ["one"]), Tally())
    other = Scalars(name="other")
    await judge_of(other, store=store).judge(GROUP, Tally())
    compared = Scalars(reference=True)
    for reference in ("one", "two", "one"):
        group = Group.of("Say it.", ["one"], reference=reference)
        await judge_of(compared, reference=True, store=store).judge(group, Tally())
    assert (len(engine.requests), len(other.requests), len(compared.requests)) == (4, 3, 2)


@pytest.mark.parametrize(
    ("engine", "reference", "said"),
    [
        (ScriptedEngine(lambda request: "x"), False, "no scalar reward model"),
        (Scalars(), True, "takes no reference"),
        (Scalars(reference=True), False, "needs a reference"),
    ],
)
def test_an_engine_that_cannot_serve_is_an_error(engine, reference, said):
    with pytest.raises(ConfigError, match=said):
        judge_of(engine, reference=reference)
