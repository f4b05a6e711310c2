"""What the page says first: one sentence a run, and one on all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge.report.collected import Collected
from judge.report.cost import Spent
from judge.report.figures.axis import percentage


def finding(plan: Mapping[str, Any], found: Collected) -> str:
    """What a run has come to.

    Args:
        plan: Its `plan.json`, or nothing.
        found: What was collected of its results.
    """
    one = found.summary
    kinds = ", ".join(f"{kind} {count}" for kind, count in one.failures.most_common(3))
    if not one.responses:
        return "The run has no result yet, so nothing is known of its judge."
    if not one.judged:
        return (
            f"No response has a reward: all {one.responses} responses of {one.groups} groups were"
            f" left without one ({kinds}), so nothing is known of their quality."
        )
    who = f"The judge ({plan['engine']}, recipe {plan['recipe_id']})" if plan else "The judge"
    told = [f"{who} gave {_of(one.judged, one.responses)} responses a reward"]
    if one.judged < one.responses:
        told[0] += f" (the others: {kinds})"
    told.append(_agreement(found))
    if one.both_orders:
        share = percentage(1.0 - one.consistent / one.both_orders)
        told.append(f"{share} of {one.both_orders} pairs flip when their order is swapped")
    return f"{'; '.join(told)}."


def overall(runs: Sequence[Spent]) -> str:
    """What several runs come to."""
    known = [one for one in runs if one.agreement is not None]
    if not known:
        return f"{len(runs)} runs, none with labels: which judge is right more often is not known."
    best = max(known, key=lambda one: one.agreement or 0.0)
    told = (
        f"Of {len(runs)} runs, {best.name} agrees most often with the labels:"
        f" {percentage(best.agreement or 0.0)} of {best.labelled}"
        f" (95 % interval {100 * best.low:.0f} to {100 * best.high:.0f})"
    )
    close = [one.name for one in known if one is not best and one.high >= best.low]
    if close:
        told += f"; the interval of {', '.join(close[:3])}{' and others' if close[3:] else ''}"
        told += " overlaps with that one"
    return f"{told}."


def _agreement(found: Collected) -> str:
    one = found.summary.as_dict()
    if not found.told:
        return "nothing is labelled, so that its agreement with people is not known"
    if one["accuracy"] is None:
        return f"none of {found.told} labelled groups was judged in full"
    low, high = one["accuracy_interval"]
    fully = "" if one["labelled"] == found.told else " judged in full"
    return (
        f"the labelled response alone is on top in {percentage(one['accuracy'])} of the"
        f" {one['labelled']} labelled groups{fully} (95 % interval {100 * low:.0f} to"
        f" {100 * high:.0f})"
    )


def _of(part: int, whole: int) -> str:
    return f"all {whole}" if part == whole else f"{part} of {whole}"
