"""Where `judge calibrate` has its labelled verdicts from: a data set judged now, or a run."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge.cli.rubric_diagnose import read_results
from judge.cli.shared import log
from judge.engines.dry import DryEngine
from judge.errors import ConfigError
from judge.metaeval.labelled import Labelled, Labels, by_id, joined, labels_of, prompt_key
from judge.recipes import Recipe
from judge.records import result_row
from judge.reward_model import RewardModel
from judge.rubrics import Rubric, parse_rubric
from judge.runs.dataset import Columns, Row, read_rows
from judge.runs.folder import MANIFEST
from judge.scoring.calibrated import judge_digest, judge_name, who
from judge.synthesis.judging import labelled_pairs
from judge.types import Group


@dataclass(frozen=True, slots=True)
class Source:
    """What is judged, and how labels are read."""

    data: Sequence[Path]
    columns: Columns
    levels: str
    """The column of the levels."""
    limit: int | None

    def rows(self) -> list[Row]:
        """The rows of the data set.

        Raises:
            ConfigError: A file cannot be read.
        """
        every = itertools.chain.from_iterable(read_rows(path, self.columns) for path in self.data)
        return list(itertools.islice(every, self.limit))

    def labels(self, row: Row, rubric: Rubric | None) -> Labels:
        """What a row says, the levels of the rubric's criteria included where it is given."""
        start = self.columns.labels_from
        return labels_of(row, rubric, column=self.levels, start=start)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Verdicts of one judge with what people say."""

    labelled: list[Labelled]
    judge: str
    """The judge's digest."""
    about: str
    calls: int
    """Made to get them."""


# --- judged now ------------------------------------------------------------------------------


def groups_of(source: Source, recipe: Recipe, rubric: Rubric | None) -> list[tuple[Group, Labels]]:
    """What is to be judged, with its labels: pairs by themselves, the better first, or rows.

    Raises:
        ConfigError: A row has no label (pairs), or no row has levels.
    """
    rows = source.rows()
    if recipe.judge.mode == "pairwise":
        return [
            (pair, Labels(prompt_key(row.group), 2, 0))
            for row in rows
            for pair in labelled_pairs([(row.group, row.order)])
        ]
    told = [(row.group, source.labels(row, rubric)) for row in rows]
    found = [(group, labels) for group, labels in told if any(labels.levels)]
    if not found:
        raise ConfigError(
            f"no row says in {source.levels!r} which levels are right",
            hint="give a list with an entry a response, such as [1, 4], or name another --levels",
        )
    return found


def verdicts_only(recipe: Recipe) -> Recipe:
    """The same judge, whose verdicts alone are wanted: every pair of a group in both orders."""
    raw = recipe.model_dump(mode="json", by_alias=True)
    changed: dict[str, Any] = {"transforms": [], "output": {}}
    if recipe.judge.mode == "pairwise":
        changed["group"] = {"schedule": "round_robin", "orders": "both", "reward": "win_rate"}
    return Recipe.model_validate({**raw, **changed})


def calls_of(groups: Iterable[Group], rubric: Rubric | None, build: Mapping[str, Any]) -> int:
    """The calls that judging takes, retries not counted; a store may save some."""
    engine = DryEngine(keep=0)
    needed = engine.under(build["recipe"].roles)
    with RewardModel.build(rubric, engine=needed, **{**build, "store": None}) as model:
        model.score(groups)
    return engine.calls


def judged(
    groups: Sequence[tuple[Group, Labels]],
    rubric: Rubric | None,
    build: Mapping[str, Any],
    engines: Mapping[str, str],
) -> Verdicts:
    """Judge groups now.

    Args:
        groups: With their labels.
        rubric: Of them; None: each has its own.
        build: Other settings of the reward model.
        engines: By role.

    Raises:
        ConfigError: Nothing could be judged.
    """
    with RewardModel.build(rubric, engine=engines, **build) as model:
        results = model.score(group for group, _ in groups)
    failures = [failure for result in results for failure in result.failures]
    if failures:
        log.print(f"{len(failures)} failures; the first: {failures[0].message}", markup=False)
    labelled: list[Labelled] = [
        (result_row(result), labels) for result, (_, labels) in zip(results, groups, strict=True)
    ]
    calls = sum(result.usage.calls for result in results)
    return _of_one(labelled, build["recipe"], rubric, calls)


# --- of a run --------------------------------------------------------------------------------


def run_setup(run: Path) -> tuple[Recipe, Rubric | None]:
    """What a run was judged by; None: the rows' own rubrics.

    Raises:
        ConfigError: Its folder does not say.
    """
    path = run / MANIFEST
    try:
        told = json.loads(path.read_text("utf-8"))["resolved"]
        recipe, rubric = Recipe.model_validate(told["recipe"]), told["rubric"]
        return recipe, None if rubric is None else parse_rubric(rubric, file=MANIFEST)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is not the plan of a run: {error}", hint="give the folder of `judge run`"
        ) from error


def of_run(run: Path, source: Source | None, recipe: Recipe, rubric: Rubric | None) -> Verdicts:
    """The verdicts of a run.

    Args:
        run: Its folder.
        source: Labels, by the groups' ids; None: the labels that the run's data had.
        recipe: What it was judged by.
        rubric: The same.

    Raises:
        ConfigError: The verdicts are of more than one judge, or no row has a label.
    """
    labels = None
    if source is not None:
        labels = by_id((row.group.id, source.labels(row, rubric)) for row in source.rows())
    return _of_one(list(joined(read_results(run), labels)), recipe, rubric, 0)


def _of_one(
    labelled: list[Labelled], recipe: Recipe, rubric: Rubric | None, calls: int
) -> Verdicts:
    """The verdicts of one judge; those under a row's own rubric are left out if there is one."""
    kept = [one for one in labelled if one[0]["verdicts"]]
    if rubric is not None and not recipe.rubric.is_written:
        kept = [one for one in kept if one[0]["record"]["rubric"] == rubric.digest]
    if len(kept) < len(labelled):
        out = len(labelled) - len(kept)
        log.print(f"{out} groups are left out: without a verdict, or under a rubric of their own")
    if not kept:
        raise ConfigError("there is no labelled verdict", hint="see --map and --labels")
    records = {who(row["record"]): row["record"] for row, _ in kept}
    if len(records) > 1:
        raise ConfigError(f"the verdicts are of {len(records)} judges: engine or template differ")
    (record,) = records.values()
    digest = judge_digest(record, recipe, "" if rubric is None else rubric.digest)
    name = judge_name(record, recipe, None if rubric is None else rubric.id)
    return Verdicts(kept, digest, name, calls)
