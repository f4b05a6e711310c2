"""What a panel's members have voted, as the table their confusions are estimated from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from judge.errors import ConfigError
from judge.types import CriterionVerdict, Listing, Pairwise, Pointwise, Verdict

PAIR_LEVELS = 3
"""Of a pair: the second shown is better, a tie, the first shown is better."""


def panel_votes(verdicts: Iterable[Verdict], classes: int) -> npt.NDArray[np.int64]:
    """The levels that the members of a panel named, for `judge.aggregate.panels.dawid_skene`.

    One row a verdict on a criterion, whichever criterion it is: a recipe holds one confusion a
    member, so criteria on scales of other lengths are left out, and those that the panel calls not
    applicable. Of pairs judged without ties (2 classes) the tie is left out of the levels. The
    `confusion` and `priors` of the estimate are what the recipe's panel takes, with
    `combine: dawid_skene`.

    Args:
        verdicts: Of a panel, such as those of `GroupResult.verdicts`; others are passed over.
        classes: How many levels the criteria have; of pairs 2 or 3.

    Returns:
        [items, members], -1 = no vote.

    Raises:
        ConfigError: Fewer than two classes, or the verdicts are of panels of different sizes.
    """
    if classes < 2:
        raise ConfigError(f"classes: {classes} is not a number of classes >= 2")
    rows = []
    for verdict in verdicts:
        pairs = isinstance(verdict, Pairwise)
        for part in _parts(verdict):
            if part.votes and part.level is not None and _width(part, pairs, classes) == classes:
                halved = pairs and classes < PAIR_LEVELS
                rows.append([_vote(vote, halved) for vote in part.votes])
    if len({len(row) for row in rows}) > 1:
        raise ConfigError("verdicts: they are of panels of different sizes")
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(rows[0]) if rows else 0)


def _parts(verdict: Verdict) -> Sequence[CriterionVerdict]:
    if isinstance(verdict, Pointwise | Pairwise):
        return verdict.parts
    return tuple(chain(*verdict.parts)) if isinstance(verdict, Listing) else ()


def _width(part: CriterionVerdict, pairs: bool, classes: int) -> int:
    """How many levels a verdict has; taken to be as many as asked where it is a label alone."""
    width = len(part.probabilities) or classes
    return classes if pairs and classes < PAIR_LEVELS and 1 not in part.votes else width


def _vote(vote: int | None, halved: bool) -> int:
    if vote is None:
        return -1
    return vote // 2 if halved else vote
