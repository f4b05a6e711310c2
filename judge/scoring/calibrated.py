"""A calibration at work: whose it is, and verdicts as the calibrated numbers of aggregation.

What is stored and reported as a verdict stays as the judge gave it, so that another calibration
needs no call; only the numbers that rewards are made of are calibrated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from msgspec.structs import replace

from judge.calibration import Calibration
from judge.errors import ConfigError
from judge.judges.plan import TWO_SIDED
from judge.recipes import Recipe
from judge.recipes.schema import Mode
from judge.rubrics import Criterion
from judge.types import Comparison, CriterionVerdict, JudgeProfile, Pairwise

MODES: tuple[Mode, ...] = ("pointwise", "listwise", "pairwise")
"""Modes whose verdicts are on whole responses, as labels are."""
OF_SCORES = ("mean_score", "rank_quantile", "posterior_mean", "best_of_n")
"""Rewards that are made of both sides' own scores, where a pair's verdict has them."""
AFTER = {"group", "transforms", "output", "guards"}
"""Sections of a recipe that say what becomes of verdicts."""
WHO = ("engine", "judges", "template", "writer")
"""Entries of `GroupResult.record` that say who judged, beside the recipe and the rubric."""
SHOWN = 12
"""Digits of a digest in a message."""


def judge_digest(record: Mapping[str, str], recipe: Recipe, rubric: str) -> str:
    """What identifies a judge to its calibration, sha256 in hex.

    The digests of engine, template and writers, the sections of the recipe that say how verdicts
    are given, and the rubric. Of pairs also how criteria are combined, for it is the combined
    preference that is calibrated; not the schedule, the reward, the guards or the seed.

    Args:
        record: Of a result the judge gave.
        recipe: How it judges.
        rubric: Digest of the rubric of every group; empty where groups have their own.
    """
    left_out = {"schema_", "id", "about", "extends", *AFTER}
    if recipe.judge.mode != "pairwise":
        left_out.add("criteria")
    judging = recipe.model_dump(mode="json", exclude=left_out, exclude_defaults=True)
    judging["judge"].pop("attempts", None)
    facts = json.dumps([who(record), judging, rubric], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()


def who(record: Mapping[str, str]) -> tuple[str | None, ...]:
    """What a record says of who judged; equal for verdicts of one judge."""
    return tuple(record.get(name) for name in WHO)


def judge_name(record: Mapping[str, str], recipe: Recipe, rubric: str | None) -> str:
    """A judge in words: its engine, its recipe and its rubric's id; None: the groups' own."""
    under = f"rubric {rubric}" if rubric else "the groups' own rubrics"
    return f"{record['engine_name']}, recipe {recipe.id}, {under}"


def check_calibration(
    calibration: Calibration | None, recipe: Recipe, profile: JudgeProfile | None
) -> None:
    """Raise ConfigError where a calibration would change nothing, or would be applied twice.

    A profile's order effect and variances are those of raw verdicts: under a calibration the
    order effect would be subtracted a second time. Without a profile the joint strengths estimate
    what is left of it in each group, which after calibration is nothing on average.
    """
    if calibration is None:
        return
    mode, judge = recipe.judge.mode, recipe.judge
    if profile is not None:
        raise ConfigError(
            "calibration: a profile is given too, and its order effect would be subtracted twice",
            hint="leave out the profile, or the calibration",
        )
    if mode not in MODES:
        raise ConfigError(
            f"calibration: recipe {recipe.id} gives no probabilities of verdicts on whole responses"
        )
    if mode != "pairwise" and judge.readout == "label":
        raise ConfigError(
            f"calibration: recipe {recipe.id} reads labels alone, which have no probabilities",
            hint="use `readout: expectation`",
        )
    if judge.verdict in TWO_SIDED and recipe.group.reward in OF_SCORES:
        raise ConfigError(
            f"calibration: reward {recipe.group.reward} is made of the scores that"
            f" `verdict: {judge.verdict}` gives, not of probabilities",
            hint="use win_rate, or leave out the calibration",
        )


def check_judge(calibration: Calibration, digest: str, name: str) -> None:
    """Raise ConfigError unless a calibration was fitted on this judge, or says of none.

    Args:
        calibration: What is to be applied.
        digest: See `judge_digest`.
        name: See `judge_name`.
    """
    if calibration.judge in ("", digest):
        return
    other = calibration.about or "another judge"
    raise ConfigError(
        f"calibration: it was fitted on {other} ({calibration.judge[:SHOWN]}), but the judge is"
        f" {name} ({digest[:SHOWN]})",
        hint="fit one on this judge with judge calibrate",
    )


def comparison_of(
    calibration: Calibration | None,
    verdict: Pairwise,
    first: int | None = None,
    second: int | None = None,
) -> Comparison:
    """A pair's verdict as the numbers of aggregation, under other indices where they are given.

    The preference over all criteria and checks is calibrated, not each criterion's. A pair that
    checks alone have decided, without a call, stays.
    """
    told = verdict.comparison(first, second)
    if calibration is None or not verdict.call:
        return told
    return calibration.comparison(told)


def level_of(
    calibration: Calibration | None, criterion: Criterion, part: CriterionVerdict
) -> CriterionVerdict:
    """A verdict on a response with calibrated probabilities, its level and value by them.

    What has no probabilities stays: checks, labels, what does not apply. The levels of a pitfall
    are turned round for the map, which is one of "this level or a better one".
    """
    if calibration is None or calibration.levels.kind == "identity":
        return part
    if part.by == "check" or part.value is None or not part.probabilities:
        return part
    turn = -1 if criterion.is_pitfall else 1
    found = calibration.distribution(part.probabilities[::turn])[::turn].tolist()
    # Differences of equal sums may be a rounding below 0.
    row = tuple([max(0.0, p) for p in found])
    value = sum([k * p for k, p in enumerate(row)]) / (len(row) - 1)
    return replace(part, probabilities=row, level=row.index(max(row)), value=min(1.0, value))
