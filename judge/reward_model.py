"""`RewardModel`: the object users hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from judge.aggregate.combine import check_combined
from judge.aggregate.criteria import criterion_weights
from judge.aggregate.segments import Decode
from judge.aggregate.strength import check_profile
from judge.background import AtHome, at_home, wait_at_home
from judge.calibration import Calibration, load_calibration
from judge.config import engine_maker, open_scorer, open_store
from judge.errors import ConfigError
from judge.judges.plan import check_served
from judge.recipes import Recipe, load_recipe
from judge.recipes.roles import JUDGE
from judge.recipes.schema import WORDLESS
from judge.rubrics import Rubric, load_rubric
from judge.scoring import GroupScorer, RubricSource
from judge.scoring.calibrated import check_calibration
from judge.scoring.shape import advanced
from judge.scoring.wordless import WordlessScorer
from judge.transforms import Multipliers
from judge.types import (
    Comparison,
    Engine,
    Failure,
    Group,
    GroupResult,
    JudgeProfile,
    Sleeper,
    VerdictStore,
)


class RewardModel(AtHome):
    """Turns groups of responses into rewards. Made by `RewardModel.build`.

    The engine is loaded at first use; until then the object can be pickled (and after that too: the
    copy starts its own engine). Concurrent calls are allowed, from any thread and any event loop;
    their requests are batched together. Close it with `aclose`, `async with` or `with`.
    """

    def __init__(
        self,
        *,
        rubric: Rubric | RubricSource | None,
        recipe: Recipe,
        engines: Mapping[str, str | Engine],
        store: str | Path | VerdictStore | None,
        profile: JudgeProfile | None,
        calibration: Calibration | None,
        decode: Decode | None,
        prompts: Path | None,
        concurrency: int,
        timeout_s: float | None,
        seed: int,
    ) -> None:
        self.recipe = recipe
        self.rubric = rubric
        self._engines = engines
        self._store = store
        self._profile = profile
        self.calibration = calibration
        """What is applied to the judge's probabilities; it is fixed."""
        self._decode = decode
        self._prompts = prompts
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._seed = seed
        self.multipliers: Multipliers | None = None
        """State of the recipe's `constrained` transform; set it to go on with a run."""
        self.wrap: Callable[[str, Engine], Engine] | None = None
        """What each role's engine is put into before it starts, such as what counts its calls."""
        self._opening: asyncio.Task[GroupScorer | WordlessScorer] | None = None
        self._live: tuple[list[Engine], VerdictStore] | None = None

    @classmethod
    def build(
        cls,
        rubric: str | Path | Rubric | RubricSource | None = None,
        *,
        recipe: str | Path | Recipe = "pointwise",
        engine: str | Engine | Mapping[str, str | Engine] = "embedded",
        store: str | Path | VerdictStore | None = None,
        profile: JudgeProfile | None = None,
        calibration: str | Path | Calibration | None = None,
        decode: Decode | None = None,
        prompts: Path | None = None,
        concurrency: int = 256,
        timeout_s: float = 120.0,
        seed: int = 0,
    ) -> RewardModel:
        """Put a reward model together; nothing is loaded yet.

        Args:
            rubric: A name or a file of a rubric, a rubric, or a coroutine function that gives each
                group its own; None where every row carries one, or the recipe uses none.
            recipe: A name or a file of a recipe, or a recipe.
            engine: An engine's name (see `judge.config.engine_maker`), an engine, or engines by
                role: `judge`, and what else the recipe uses (`Recipe.roles`). Without a `generator`
                the judge writes rubrics.
            store: Where verdicts are kept: a file or a folder that other processes may share (see
                `judge.config.open_store`), or a store, which stays its owner's to close. None: in
                memory. Rubrics that are written are kept beside the file.
            profile: The judge's pooled properties, fixed for this object's life.
            calibration: Of this judge's probabilities: a file that `judge calibrate` wrote, or one
                made. It is applied where verdicts become rewards; verdicts stay as they are. A
                recipe never names one: recipes know no judge.
            decode: Ids to text, of the tokenizer that made `Response.token_ids`: with it
                `Reward.segments` end at exact tokens.
            prompts: A directory of templates to look in first.
            concurrency: Most calls in flight over all groups.
            timeout_s: Deadline of one call in seconds; for an engine in this process, the longest
                time in which nothing at all may finish.
            seed: Of every random draw; equal seeds give equal results.

        Raises:
            RubricError: The rubric is wrong or not found.
            RecipeError: The recipe is wrong, not found, or cannot serve the rubric.
            ConfigError: An engine's name or another setting is wrong.
        """
        if isinstance(rubric, str | Path):
            rubric = load_rubric(rubric)
        if not isinstance(recipe, Recipe):
            recipe = load_recipe(recipe)
        engines = engine if isinstance(engine, Mapping) else {JUDGE: engine}
        _check_roles(engines, recipe)
        if rubric is not None and recipe.judge.mode in WORDLESS:
            raise ConfigError(
                f"recipe {recipe.id} (mode {recipe.judge.mode}) judges without a rubric",
                hint="leave the rubric out, or use a recipe that asks about one, such as pointwise",
            )
        if isinstance(rubric, Rubric):
            check_served(rubric.judged, recipe)
            criterion_weights(rubric.enabled, recipe.criteria.tiers)
            check_combined(rubric.enabled, recipe.criteria)
        elif rubric is not None and not callable(rubric):
            raise ConfigError(
                f"rubric: {type(rubric).__name__} is not a rubric",
                hint="make one with judge.rubrics.parse_rubric, or give a name or a file",
            )
        check_profile(profile)
        if calibration is not None:
            calibration = load_calibration(calibration)
        check_calibration(calibration, recipe, profile)
        if concurrency < 1 or timeout_s <= 0.0:
            raise ConfigError("concurrency must be at least 1 and timeout_s above 0")
        return cls(
            rubric=rubric,
            recipe=recipe,
            engines=dict(engines),
            store=store,
            profile=profile,
            calibration=calibration,
            decode=decode,
            prompts=prompts,
            concurrency=concurrency,
            timeout_s=timeout_s,
            seed=seed,
        )

    # --- judging -----------------------------------------------------------------------------

    async def score_group(self, group: Group) -> GroupResult:
        """Judge one group. A bad item never raises: its reward is None, with the reason.

        Raises:
            EngineUnavailable, ConfigError, TemplateError: At first use, if the engine does not
                start or cannot serve the rubric.
        """
        return await at_home(self._score(group))

    async def score_groups(self, groups: Iterable[Group]) -> list[GroupResult]:
        """Judge groups concurrently; results in the order of the groups. See `score_group`."""
        return await at_home(self._score_all(list(groups)))

    def score(self, groups: Iterable[Group]) -> list[GroupResult]:
        """Judge groups and wait; works inside a running event loop too. See `score_group`."""
        return wait_at_home(self._score_all(list(groups)))

    async def compare(
        self, group: Group, pairs: Sequence[tuple[int, int]]
    ) -> list[Comparison | Failure]:
        """Judge ordered pairs (first shown, second shown) of a group, in one batch.

        Returns:
            One item a pair, same order; what could not be judged is a Failure.

        Raises:
            ConfigError: The recipe does not compare pairs, or an index is not one of the group's.
        """
        if self.recipe.judge.mode != "pairwise":
            raise ConfigError(
                f"recipe {self.recipe.id} judges responses alone",
                hint="use a pairwise recipe, such as pairwise-win-rate",
            )
        n = len(group.responses)
        for i, j in pairs:
            if i == j or not (0 <= i < n and 0 <= j < n):
                raise ConfigError(f"pairs: ({i}, {j}) is not a pair of {n} responses")
        return await at_home(self._compare(group, list(pairs)))

    async def advance(self, results: Iterable[GroupResult]) -> Multipliers:
        """Move the multipliers of the recipe's `constrained` transform by one training step.

        Until then they are fixed, so that no group of a step influences another.

        Args:
            results: The results of the step; the mean of each named criterion over all of their
                rewards is set against its threshold.

        Returns:
            The new state; plain JSON by `msgspec.to_builtins`, to keep with the run.

        Raises:
            ConfigError: The recipe has no such transform.
        """
        settings = self.recipe.constrained
        if settings is None:
            raise ConfigError(f"recipe {self.recipe.id} has no `constrained` transform to advance")
        rewards = [reward for result in results for reward in result.rewards]
        self.multipliers = advanced(settings, self.multipliers, rewards)
        if self._opening is not None:
            (await at_home(self._scorer())).multipliers = self.multipliers
        return self.multipliers

    # --- life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load the engine now instead of at first use; raises what `score_group` would."""
        await at_home(self._scorer())

    async def sleep(self, level: int = 1) -> None:
        """Free the engines' GPU memory between phases; until `wake` calls fail, to be tried again.

        Engines that cannot sleep stay as they are.

        Raises:
            ConfigError: An engine could, but was made without `sleep_mode`, or its device cannot.
        """
        await at_home(self._phase(level))

    async def wake(self) -> None:
        """Take the memory back; await it before judging goes on.

        Raises:
            EngineUnavailable: There is not enough memory; it may be tried again.
        """
        await at_home(self._phase(None))

    def flush(self) -> None:
        """Return once every verdict so far outlives a crash; waits for the disk.

        Raises:
            StoreError: The store cannot be written.
        """
        live = self._live
        if live is not None:
            live[1].flush()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opening": None, "_live": None}

    # --- on the judging loop -----------------------------------------------------------------

    async def _scorer(self) -> GroupScorer | WordlessScorer:
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        opening = self._opening
        try:
            # Whoever gives up waiting leaves the others their engine.
            return await asyncio.shield(opening)
        except BaseException:
            broken = opening.done() and (opening.cancelled() or opening.exception() is not None)
            if broken and self._opening is opening:
                self._opening = None  # a start that failed may be tried again
            raise

    async def _open(self) -> GroupScorer | WordlessScorer:
        live: dict[str, Engine] = {}
        for role, engine in self._engines.items():
            if isinstance(engine, str):
                engine = await asyncio.to_thread(engine_maker(engine))
            live[role] = engine if self.wrap is None else self.wrap(role, engine)
        store = open_store(self._store)
        self._live = (list(live.values()), store)
        try:
            scorer = await open_scorer(
                rubric=self.rubric,
                recipe=self.recipe,
                engine=live[JUDGE],
                store=store,
                profile=self._profile,
                prompts=self._prompts,
                concurrency=self._concurrency,
                timeout_s=self._timeout_s,
                seed=self._seed,
                others={role: one for role, one in live.items() if role != JUDGE},
                kept=_kept_beside(self._store),
                decode=self._decode,
                calibration=self.calibration,
            )
        except BaseException:
            await self._free()
            raise
        scorer.multipliers = self.multipliers
        return scorer

    async def _score(self, group: Group) -> GroupResult:
        return await (await self._scorer()).score(group)

    async def _score_all(self, groups: list[Group]) -> list[GroupResult]:
        scorer = await self._scorer()
        results: dict[int, GroupResult] = {}
        waiting = iter(enumerate(groups))

        async def worker() -> None:
            for at, group in waiting:
                results[at] = await scorer.score(group)

        # A group has at least one call in flight: more workers than calls allowed cannot help.
        await asyncio.gather(*(worker() for _ in range(min(len(groups), self._concurrency))))
        return [results[at] for at in range(len(groups))]

    async def _compare(
        self, group: Group, pairs: list[tuple[int, int]]
    ) -> list[Comparison | Failure]:
        scorer = await self._scorer()
        assert isinstance(scorer, GroupScorer)  # the recipe is pairwise
        return await scorer.compare(group, pairs)

    async def _phase(self, level: int | None) -> None:
        for engine in self._live[0] if self._live else ():
            if isinstance(engine, Sleeper):
                await (engine.wake() if level is None else engine.sleep(level))

    async def _close(self) -> None:
        """Free the engines and flush the store."""
        opening, self._opening = self._opening, None
        if opening is not None:
            await asyncio.wait([opening])
        await self._free()

    async def _free(self) -> None:
        live, self._live = self._live, None
        if live is None:
            return
        engines, store = live
        try:
            for engine in engines:
                await engine.aclose()
        finally:
            if store is not self._store:
                store.close()


def _check_roles(engines: Mapping[str, str | Engine], recipe: Recipe) -> None:
    """Raise ConfigError unless there is an engine for each role that the recipe needs."""
    roles = recipe.roles
    needed = {role for role, must in roles.items() if must}
    if not needed <= set(engines) <= set(roles):
        raise ConfigError(
            f"engines for the roles {sorted(engines)}",
            hint=f"recipe {recipe.id} uses {' and '.join(sorted(roles))}",
        )
    for engine in engines.values():
        if isinstance(engine, str):
            engine_maker(engine)


def _kept_beside(store: str | Path | VerdictStore | None) -> Path | None:
    """Where rubrics are kept that are written while judging."""
    return Path(store).with_suffix(".rubrics.jsonl") if isinstance(store, str | Path) else None
