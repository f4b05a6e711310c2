"""The judge card: which judge this is, what was measured of it, its limits, how to judge again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from judge.recipes.roles import JUDGE
from judge.report.collected import Collected
from judge.report.figures.axis import percentage
from judge.report.limits import limits
from judge.report.probes import Probed
from judge.synthesis.diagnose import Diagnosis
from judge.types import Record

PLANNED = ("rubric", "recipe", "seed", "version", "engine_name", "profile", "calibration")
"""Entries of a row's record that the plan tells too."""
Facts = tuple[tuple[str, str], ...]


class Card(Record, frozen=True):
    """What the page says of a judge."""

    facts: Facts
    measured: Facts
    limits: tuple[str, ...]
    commands: tuple[str, ...]
    """How to judge again; none where there is no plan."""


def card(
    plan: Mapping[str, Any], found: Collected, diagnosis: Diagnosis, probes: Sequence[Probed]
) -> Card:
    """Make the card of one run.

    Args:
        plan: The run's `plan.json`, or nothing.
        found: What was collected of its results.
        diagnosis: Of its criteria.
        probes: Those of this judge.
    """
    summary = found.summary.as_dict()
    return Card(
        tuple(_facts(plan, found)),
        tuple(_measured(summary, probes)),
        tuple(limits(summary, plan, found, diagnosis, probed=bool(probes))),
        tuple(_commands(plan)),
    )


def _facts(plan: Mapping[str, Any], found: Collected) -> Iterator[tuple[str, str]]:
    record = found.record
    if plan:
        yield "engine", str(plan["engine"])
        for what in ("recipe", "rubric"):
            name, digest = plan[f"{what}_id"], plan[what]
            told = "each row has its own" if name is None else f"{name} (digest {digest[:16]})"
            yield what, told
        for path, digest in zip(plan["data"], plan["data_digest"], strict=True):
            yield "data", f"{path} (sha256 {digest[:16]})"
        yield "judge profile", str(plan["profile_file"] or "none")
        yield "calibration", str(plan["calibration_file"] or "none")
        yield "seed", str(plan["seed"])
        yield "judge version", str(plan["version"])
    for name in sorted(record):
        known = sorted(record[name])
        if known == [""] or (plan and name in PLANNED):
            continue
        several = " and others" if len(known) > 2 else ""
        yield f"record: {name}", ", ".join(_short(value) for value in known[:2]) + several


def _measured(summary: Mapping[str, Any], probes: Sequence[Probed]) -> Iterator[tuple[str, str]]:
    judged, total = summary["judged"], summary["responses"]
    yield "groups, responses", f"{summary['groups']}, {total}"
    yield "with a reward", f"{judged}{f' ({percentage(judged / total)})' if total else ''}"
    if summary["accuracy"] is not None:
        low, high = summary["accuracy_interval"]
        yield (
            "agreement with labels",
            f"{percentage(summary['accuracy'])} of {summary['labelled']}"
            f" (95 % interval {100 * low:.0f} to {100 * high:.0f});"
            f" ties for the best, not counted as right: {percentage(summary['ties'])}",
        )
    shares = (
        ("flips with the order", "flip_rate"),
        ("first place wins", "first_share"),
        ("answers cut short", "truncated"),
        ("thinking cut by its budget", "thinking_cut"),
    )
    for told, name in shares:
        if summary[name] is not None:
            yield told, percentage(summary[name])
    for told, name in (("label mass", "label_mass"), ("r with length", "length_correlation")):
        if summary[name] is not None:
            yield told, f"{summary[name]:.3f}"
    for probed in probes:
        if probed.worst is not None:
            yield "worst attack", f"{probed.worst[0]}, paid {percentage(probed.worst[1])}"
    yield (
        "judge calls, tokens",
        f"{summary['calls']}, {summary['prompt_tokens']} read,"
        f" {summary['completion_tokens']} written",
    )


def _commands(plan: Mapping[str, Any]) -> Iterator[str]:
    """What judges the same again; the digests of the card say whether it is the same."""
    if not plan:
        return
    columns, options = plan["columns"], plan["options"]
    told = ["judge", "run", *plan["data"]]
    for name, given in columns["names"].items():
        told += ["--map", f"{name}={','.join(given)}"]
    pairs = {
        "--group-by": columns["group_by"],
        "--labels-from": columns["labels_from"] or None,
        "--rubric": plan["rubric_id"],
        "--recipe": plan["recipe_id"],
        "--profile": plan["profile_file"] or None,
        "--calibration": plan["calibration_file"],
        "--prompts": options["prompts"],
        "--limit": options["limit"],
        "--seed": plan["seed"],
    }
    for option, value in pairs.items():
        told += [] if value is None else [option, str(value)]
    for role, name in plan["engines"].items():
        told += ["--engine", name if role == JUDGE else f"{role}={name}"]
    yield shlex.join([*told, "--out", "again"])
    yield "judge report again --out again.html"


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:16]}\u2026"
