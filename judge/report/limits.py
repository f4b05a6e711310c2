"""What has to be known before a judge's numbers are trusted, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from judge.guards import breaches
from judge.recipes.schema import GuardSection
from judge.report.collected import Collected
from judge.report.figures.axis import percentage
from judge.statistics import wilson
from judge.synthesis.diagnose import FLIPPED, LOW_MASS, Diagnosis

FEW_LABELS = 100
"""Labelled groups below which an agreement is a rough one."""
LONG = 0.3
"""Correlation with length beyond which it is named."""


def limits(
    summary: Mapping[str, Any],
    plan: Mapping[str, Any],
    found: Collected,
    diagnosis: Diagnosis,
    *,
    probed: bool,
) -> Iterator[str]:
    """Name the limits that a run shows.

    Args:
        summary: Of the run (see `judge.runs.summary`).
        plan: Its `plan.json`, or nothing.
        found: What was collected of its results.
        diagnosis: Of its criteria.
        probed: Whether a probe of this judge was given.
    """
    yield "All figures hold for this judge, rubric and data; with others they are to be taken anew."
    yield from chain(_coverage(summary, found), _order(summary, found), _answers(summary, found))
    if not probed:
        yield "No probe of this judge was given: how often it pays attacks is not known."
    guards = plan.get("resolved", {}).get("recipe", {}).get("guards", {})
    for breach in breaches(summary, GuardSection.model_validate(guards)):
        yield f"A guard of the recipe is breached: {breach}."
    for one in diagnosis.suggestions:
        other = f" with {one.other}" if one.other else ""
        yield f"Criterion {one.criterion}: {one.action}{other}, as {one.why}."


def _coverage(summary: Mapping[str, Any], found: Collected) -> Iterator[str]:
    missing, labelled = summary["unjudged"], summary["labelled"]
    if missing and not summary["judged"]:
        yield "No response has a reward: nothing was measured."
    elif missing:
        share = percentage(missing / summary["responses"])
        yield (
            f"{missing} responses ({share}) have no reward. The figures are about the others, which"
            " may be easier ones."
        )
    if not found.told:
        yield "Nothing is labelled: whether people would agree is not known."
    elif not labelled:
        yield f"None of {found.told} labelled groups was judged in full: agreement is not known."
    elif labelled < FEW_LABELS:
        yield f"Only {labelled} groups are labelled and judged: see how wide the intervals are."


def _order(summary: Mapping[str, Any], found: Collected) -> Iterator[str]:
    flips, first = summary["flip_rate"], summary["first_share"]
    if summary["comparisons"] and flips is None:
        yield "Each pair was asked in one order: what the order does is not known."
    if flips is not None and flips > FLIPPED:
        yield f"{percentage(flips)} of pairs flip when their order is swapped."
    low, high = wilson(found.summary.first, found.summary.decided)
    if first is not None and not low <= 0.5 <= high:
        yield f"The side shown first wins {percentage(first)} of decided comparisons, not half."


def _answers(summary: Mapping[str, Any], found: Collected) -> Iterator[str]:
    mass, r = summary["label_mass"], summary["length_correlation"]
    if mass is not None and mass < LOW_MASS:
        yield f"The model gave its verdict codes a probability of only {mass:.2f}."
    if r is not None and abs(r) >= LONG:
        yield f"Rewards go with length: r = {r:.2f} within a group, on average."
    several = [n for n in ("engine", "recipe", "template") if len(found.record.get(n, ())) > 1]
    if several:
        yield f"Rows were judged with more than one {' and '.join(several)}."
