import asyncio
import pickle
import threading

import pytest
from msgspec.structs import replace

from judge.background import at_home
from judge.engines.scripted import ScriptedEngine
from judge.errors import (
    ConfigError,
    EngineUnavailable,
    RecipeError,
    RubricError,
    StoreError,
    TemplateError,
)
from judge.reward_model import RewardModel
from judge.store import FileStore, MemoryStore
from judge.types import Comparison, Failure, Group, JudgeProfile


def groups(count, size=2):
    return [
        Group.of(f"Prompt {k}.", [f"{k} {r}" for r in range(size)], id=str(k)) for k in range(count)
    ]


def values(results):
    return [result.values for result in results]


async def settle():
    """Let the judging loop come to where it has to wait."""
    for _ in range(20):
        await at_home(asyncio.sleep(0))


class Gate:
    """Holds an engine's calls up, on whatever loop they run, until it is opened."""

    def __init__(self):
        self.opened = threading.Event()
        self.reached = threading.Event()

    async def __call__(self):
        self.reached.set()
        while not self.opened.is_set():
            await asyncio.sleep(0.001)


# --- building --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"rubric": "no/such-rubric"}, RubricError, "no/such-rubric"),
        ({"rubric": {"id": "x"}}, ConfigError, "dict is not a rubric"),
        ({"recipe": "pairwise"}, RecipeError, "pairwise"),
        ({"engine": "vlllm:x"}, ConfigError, "vllm"),
        ({"engine": {"generator": "embedded"}}, ConfigError, "generator"),
        ({"engine": {}}, ConfigError, "judge"),
        ({"concurrency": 0}, ConfigError, "concurrency"),
        ({"timeout_s": 0.0}, ConfigError, "timeout_s"),
        ({"profile": JudgeProfile(1.0, 0.0, 0.0)}, ConfigError, "noise_var"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_built(options, error, said):
    with pytest.raises(error, match=said):
        RewardModel.build(**{"rubric": "general/helpfulness", **options})


def test_a_rubric_that_the_recipe_cannot_serve(make_rubric, make_recipe):
    with pytest.raises(RecipeError, match="'steps'"):
        RewardModel.build(make_rubric({"id": "steps", "kind": "step"}))
    tiered = make_rubric({"id": "a", "tier": "core"})
    with pytest.raises(RecipeError, match="'core'"):
        RewardModel.build(tiered, recipe=make_recipe(criteria={"tiers": {"critical": 1.0}}))


def test_names_files_and_objects_are_all_accepted(coded_engine, make_recipe, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("schema: rubric/v1\nid: mine\ncriteria: [{id: a, question: Good?}]\n")
    for rubric in ("general/helpfulness", path, str(path)):
        for recipe in ("pointwise", make_recipe()):
            for engine in (coded_engine(), {"judge": coded_engine()}):
                with RewardModel.build(rubric, recipe=recipe, engine=engine) as model:
                    assert None not in model.score(groups(1))[0].values


def test_nothing_is_loaded_before_it_is_used(coded_engine, build):
    engine = coded_engine()
    model = build(engine)
    assert engine.starts == 0
    model.score([])
    assert engine.starts == 1


# --- starting --------------------------------------------------------------------------------


class Broken(ScriptedEngine):
    """Fails to start until it is mended."""

    def __init__(self, pause=settle):
        super().__init__(lambda request: "{}")
        self.tried = self.closed = 0
        self.mended = False
        self.pause = pause

    async def start(self):
        self.tried += 1
        await self.pause()
        if not self.mended:
            raise EngineUnavailable("no model here")

    async def aclose(self):
        self.closed += 1


async def test_an_engine_that_does_not_start_is_an_error_and_may_be_tried_again(build, tmp_path):
    engine = Broken()
    model = build(engine, store=tmp_path / "s.jsonl")
    for call in (model.start(), model.score_group(groups(1)[0]), model.score_groups(groups(2))):
        with pytest.raises(EngineUnavailable, match="no model here"):
            await call
    with pytest.raises(EngineUnavailable):
        model.score(groups(1))
    assert engine.tried == engine.closed == 4
    engine.mended = True
    assert (await model.score_group(groups(1)[0])).failures[0].kind == "malformed"


async def test_a_failed_start_is_told_to_all_who_wait(build):
    gate = Gate()
    engine = Broken(gate)
    model = build(engine)
    waiting = [asyncio.create_task(model.start()) for _ in range(3)]
    await settle()
    gate.opened.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [EngineUnavailable] * 3
    assert engine.tried == 1


def test_a_broken_template_is_an_error_when_it_is_used_first(build, coded_engine, tmp_path):
    (tmp_path / "pointwise.jinja").write_text("{% block system %}{{ nothing }}{% endblock %}")
    model = build(coded_engine(), prompts=tmp_path)
    with pytest.raises(TemplateError, match="no block user"):
        model.score(groups(1))


def test_a_store_that_cannot_be_used_is_an_error(build, coded_engine, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        build(coded_engine(), store=tmp_path / "file" / "s.db").score(groups(1))


async def test_giving_up_waiting_for_the_start_leaves_the_others_their_engine(build, coded_engine):
    gate = Gate()

    class Slow(coded_engine):
        async def start(self):
            await super().start()
            await gate()

    engine = Slow()
    model = build(engine)
    impatient = asyncio.create_task(model.score_group(groups(1)[0]))
    patient = asyncio.create_task(model.score_group(groups(1)[0]))
    await asyncio.to_thread(gate.reached.wait)
    await settle()
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    gate.opened.set()
    assert None not in (await patient).values
    assert engine.starts == 1


# --- scoring ---------------------------------------------------------------------------------


def test_results_come_in_the_order_of_the_groups(build, coded_engine):
    results = build(coded_engine()).score(iter(groups(20)))
    assert [result.group_id for result in results] == [str(k) for k in range(20)]


async def test_every_way_of_asking_gives_the_same(build, coded_engine):
    asked = groups(3)
    sync = build(coded_engine()).score(asked)
    many = await build(coded_engine()).score_groups(asked)
    one_by_one = [await build(coded_engine()).score_group(group) for group in asked]
    assert values(sync) == values(many) == values(one_by_one)


async def test_the_sync_call_works_inside_a_running_loop(build, coded_engine):
    model = build(coded_engine())
    assert values(model.score(groups(2))) == values(await model.score_groups(groups(2)))


async def test_a_rubrics_own_function_may_not_wait_for_itself(coded_engine):
    async def find(group):
        return model.score([group])

    with RewardModel.build(find, engine=coded_engine()) as model:
        result = await model.score_group(groups(1)[0])
    assert "await the async form" in result.failures[0].message


def test_many_threads_and_loops_may_ask_at_once(build, coded_engine):
    engine = coded_engine(pause=lambda: asyncio.sleep(0.001))
    model = build(engine, concurrency=7)
    expected = values(build(coded_engine()).score(groups(24)))
    found = {}

    def by_thread(k):
        found[k] = model.score(groups(24)[k : k + 4])

    def by_loop(k):
        found[k] = asyncio.run(model.score_groups(groups(24)[k : k + 4]))

    threads = [
        threading.Thread(target=by_loop if k % 8 else by_thread, args=(k,)) for k in range(0, 24, 4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [v for k in range(0, 24, 4) for v in values(found[k])] == expected
    assert engine.starts == 1
    assert len(engine.requests) == 48


@pytest.mark.parametrize("limit", [1, 5, 1000])
def test_no_more_calls_are_in_flight_than_allowed(build, coded_engine, limit):
    engine = coded_engine(pause=lambda: asyncio.sleep(0.001))
    model = build(engine, recipe="pairwise-win-rate", concurrency=limit)
    results = model.score(groups(4, size=4))
    assert None not in [value for result in results for value in result.values]
    assert engine.most_in_flight <= limit
    assert len(engine.requests) == 4 * 12
    assert limit < 1000 or engine.most_in_flight == 48


def test_the_deadline_goes_with_every_request(build, coded_engine):
    engine = coded_engine()
    build(engine, timeout_s=7.5).score(groups(1))
    assert {request.timeout_s for request in engine.requests} == {7.5}


def test_cancelling_one_caller_harms_no_other(build, coded_engine):
    gate = Gate()
    engine = coded_engine(pause=gate)
    model = build(engine, concurrency=2)

    async def scene():
        same = groups(1)[0]
        first = asyncio.create_task(model.score_group(same))
        await asyncio.to_thread(gate.reached.wait)
        # One waits for the call of the first, one for a place.
        others = [asyncio.create_task(model.score_group(g)) for g in (same, groups(2)[1])]
        await settle()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        gate.opened.set()
        return await asyncio.gather(*others)

    results = asyncio.run(scene())
    assert values(results) == values(build(coded_engine()).score(groups(2)))
    assert not any(result.failures for result in results)


async def test_cancelling_many_groups_leaves_the_model_as_it_was(build, coded_engine):
    gate = Gate()
    engine = coded_engine(pause=gate)
    model = build(engine, concurrency=3)
    task = asyncio.create_task(model.score_groups(groups(8)))
    await asyncio.to_thread(gate.reached.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.opened.set()
    assert None not in [v for r in await model.score_groups(groups(8)) for v in r.values]
    assert engine.in_flight == 0


# --- engines that die, texts that are too long -----------------------------------------------


GONE = Failure("engine", "unavailable", "it is gone", True)


@pytest.mark.parametrize("how", ["raises", "fails"])
def test_an_engine_that_dies_loses_nothing_that_was_judged(build, coded_engine, how):
    left = 10

    class Dying(coded_engine):
        async def generate(self, requests):
            nonlocal left
            left -= len(requests)
            if left < 0:
                if how == "raises":
                    raise ConnectionError("it is gone")
                return [replace(GONE, call=request.id) for request in requests]
            return await super().generate(requests)

    results = build(Dying(), concurrency=2).score(groups(8))
    whole = build(coded_engine()).score(groups(8))
    assert values(results)[:5] == values(whole)[:5]
    for result in results[5:]:
        assert result.values == [None, None]
        assert {failure.kind for failure in result.failures} == {"unavailable"}
        assert all(failure.retryable for failure in result.failures)


def test_a_megabyte_of_text_is_an_overflow_of_its_own(build, coded_engine):
    engine = coded_engine(context_tokens=20_000)
    group = Group.of("p", ["a", "x" * 1_000_000, "b"])
    for recipe, good in (("pointwise", [0, 2]), ("pairwise-win-rate", [0, 2])):
        ill, well = build(engine, recipe=recipe).score([group, *groups(1)])
        assert [k for k, value in enumerate(ill.values) if value is not None] == good
        assert ill.rewards[1].reason.kind == "overflow"
        assert not ill.rewards[1].reason.retryable
        assert None not in well.values


def test_a_megabyte_of_text_can_be_judged_cut(build, coded_engine, make_recipe):
    engine = coded_engine(context_tokens=20_000)
    recipe = make_recipe(judge={"overflow": "cut_middle"})
    (result,) = build(engine, recipe=recipe).score([Group.of("p", ["a", "x" * 1_000_000])])
    assert None not in result.values
    assert [verdict.cut for verdict in result.verdicts] == [0, 1_000_000 - 4000]


# --- stores ----------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["pointwise", "pairwise-win-rate"])
def test_what_is_stored_is_not_paid_for_again(build, coded_engine, tmp_path, recipe):
    path = tmp_path / "deep" / "s.jsonl"
    first = build(coded_engine(), recipe=recipe, store=path)
    before = first.score(groups(3))
    first.close()
    engine = coded_engine(broken=lambda request: "nonsense")
    after = build(engine, recipe=recipe, store=path).score(groups(3))
    assert engine.requests == []
    for old, new in zip(before, after, strict=True):
        assert new.rewards == old.rewards
        assert new.verdicts == old.verdicts
        assert (new.usage.calls, new.metrics["stored"]) == (0, old.metrics["calls"])


def test_only_what_a_torn_line_lost_is_asked_again(build, coded_engine, tmp_path):
    path = tmp_path / "s.jsonl"
    first = build(coded_engine(), store=path)
    before = first.score(groups(3))
    first.close()
    path.write_bytes(path.read_bytes()[:-30])
    engine = coded_engine()
    again = build(engine, store=path)
    assert values(again.score(groups(3))) == values(before)
    assert len(engine.requests) == 1
    again.close()
    third = coded_engine()
    build(third, store=path).score(groups(3))
    assert third.requests == []


def test_equal_texts_of_different_groups_are_judged_once(build, coded_engine):
    engine = coded_engine()
    same = [Group.of("p", ["a", "b"], id=str(k)) for k in range(5)]
    results = build(engine).score(same)
    assert len(engine.requests) == 2
    assert len({tuple(result.values) for result in results}) == 1
    assert [result.metrics["stored"] for result in results] == [0.0, 2.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    "change", [{"prompt": "q"}, {"reference": "R"}, {"context": "C"}, {"responses": ["c"]}]
)
def test_different_texts_are_not(build, coded_engine, change):
    engine = coded_engine()
    base = {"prompt": "p", "responses": ["a"]}
    build(engine).score([Group.of(**base, id="1"), Group.of(**{**base, **change}, id="2")])
    assert len(engine.requests) == 2


def test_another_recipe_rubric_or_engine_does_not_meet_the_same_verdicts(
    build, coded_engine, make_recipe, make_rubric
):
    store = MemoryStore()
    made = [
        (coded_engine(), {}),
        (coded_engine(), {"recipe": make_recipe(guards={"min_label_mass": 0.95})}),
        (coded_engine(), {"recipe": make_recipe(judge={"reasoning": "brief"})}),
        (coded_engine(), {"rubric": make_rubric("other")}),
        (coded_engine(name="another"), {}),
    ]
    for engine, options in made:
        build(engine, store=store, **options).score(groups(1))
        assert len(engine.requests) == 2
    engine = coded_engine()
    build(engine, store=store, recipe=make_recipe(guards={"min_coverage": 0.1})).score(groups(1))
    assert engine.requests == []


def test_a_limit_on_the_mass_holds_for_stored_verdicts_too(build, coded_engine, make_recipe):
    store = MemoryStore()
    assert None not in build(coded_engine(), store=store).score(groups(1))[0].values
    strict = make_recipe(guards={"min_label_mass": 0.95})
    assert build(coded_engine(), store=store, recipe=strict).score(groups(1))[0].values == [
        None,
        None,
    ]


def test_a_store_that_fails_fails_its_groups_and_no_more(build, coded_engine):
    class Full(MemoryStore):
        def put(self, key, verdict):
            if len(self._verdicts) >= 4:
                raise StoreError("the disk is full")
            super().put(key, verdict)

    results = build(coded_engine(), store=Full()).score(groups(3))
    assert None not in values(results)[0] + values(results)[1]
    assert results[2].values == [None, None]
    failure = results[2].failures[-1]
    assert (failure.kind, failure.retryable) == ("unavailable", True)
    assert "the disk is full" in failure.message


# --- life ------------------------------------------------------------------------------------


async def test_closing_frees_the_engine_and_it_can_be_used_again(build, coded_engine, tmp_path):
    engine = coded_engine()
    async with build(engine, store=tmp_path / "s.jsonl") as model:
        before = await model.score_groups(groups(2))
        assert engine.closes == 0
    assert engine.closes == 1
    await model.aclose()
    assert engine.closes == 1
    assert values(await model.score_groups(groups(2))) == values(before)
    assert engine.starts == 2
    assert len(engine.requests) == 4  # the second time from the store


def test_a_store_stays_its_owners(build, coded_engine, tmp_path):
    store = FileStore(tmp_path / "s.jsonl")
    model = build(coded_engine(), store=store)
    model.score(groups(1))
    model.close()
    other = build(coded_engine(), store=store)
    assert not other.score(groups(2))[1].failures
    store.close()


def test_closing_a_model_that_was_never_used(build, coded_engine):
    engine = coded_engine()
    build(engine).close()
    assert engine.closes == 0


async def test_closing_while_it_starts_leaves_nothing_running(build, coded_engine):
    gate = Gate()

    class Slow(coded_engine):
        async def start(self):
            await super().start()
            await gate()

    engine = Slow()
    model = build(engine)
    starting = asyncio.create_task(model.start())
    await asyncio.to_thread(gate.reached.wait)
    closing = asyncio.create_task(model.aclose())
    await settle()
    gate.opened.set()
    await closing
    await starting
    assert (engine.starts, engine.closes) == (1, 1)


def respond(request):
    """A module's own function, so that the engine can be pickled."""
    return '{"critique": "fine", "good": 2}'


@pytest.mark.parametrize("used", [False, True])
def test_a_model_can_be_pickled(build, used, tmp_path):
    model = build(ScriptedEngine(respond), store=tmp_path / "s.jsonl", seed=3)
    if used:
        assert values(model.score(groups(1))) == [[1.0, 1.0]]
    again = pickle.loads(pickle.dumps(model))
    with again:
        (result,) = again.score(groups(1))
    assert result.values == [1.0, 1.0]
    assert result.record["seed"] == "3"
    assert (result.usage.calls == 0) is used


# --- the state of a constrained transform ------------------------------------------------------


async def test_multipliers_move_only_when_told(build, coded_engine, make_recipe, make_rubric):
    steps = [{"constrained": {"thresholds": {"good": 0.1}, "lr": 5.0}}]
    recipe = make_recipe(transforms=steps)
    rubric = make_rubric("good", "other")
    model = build(coded_engine(), rubric, recipe=recipe)
    group = Group.of("Say it.", ["one", "two", "three"], id="g")
    first = await model.score_group(group)
    assert (await model.score_group(group)).values == first.values
    state = await model.advance([first])
    assert state.parameters[0] < 0.0  # the mean is past the threshold
    later = await model.score_group(group)
    assert later.values != first.values
    resumed = build(coded_engine(), rubric, recipe=recipe)
    resumed.multipliers = state
    assert (await resumed.score_group(group)).values == later.values
    with pytest.raises(ConfigError, match="constrained"):
        await build(coded_engine()).advance([first])


# --- comparing -------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [(0, 0), (0, 2), (-1, 0)])
async def test_a_pair_that_is_none(build, coded_engine, pair):
    model = build(coded_engine(), recipe="pairwise-win-rate")
    with pytest.raises(ConfigError, match="not a pair of 2 responses"):
        await model.compare(groups(1)[0], [(0, 1), pair])


async def test_a_pointwise_recipe_compares_nothing(build, coded_engine):
    with pytest.raises(ConfigError, match="judges responses alone"):
        await build(coded_engine()).compare(groups(1)[0], [(0, 1)])


async def test_comparing_is_what_scoring_does(build, coded_engine):
    engine = coded_engine()
    model = build(engine, recipe="pairwise-win-rate")
    group = groups(1, size=3)[0]
    result = await model.score_group(group)
    pairs = [(c.first, c.second) for c in result.ranking.comparisons]
    told = await model.compare(group, pairs)
    assert all(isinstance(item, Comparison) for item in told)
    assert tuple(told) == result.ranking.comparisons
    assert len(engine.requests) == 6
    assert await model.compare(group, []) == []


async def test_comparing_without_an_input_that_the_rubric_requires(
    build, coded_engine, make_rubric
):
    rubric = make_rubric("a", inputs={"required": ["reference"]})
    model = build(coded_engine(), rubric, recipe="pairwise-win-rate")
    one, two = await model.compare(groups(1)[0], [(0, 1), (1, 0)])
    assert one == two
    assert one.kind == "missing_input"
    group = replace(groups(1)[0], reference="R")
    assert isinstance((await model.compare(group, [(0, 1)]))[0], Comparison)


async def test_engines_that_can_sleep_do_so_between_phases(coded_engine, build) -> None:
    phases = []

    class Sleeping(coded_engine):
        asleep = 0

        async def sleep(self, level=1, *, drain_s=60.0):
            phases.append(level)

        async def wake(self):
            phases.append("wake")

    model = build(Sleeping())
    await model.sleep()  # nothing is loaded yet
    assert phases == []
    await model.start()
    await model.sleep(2)
    await model.wake()
    assert phases == [2, "wake"]
    plain = build(coded_engine())
    await plain.start()
    await plain.sleep()
    await plain.wake()
