"""How strongly a panel prefers what a label says, and what is done with a pair for it.

Secrets of RLHF II (Wang et al. 2024, arXiv 2401.06080): the strength of a preference is the mean,
over M reward models, of how far the chosen response leads, with its standard deviation; pairs with
a strength below 0 are mostly labelled wrongly and are flipped, those near 0 are ambiguous and get
soft labels. The paper takes differences of rewards and cuts by rank (its lowest 20 % or so, by a
secondary source); here a member leads by 2 p - 1, and the thresholds are stated.

What members err on together no panel can see: two runs, or runs of one engine, overrule more right
labels than five judges of different kinds.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from judge.errors import ConfigError
from judge.types import FloatArray, Record

Noisy = Literal["flip", "soften", "drop", "keep"]
Ambiguous = Literal["soften", "drop", "keep"]
Action = Literal["keep", "flip", "soften", "drop", "unjudged", "unlabelled"]


class Strength(Record, frozen=True):
    """What a panel makes of one label."""

    mean: float
    """Of 2 p - 1 over the members, p their probability that the label is right; in [-1, 1]."""
    spread: float
    """Standard deviation over the members (divided by their number), in [0, 1]."""
    votes: int
    """Members that have a vote."""


class Limits(Record, frozen=True):
    """When a label is called noisy or ambiguous, and what is done then."""

    noisy: Noisy = "flip"
    noisy_below: float = -0.5
    """A mean strength at or below it, in [-1, 0), that is also `z` standard errors below 0."""
    ambiguous: Ambiguous = "soften"
    clear_from: float = 0.1
    """A mean strength at or above it, in [0, 1], is clear; between the two it is ambiguous."""
    z: float = 1.0
    """In standard errors of the mean, spread / sqrt(votes), >= 0."""
    least_votes: int = 2
    """Fewer say nothing, >= 1."""

    def __post_init__(self) -> None:
        if not -1.0 <= self.noisy_below < 0.0:
            raise ConfigError(f"noisy_below: {self.noisy_below} is not in [-1, 0)")
        if not 0.0 <= self.clear_from <= 1.0:
            raise ConfigError(f"clear_from: {self.clear_from} is not in [0, 1]")
        if not 0.0 <= self.z < math.inf or self.least_votes < 1:
            raise ConfigError("z, least_votes: need z >= 0 and a vote at least")


class Decision(Record, frozen=True):
    """What becomes of one pair."""

    action: Action
    better: int | None
    """The label from now on."""
    soft_label: float
    """Probability in [0, 1] that the response called better is so; 1 where the label is hard."""
    why: str
    strength: Strength | None = None
    """Of the label as it was."""
    weight: float = 1.0
    """In a loss, >= 0."""


def strength(votes: FloatArray) -> Strength:
    """Mean and spread of the lead of what a label calls better.

    Args:
        votes: P(the label is right) of each member, [members]; NaN: no vote.
    """
    leads = 2.0 * votes[~np.isnan(votes)] - 1.0
    if not len(leads):
        return Strength(0.0, 0.0, 0)
    return Strength(float(leads.mean()), float(leads.std()), len(leads))


def is_noisy(found: Strength, limits: Limits) -> bool:
    """Whether the panel says clearly that the label is wrong."""
    above = limits.z * found.spread / math.sqrt(max(1, found.votes))
    return (
        found.votes >= limits.least_votes
        and found.mean <= limits.noisy_below
        and found.mean + above < 0.0
    )


def decide(better: int | None, votes: FloatArray, limits: Limits) -> Decision:
    """What becomes of a pair.

    Args:
        better: Its label, 0 or 1; None: it has none, and is left as it is.
        votes: P(the label is right) of each member, [members]; NaN: no vote.
        limits: What is done when.
    """
    if better is None:
        return Decision("unlabelled", None, 1.0, "the data says no winner")
    found = strength(votes)
    if found.votes < limits.least_votes:
        why = f"{found.votes} of at least {limits.least_votes} votes"
        return Decision("unjudged", better, 1.0, why, found)
    told = f"strength {found.mean:+.2f} of {found.votes} votes"
    if is_noisy(found, limits):
        return _done(limits.noisy, better, found, f"{told}: at or below {limits.noisy_below:g}")
    if found.mean < limits.clear_from:
        return _done(limits.ambiguous, better, found, f"{told}: below {limits.clear_from:g}")
    return Decision("keep", better, 1.0, told, found)


def _done(how: Noisy, better: int, found: Strength, why: str) -> Decision:
    if how == "flip":
        return Decision("flip", 1 - better, 1.0, why, found)
    soft = (1.0 + found.mean) / 2.0 if how == "soften" else 1.0
    return Decision(how, better, soft, why, found)
