"""`judge rescore`: another recipe over the verdicts of a run, without a call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from judge.cli.resume import Folder
from judge.cli.seat import ENGINE, recorded
from judge.cli.shared import Calibrated, Json
from judge.cli.sitting import PROFILE, sit
from judge.config import STORE_NAME
from judge.engines.replay import ReplayEngine
from judge.errors import ConfigError
from judge.recipes import load_recipe
from judge.runs.plan import FIT, Plan, read_plan
from judge.types import Engine


def rescore(
    folder: Folder,
    recipe: Annotated[
        str | None, typer.Option(envvar="JUDGE_RECIPE", help="Name or file; else the run's.")
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", envvar="JUDGE_OUT", help="Folder; else DIR/RECIPE.")
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(envvar="JUDGE_PROFILE", help="A judge's profile; else the run's."),
    ] = None,
    calibration: Calibrated = None,
    as_json: Json = False,
) -> None:
    """Aggregate a run's verdicts anew; calls that were never made are left out, and counted.

    Other weights of tiers, combinations, rewards, transforms, ranges and schedules need no call,
    as long as the schedule asks about pairs that were judged. Exit code 4: calls were missing.
    """
    plan = read_plan(folder)
    used = plan.recipe if recipe is None else load_recipe(recipe)
    where = folder / used.id.replace("/", "-") if out_dir is None else out_dir
    if where.resolve() == folder.resolve():
        raise ConfigError(f"{where} is the run itself", hint="choose another --out")
    store = plan.options.store or str(folder / STORE_NAME)
    if not Path(store).exists():
        raise ConfigError(f"there is no store {store} to take verdicts from")
    options = replace(plan.options, store=store)
    new = replace(plan, recipe=used, profile=_profile(plan, folder, profile), options=options)
    if calibration is not None:
        new = replace(new, calibration=str(calibration))
    sit(new, where, stand_ins=_stand_ins(folder, new), as_json=as_json)


def _profile(plan: Plan, folder: Path, given: Path | None) -> str:
    if given is not None:
        return str(given)
    return str(folder / PROFILE) if plan.profile == FIT else plan.profile


def _stand_ins(folder: Path, plan: Plan) -> dict[str, Engine]:
    """Engines with the digests and the tokens of those that judged, and no answers."""
    return {
        role: ReplayEngine(recorded(folder / ENGINE, role))
        for role in plan.engines
        if role in plan.recipe.roles
    }
