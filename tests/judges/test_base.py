import asyncio
import random

import pytest
from msgspec.structs import replace

from judge.decoding import OutputSpec, Slot
from judge.engines.scripted import ScriptedEngine
from judge.errors import (
    ConfigError,
    ContextOverflow,
    EngineTimeout,
    RubricError,
    StoreError,
    TemplateError,
    VerdictError,
)
from judge.judges.base import SEED_STRIDE, Asker, Call, Limiter, Tally, guarded
from judge.store import MemoryStore
from judge.types import (
    Constraint,
    Failure,
    Generation,
    GenerationRequest,
    Message,
    Sampling,
    Scalar,
    Usage,
)

SPEC = OutputSpec((Slot("", ("1", "2", "3")),))
CODES = Constraint(choice=("1", "2", "3"))


def made(answer, generation, call):
    return Scalar(call.cut, float(answer.readings[0].index), call.key)


def call(key, text=None, **fields):
    turn = Message("user", text or key)
    return Call(key, (turn,), SPEC, fields.pop("make", made), Sampling(seed=7), CODES, **fields)


class Engine(ScriptedEngine):
    """Keeps its batches; answers each request with what `respond` says; can be held up."""

    def __init__(self, respond=lambda request: "2"):
        super().__init__(respond, think=lambda request: "at some length")
        self.batches: list[list[GenerationRequest]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.in_flight = self.most = 0

    async def generate(self, requests):
        self.batches.append(list(requests))
        self.in_flight += len(requests)
        self.most = max(self.most, self.in_flight)
        try:
            await self.open.wait()
            return await super().generate(requests)
        finally:
            self.in_flight -= len(requests)

    @property
    def asked(self):
        return [request.id for batch in self.batches for request in batch]


def asker(engine, store=None, *, limit=100, attempts=2, timeout_s=9.0):
    store = store if store is not None else MemoryStore()
    return Asker(engine, store, Limiter(limit), attempts=attempts, timeout_s=timeout_s)


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


# --- asking ----------------------------------------------------------------------------------


async def test_every_call_is_answered_in_order():
    engine, tally = Engine(lambda request: request.messages[0].content), Tally()
    results = await asker(engine).ask([call("a", "3"), call("b", "1"), call("c", "2")], tally)
    assert results == [Scalar(0, 2.0, "a"), Scalar(0, 0.0, "b"), Scalar(0, 1.0, "c")]
    assert len(engine.batches) == 1
    assert tally.usage.calls == 3
    assert (tally.failures, tally.stored) == ([], 0)
    assert await asker(engine).ask([], tally) == []


async def test_a_request_says_all_the_engine_must_know():
    engine = Engine()
    await asker(engine).ask([call("a")], Tally())
    (request,) = engine.batches[0]
    assert request == GenerationRequest(
        "a",
        (Message("user", "a"),),
        None,
        Sampling(seed=7),
        CODES,
        labels=("1", "2", "3"),
        read_after=(("", ("1", "2", "3")),),
        timeout_s=9.0,
    )


async def test_usage_is_that_of_every_try():
    usages = iter([Usage(1, 10, 1), Usage(1, 20, 2)])

    def respond(request):
        return Generation(request.id, "x" if len(engine.asked) == 1 else "2", usage=next(usages))

    engine, tally = Engine(respond), Tally()
    await asker(engine).ask([call("a")], tally)
    assert (tally.usage.calls, tally.usage.prompt_tokens, tally.usage.completion_tokens) == (
        2,
        30,
        3,
    )
    assert tally.usage.seconds > 0.0


async def test_equal_calls_are_asked_once():
    engine = Engine()
    results = await asker(engine).ask([call("a"), call("b"), call("a")], Tally())
    assert engine.asked == ["a", "b"]
    assert [result.call for result in results] == ["a", "b", "a"]


async def test_what_the_store_has_is_not_asked():
    engine, store, tally = Engine(), MemoryStore(), Tally()
    store.put("a", Scalar(0, 9.0, "a"))
    results = await asker(engine, store).ask([call("a"), call("b"), call("a")], tally)
    assert [result.value for result in results] == [9.0, 1.0, 9.0]
    assert engine.asked == ["b"]
    assert tally.stored == 1
    assert store.get("b") == results[1]


async def test_a_failure_is_not_stored():
    engine, store = Engine(lambda request: "x"), MemoryStore()
    one = asker(engine, store, attempts=1)
    for _ in range(2):
        (result,) = await one.ask([call("a")], Tally())
        assert isinstance(result, Failure)
    assert engine.asked == ["a", "a"]


async def test_equal_calls_in_flight_are_asked_once():
    engine = Engine()
    engine.open.clear()
    one, tallies = asker(engine), [Tally() for _ in range(3)]
    tasks = [asyncio.create_task(one.ask([call("a"), call(str(k))], tallies[k])) for k in range(3)]
    await settle()
    engine.open.set()
    results = await asyncio.gather(*tasks)
    assert sorted(engine.asked) == ["0", "1", "2", "a"]
    assert [[verdict.call for verdict in result] for result in results] == [
        ["a", "0"],
        ["a", "1"],
        ["a", "2"],
    ]
    assert [tally.usage.calls for tally in tallies] == [2, 1, 1]
    assert [tally.stored for tally in tallies] == [0, 1, 1]


async def test_who_waits_for_anothers_call_asks_itself_if_that_fails():
    engine = Engine(lambda request: "x" if len(engine.batches) == 1 else "2")
    engine.open.clear()
    one, tallies = asker(engine, attempts=1), [Tally(), Tally()]
    tasks = [asyncio.create_task(one.ask([call("a")], tally)) for tally in tallies]
    await settle()
    engine.open.set()
    (first,), (second,) = await asyncio.gather(*tasks)
    assert isinstance(first, Failure)
    assert second == Scalar(0, 1.0, "a")
    assert [len(tally.failures) for tally in tallies] == [1, 0]


async def test_who_waits_for_anothers_call_asks_itself_if_that_is_cancelled():
    engine = Engine()
    engine.open.clear()
    one = asker(engine, limit=1)
    tasks = [asyncio.create_task(one.ask([call("a")], Tally())) for _ in range(3)]
    await settle()
    tasks[0].cancel()
    await settle()
    engine.open.set()
    assert await tasks[1] == await tasks[2] == [Scalar(0, 1.0, "a")]
    assert engine.asked == ["a", "a"]
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]


# --- retries ---------------------------------------------------------------------------------


def failing(times, failure):
    """Answers right, but each call whose key starts with x fails that often first."""
    left = {}

    def respond(request):
        if request.id.startswith("x"):
            left[request.id] = left.get(request.id, times) - 1
            if left[request.id] >= 0:
                return failure
        return "2"

    return respond


async def test_only_what_failed_is_asked_again_with_another_seed():
    engine, tally = Engine(failing(2, Failure("engine", "timeout", "late", True))), Tally()
    calls = [call("a"), call("x1"), call("b"), call("x2")]
    results = await asker(engine, attempts=3).ask(calls, tally)
    assert [[r.id for r in batch] for batch in engine.batches] == [
        ["a", "x1", "b", "x2"],
        ["x1", "x2"],
        ["x1", "x2"],
    ]
    seeds = [batch[-1].sampling.seed for batch in engine.batches]
    assert seeds == [7, 7 + SEED_STRIDE, 7 + 2 * SEED_STRIDE]
    assert all(isinstance(result, Scalar) for result in results)
    assert tally.failures == []


@pytest.mark.parametrize("attempts", [1, 2, 4])
async def test_a_failure_says_how_often_it_was_tried_and_which_call_it_was(attempts):
    engine, tally = Engine(failing(9, Failure("engine", "timeout", "late", True))), Tally()
    results = await asker(engine, attempts=attempts).ask([call("a"), call("x")], tally)
    assert results[1] == Failure("engine", "timeout", "late", True, attempts, "x")
    assert tally.failures == [results[1]]
    assert engine.asked.count("x") == attempts


async def test_what_trying_again_cannot_cure_is_not_tried_again():
    engine, tally = Engine(failing(9, Failure("engine", "refused", "no"))), Tally()
    results = await asker(engine, attempts=5).ask([call("x"), call("a")], tally)
    assert (results[0].kind, results[0].attempts) == ("refused", 1)
    assert engine.asked == ["x", "a"]


async def test_a_text_that_is_no_verdict_is_a_failure_to_read():
    engine, tally = Engine(failing(9, "nonsense")), Tally()
    results = await asker(engine, attempts=2).ask([call("x"), call("a")], tally)
    assert (results[0].stage, results[0].kind, results[0].attempts) == ("read", "malformed", 2)
    assert results[1] == Scalar(0, 1.0, "a")


async def test_a_cut_answer_is_told_apart():
    engine = Engine(lambda request: Generation(request.id, "so", finish="length"))
    (result,) = await asker(engine).ask([call("a")], Tally())
    assert (result.stage, result.kind) == ("read", "cut")


@pytest.mark.parametrize(("kind", "tries"), [("low_mass", 1), ("void_evidence", 3)])
async def test_a_mass_too_low_is_not_asked_for_again(kind, tries):
    def refuse(answer, generation, call):
        raise VerdictError("no", kind=kind)

    engine = Engine()
    (result,) = await asker(engine, attempts=3).ask([call("a", make=refuse)], Tally())
    assert (result.kind, result.attempts, len(engine.asked)) == (kind, tries, tries)


@pytest.mark.parametrize(("temperature", "tries"), [(0.0, 1), (0.7, 3)])
async def test_a_cut_thinking_is_thought_again_only_where_it_may_come_out_otherwise(
    temperature, tries
):
    engine = Engine()
    sampling = Sampling(temperature, think_tokens=6, seed=7)
    asked = replace(call("a"), if_cut="fail", sampling=sampling)
    (result,) = await asker(engine, attempts=3).ask([asked], Tally())
    assert (result.stage, result.kind, result.attempts) == ("read", "thinking_cut", tries)
    assert "6 tokens" in result.message
    seeds = [request.sampling.seed for batch in engine.batches for request in batch]
    assert len(set(seeds)) == tries
    for fine in (
        replace(asked, if_cut="verdict", attempt=0),
        replace(asked, sampling=replace(sampling, think_tokens=99), attempt=0),
    ):
        assert await asker(engine).ask([fine], Tally()) == [Scalar(0, 1.0, "a")]


# --- engines that misbehave ------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        lambda requests: [],
        lambda requests: ["2"] * (len(requests) + 1),
        lambda requests: None,
        lambda requests: 1 / 0,
    ],
)
async def test_an_engine_that_answers_nonsense_fails_the_whole_batch(answers):
    engine, tally = Engine(), Tally()

    async def generate(requests):
        engine.batches.append(list(requests))
        return answers(requests)

    engine.generate = generate
    results = await asker(engine, attempts=2).ask([call("a"), call("b")], tally)
    assert [(r.stage, r.kind, r.retryable, r.attempts, r.call) for r in results] == [
        ("engine", "unavailable", True, 2, "a"),
        ("engine", "unavailable", True, 2, "b"),
    ]
    assert tally.usage.calls == 4


@pytest.mark.parametrize("item", [None, 7, "2", Generation("x", None)])
async def test_an_item_that_is_no_answer_fails_alone(item):
    engine = Engine()

    async def generate(requests):
        good = [Generation(request.id, "2") for request in requests]
        return [item if g.id == "x" else g for g in good]

    engine.generate = generate
    results = await asker(engine).ask([call("a"), call("x"), call("b")], Tally())
    assert [result.value for result in results[::2]] == [1.0, 1.0]
    assert isinstance(results[1], Failure)
    assert (results[1].stage, results[1].kind) == ("read", "malformed")


@pytest.mark.parametrize(
    ("error", "kind", "tries"),
    [(EngineTimeout("x"), "timeout", 2), (ContextOverflow("x"), "overflow", 1)],
)
async def test_an_engines_own_error_keeps_its_kind(error, kind, tries):
    def respond(request):
        raise error

    engine = Engine(respond)
    (result,) = await asker(engine).ask([call("a")], Tally())
    assert (result.stage, result.kind, result.attempts) == ("engine", kind, tries)


# --- texts that are too long -----------------------------------------------------------------


def shorter(*texts):
    return iter([((Message("user", text),), 10 - len(text)) for text in texts])


async def test_a_text_that_is_too_long_is_shortened_until_it_fits():
    def respond(request):
        if len(request.messages[0].content) > 3:
            return Failure("engine", "overflow", "long")
        return "2"

    engine, tally = Engine(respond), Tally()
    calls = [call("a"), call("x", "1234567890", shorter=shorter("1234567", "12345", "123", "1"))]
    results = await asker(engine, attempts=1).ask(calls, tally)
    assert results == [Scalar(0, 1.0, "a"), Scalar(7, 1.0, "x")]
    assert engine.asked == ["a", "x", "x", "x", "x"]
    assert engine.batches[-1][0].sampling.seed == 7
    assert tally.failures == []


async def test_where_nothing_shorter_is_left_it_is_an_overflow():
    engine = Engine(failing(9, Failure("engine", "overflow", "long")))
    calls = [call("x", shorter=shorter("12", "1")), call("x2")]
    results = await asker(engine, attempts=3).ask(calls, Tally())
    assert [(r.kind, r.attempts) for r in results] == [("overflow", 1), ("overflow", 1)]
    assert engine.asked == ["x", "x2", "x", "x"]


async def test_being_too_long_costs_no_try():
    answers = iter([Failure("engine", "overflow", "long"), "nonsense", "nonsense", "2"])
    engine = Engine(lambda request: next(answers))
    (result,) = await asker(engine, attempts=3).ask([call("x", shorter=shorter("1"))], Tally())
    assert result == Scalar(9, 1.0, "x")


async def test_anothers_retry_costs_no_try_either():
    answers = {
        "x": iter([Failure("engine", "timeout", "late", True), "2"]),
        "y": iter([Failure("engine", "overflow", "long"), "nonsense", "2"]),
    }
    engine = Engine(lambda request: next(answers[request.id]))
    calls = [call("x"), call("y", shorter=shorter("1"))]
    results = await asker(engine, attempts=2).ask(calls, Tally())
    assert results == [Scalar(0, 1.0, "x"), Scalar(9, 1.0, "y")]


# --- the limit -------------------------------------------------------------------------------


async def test_no_more_calls_are_in_flight_than_allowed():
    engine = Engine()
    engine.open.clear()
    one = asker(engine, limit=5)
    tasks = [
        asyncio.create_task(one.ask([call(f"{t}.{k}") for k in range(4)], Tally()))
        for t in range(4)
    ]
    tasks.append(asyncio.create_task(one.ask([call(f"big{k}") for k in range(12)], Tally())))
    await settle()
    assert engine.in_flight == 4
    engine.open.set()
    results = await asyncio.gather(*tasks)
    assert engine.most <= 5
    assert [len(result) for result in results] == [4, 4, 4, 4, 12]
    assert len(engine.asked) == 28


async def test_who_asks_first_is_served_first_however_much_it_asks():
    limiter, served = Limiter(3), []

    async def take(name, count):
        await limiter.acquire(count)
        served.append(name)

    await take("a", 2)
    tasks = [asyncio.create_task(take(*args)) for args in (("big", 3), ("small", 1))]
    await settle()
    assert served == ["a"]
    limiter.release(2)
    await settle()
    assert served == ["a", "big"]
    limiter.release(3)
    await asyncio.gather(*tasks)
    assert served == ["a", "big", "small"]
    assert limiter.limit == 3


async def test_who_gives_up_waiting_holds_nobody_up():
    limiter = Limiter(2)
    await limiter.acquire(2)
    big = asyncio.create_task(limiter.acquire(2))
    small = asyncio.create_task(limiter.acquire(1))
    await settle()
    limiter.release(1)
    big.cancel()
    await settle()
    assert small.done()
    limiter.release(2)
    await asyncio.wait_for(limiter.acquire(2), 5)


async def test_giving_up_at_the_very_moment_of_being_served_gives_the_places_back():
    limiter = Limiter(2)
    await limiter.acquire(2)
    waiting = asyncio.create_task(limiter.acquire(2))
    await settle()
    limiter.release(2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(limiter.acquire(2), 5)


async def test_places_freed_while_one_is_giving_up_are_not_lost():
    limiter = Limiter(2)
    await limiter.acquire(2)
    waiting = asyncio.create_task(limiter.acquire(2))
    await settle()
    waiting.cancel()
    limiter.release(2)  # finds the one that is giving up still in the queue
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(limiter.acquire(2), 5)


@pytest.mark.parametrize("seed", range(5))
async def test_no_place_is_ever_lost_or_made(seed):
    chance, limiter = random.Random(seed), Limiter(4)
    in_flight = most = 0

    async def work():
        nonlocal in_flight, most
        count = chance.randint(1, 4)
        await limiter.acquire(count)
        try:
            in_flight += count
            most = max(most, in_flight)
            for _ in range(chance.randint(0, 3)):
                await asyncio.sleep(0)
        finally:
            in_flight -= count
            limiter.release(count)

    tasks = [asyncio.create_task(work()) for _ in range(60)]
    for _ in range(40):
        await asyncio.sleep(0)
        chance.choice(tasks).cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert most <= 4
    assert in_flight == 0
    await asyncio.wait_for(limiter.acquire(4), 5)


# --- groups ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "stage", "kind", "retryable"),
    [
        (RubricError("x"), "rubric", "malformed", False),
        (ConfigError("x"), "rubric", "malformed", False),
        (TemplateError("x"), "render", "malformed", False),
        (StoreError("x"), "engine", "unavailable", True),
        (KeyError("x"), "aggregate", "malformed", False),
    ],
)
async def test_whatever_a_group_raises_becomes_a_failure(error, stage, kind, retryable):
    async def work():
        raise error

    failure = await guarded(work())
    assert (failure.stage, failure.kind, failure.retryable) == (stage, kind, retryable)
    assert "x" in failure.message


async def test_what_a_group_comes_to_is_passed_on():
    assert await guarded(asyncio.sleep(0, "all")) == "all"


async def test_cancelling_is_not_caught():
    task = asyncio.create_task(guarded(asyncio.sleep(60)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_store_that_cannot_be_written_is_not_hidden():
    class Full(MemoryStore):
        def put(self, key, verdict):
            raise StoreError("the disk is full")

    one = asker(Engine(), Full())
    with pytest.raises(StoreError):
        await one.ask([call("a")], Tally())
    with pytest.raises(StoreError):  # and leaves nothing pending
        await asyncio.wait_for(one.ask([call("a")], Tally()), 5)
