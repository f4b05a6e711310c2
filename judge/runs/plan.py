"""What a run is: all it takes to make its judge again, kept in the run's folder."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from judge.calibration import load_calibration
from judge.engines.secrets import HIDDEN, redacted
from judge.errors import ConfigError
from judge.recipes import Recipe
from judge.recipes.roles import JUDGE
from judge.records import plain
from judge.reward_model import RewardModel
from judge.rubrics import Rubric, parse_rubric
from judge.runs.dataset import Columns, Row, read_rows
from judge.runs.folder import MANIFEST
from judge.runs.ids import distinct
from judge.types import Engine, JudgeProfile, Record, VerdictStore
from judge.version import __version__

FIT = "fit"
"""A profile that is fitted on the run itself, by judging twice."""


class Options(Record, frozen=True):
    """What may change from one sitting to the next."""

    limit: int | None = None
    store: str | None = None
    """None: a file in the run's folder."""
    prompts: str | None = None
    concurrency: int = 256
    timeout_s: float = 120.0
    in_flight: int = 64


class Plan(Record, frozen=True):
    """What a run is."""

    data: tuple[str, ...]
    columns: Columns
    rubric: Rubric | None
    """None: each row has its own."""
    recipe: Recipe
    engines: Mapping[str, str]
    """Names by role, secrets included; these are not written."""
    seed: int = 0
    profile: str = ""
    """A file with a judge's profile, `fit`, or nothing."""
    calibration: str | None = None
    """A file."""
    texts: bool = True
    """Whether what the judge wrote is kept."""
    options: Options = Options()

    def __post_init__(self) -> None:
        if self.profile == FIT and self.calibration is not None:
            raise ConfigError(
                "calibration: a profile is fitted on raw verdicts, whose order effect would be"
                " subtracted twice",
                hint="leave out --profile fit, or --calibration",
            )

    def rows(self) -> Iterator[Row]:
        """The rows of the data, one at a time, each with an id of its own.

        Raises:
            ConfigError: The data cannot be read, or a row is wrong.
        """
        every = itertools.chain.from_iterable(read_rows(path, self.columns) for path in self.data)
        return itertools.islice(distinct(every), self.options.limit)

    def model(
        self,
        store: str | Path | VerdictStore,
        profile: JudgeProfile | None = None,
        engines: Mapping[str, str | Engine] | None = None,
    ) -> RewardModel:
        """The judge; nothing is loaded yet.

        Args:
            store: Where verdicts are kept.
            profile: Where the plan's is to be fitted.
            engines: In the place of the plan's.

        Raises:
            ConfigError, RubricError, RecipeError: See `RewardModel.build`.
        """
        prompts = self.options.prompts
        return RewardModel.build(
            self.rubric,
            recipe=self.recipe,
            engine=dict(self.engines if engines is None else engines),
            store=store,
            profile=profile or self._given_profile(),
            calibration=self.calibration,
            prompts=None if prompts is None else Path(prompts),
            concurrency=self.options.concurrency,
            timeout_s=self.options.timeout_s,
            seed=self.seed,
        )

    def _given_profile(self) -> JudgeProfile | None:
        if self.profile in ("", FIT):
            return None
        return read_profile(Path(self.profile))

    def settings(self) -> dict[str, Any]:
        """The plan as JSON data, without secrets (see `judge.runs.folder.UNCOMPARED`)."""
        profile = self._given_profile()
        calibration = None if self.calibration is None else load_calibration(self.calibration)
        rubric, recipe = self.rubric, self.recipe
        settings = {
            "data": list(self.data),
            "data_digest": [data_digest(Path(path)) for path in self.data],
            "columns": self.columns,
            "rubric": None if rubric is None else rubric.digest,
            "rubric_id": None if rubric is None else rubric.id,
            "recipe": recipe.digest,
            "recipe_id": recipe.id,
            "engine": self.engine_name,
            "engines": self.hidden_engines,
            "seed": self.seed,
            "profile": self.profile if profile is None else profile.digest,
            "profile_file": self.profile,
            "calibration_file": self.calibration,
            **({} if calibration is None else {"calibration": calibration.digest}),
            "texts": self.texts,
            "version": __version__,
            "resolved": {
                "rubric": None if rubric is None else rubric.content,
                "recipe": recipe.model_dump(mode="json", by_alias=True, exclude_defaults=True)
                | {"schema": recipe.schema_, "id": recipe.id},
            },
            "options": self.options,
        }
        told: dict[str, Any] = plain(settings)
        return told

    @property
    def hidden_engines(self) -> dict[str, str]:
        """Names by role, without secrets."""
        return {role: redacted(name) for role, name in self.engines.items()}

    @property
    def engine_name(self) -> str:
        """All engines in one line, without secrets."""
        named = (name if role == JUDGE else f"{role} {name}" for role, name in self.engines.items())
        return redacted(", ".join(named))


def read_plan(
    folder: Path, engines: Mapping[str, str] | None = None, *, to_judge: bool = False
) -> Plan:
    """The plan of a run's folder.

    Args:
        folder: The folder.
        engines: Names by role, with the secrets that are not kept; None: those of the plan.
        to_judge: Whether the engines will be asked, so that no secret may be missing.

    Raises:
        ConfigError: There is no plan, or it cannot be read; an engine is another than the plan's,
            or a secret in its name has to be given.
    """
    path = folder / MANIFEST
    try:
        told = json.loads(path.read_text("utf-8"))
        plan = _plan(told, told["engines"] if engines is None else engines)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is not the plan of a run: {error}",
            hint="give the folder that `judge run` wrote, with this version",
        ) from error
    if plan.hidden_engines != told["engines"]:
        raise ConfigError(
            f"{folder} was judged by {told['engine']}, not by {plan.engine_name}",
            hint="name the same engines, or none",
        )
    if to_judge and engines is None and HIDDEN in str(told["engines"]):
        raise ConfigError(
            f"{path} keeps no secrets, and an engine's name has one: {told['engine']}",
            hint="name the engines again with --engine, or put keys into the environment",
        )
    rubric = None if plan.rubric is None else plan.rubric.digest
    for what, digest in (("rubric", rubric), ("recipe", plan.recipe.digest)):
        if digest != told[what]:
            raise ConfigError(f"{path}: the {what} does not have its digest: it was edited")
    return plan


def _plan(told: Mapping[str, Any], engines: Mapping[str, str]) -> Plan:
    resolved, columns = told["resolved"], told["columns"]
    names = {name: tuple(given) for name, given in columns["names"].items()}
    rubric = resolved["rubric"]
    return Plan(
        tuple(told["data"]),
        Columns(names, columns["group_by"], columns["labels_from"]),
        None if rubric is None else parse_rubric(rubric, file=MANIFEST),
        Recipe.model_validate(resolved["recipe"]),
        engines,
        told["seed"],
        told["profile_file"],
        told["calibration_file"],
        told["texts"],
        msgspec.convert(told["options"], Options),
    )


def read_profile(path: Path) -> JudgeProfile:
    """A judge's profile from its file.

    Raises:
        ConfigError: There is none.
    """
    try:
        return JudgeProfile.from_json(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not a judge's profile: {error}") from error


def data_digest(path: Path) -> str:
    """Sha256, in hex, of a file, or of the names and contents of all files in a folder.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        if path.is_dir():
            inside: Sequence[Path] = sorted(p for p in path.rglob("*") if p.is_file())
            told = [f"{p.relative_to(path)} {data_digest(p)}" for p in inside]
            return hashlib.sha256("\n".join(told).encode()).hexdigest()
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ConfigError(f"there is no data set {path}") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
