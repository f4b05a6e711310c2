"""A set of preference pairs set right by a panel's saved verdicts; no model is asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from msgspec.structs import replace

from judge.curation.figures import Curated, Twice, figures, leads_of
from judge.curation.pairs import LabelledRow, relabelled
from judge.curation.review import consistency, peer_review
from judge.curation.strength import Decision, Limits, decide, is_noisy
from judge.curation.trusted import Trusted
from judge.curation.votes import Panel, asked_key
from judge.errors import ConfigError
from judge.types import FloatArray, Record

BY_PEOPLE = "labelled by people"
SoftLabel = Literal["strength", "consistency"]
MOST_NOISY = 0.5
"""A panel that contradicts more of the labels than this is not believed at all."""


class Settings(Record, frozen=True):
    """How pairs are set right."""

    limits: Limits = Limits()
    review: float | None = None
    """Share of the labels that each of two judges passes (`peer_review`); None: no review."""
    soft_label: SoftLabel = "strength"
    """`consistency`: the soft label of every judged pair is CREAM's C, see `consistency`."""
    similar: int = 8
    """Trusted pairs a noisy one is compared with, >= 1."""
    reliable_from: float = 0.6
    """The panel overrules a label only where it is right on this share of the similar ones; where
    people have labelled pairs, but none that is similar, the label stands."""


def curate(
    rows: Iterable[LabelledRow],
    panel: Panel,
    settings: Settings,
    trusted: Trusted | None = None,
) -> tuple[list[Decision], Curated]:
    """Decide on every pair.

    Args:
        rows: The pairs.
        panel: Votes on them.
        settings: What is done when.
        trusted: Labels by people, which stand whatever the panel says.

    Returns:
        One decision a row, in their order, and what they come to.

    Raises:
        ConfigError: No pair is judged, the panel contradicts more than half of the labels, or
            there are not two judges for a peer review.
    """
    decided, before, given, asked = _decided(rows, panel, settings, trusted)
    votes = np.array(given).reshape(len(given), len(panel.names))
    _check(decided, settings)
    made = [one if by_people is None else by_people for one, by_people in decided]
    if settings.review is not None:
        made = _reviewed(made, votes, settings.review)
    if settings.soft_label == "consistency":
        made = _consistent(made, consistency(votes, asked))
    return made, figures(panel, before, votes, decided, trusted, made)


def _decided(
    rows: Iterable[LabelledRow], panel: Panel, settings: Settings, trusted: Trusted | None
) -> tuple[list[Twice], list[int | None], list[FloatArray], list[str]]:
    decided: list[Twice] = []
    before, votes, asked = [], [], []
    for row in rows:
        first = panel.of(row.group)
        decision = decide(row.better, 1.0 - first if row.better == 1 else first, settings.limits)
        settled = None
        if trusted is not None:
            decision = _within_reach(decision, row, settings, trusted)
            settled = _settled(decision, row, trusted)
        decided.append((decision, settled))
        before.append(row.better)
        votes.append(first)
        asked.append(asked_key(row.group))
    return decided, before, votes, asked


def _within_reach(
    decision: Decision, row: LabelledRow, settings: Settings, trusted: Trusted
) -> Decision:
    """A label stands where the panel is not reliable on similar pairs."""
    found = decision.strength
    if found is None or not is_noisy(found, settings.limits):
        return decision
    right, n = trusted.reliability(row.group, settings.similar)
    told = f"the panel is right on {right:g} of {n} similar pairs with labels by people"
    if n and right / n >= settings.reliable_from:
        return replace(decision, why=f"{decision.why}; {told}")
    return Decision("keep", row.better, 1.0, f"{decision.why}; kept: {told}", found)


def _settled(decision: Decision, row: LabelledRow, trusted: Trusted) -> Decision | None:
    better = trusted.better(row.group)
    if better is None:
        return None
    action: Literal["keep", "flip"] = "keep" if row.better in (better, None) else "flip"
    return Decision(action, better, 1.0, BY_PEOPLE, decision.strength)


def _check(decided: Sequence[Twice], settings: Settings) -> None:
    found = [one.strength for one, _ in decided if one.strength is not None]
    judged = [one for one in found if one.votes >= settings.limits.least_votes]
    if not judged:
        raise ConfigError(
            f"no labelled pair has {settings.limits.least_votes} votes",
            hint="the runs must have judged the same texts; give more runs, or --least-votes 1",
        )
    noisy = sum(is_noisy(one, settings.limits) for one in judged)
    if noisy > MOST_NOISY * len(judged):
        raise ConfigError(
            f"the panel contradicts {noisy} of {len(judged)} labels: it is not believed",
            hint="is the label's column or numbering wrong? see --map and --labels-from",
        )


def _reviewed(made: Sequence[Decision], votes: FloatArray, share: float) -> list[Decision]:
    """Half the weight where one of two judges alone passes a label; dropped where neither does."""
    if votes.shape[1] != 2:
        raise ConfigError(f"a peer review takes two judges, not {votes.shape[1]}")
    leads = leads_of([one.better for one in made], votes)
    passed = peer_review(leads[:, 0], leads[:, 1], share)
    return [_passed(one, int(by)) for one, by in zip(made, passed, strict=True)]


def _passed(decision: Decision, by: int) -> Decision:
    if by < 0 or by == 2 or decision.why == BY_PEOPLE:
        return decision
    why = f"{decision.why}; passed by {by} of 2 judges"
    if by == 1:
        return replace(decision, weight=0.5, why=why)
    return replace(decision, action="drop", why=why)


def _consistent(made: Sequence[Decision], shares: FloatArray) -> list[Decision]:
    return [
        one
        if one.why == BY_PEOPLE or one.strength is None or math.isnan(c)
        else replace(one, soft_label=float(c))
        for one, c in zip(made, shares, strict=True)
    ]


def curated_row(row: LabelledRow, decision: Decision) -> dict[str, Any]:
    """A row as it is written: as it stands, with the label decided on and the reason.

    Adds `soft_label`, `weight` (times the row's own), `action`, `why`, `strength`, `spread` and
    `votes`.
    """
    made = dict(row.raw) if decision.better is None else relabelled(row, decision.better)
    own = row.raw.get("weight")
    is_number = isinstance(own, int | float) and not isinstance(own, bool)
    found = decision.strength
    return made | {
        "soft_label": decision.soft_label,
        "weight": decision.weight * own if is_number and own is not None else decision.weight,
        "action": decision.action,
        "why": decision.why,
        "strength": None if found is None else found.mean,
        "spread": None if found is None else found.spread,
        "votes": None if found is None else found.votes,
    }
