"""Whether a judge favours the responses of its own model, beyond what people think of them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from judge.errors import ConfigError
from judge.statistics import wilson
from judge.types import Record


class SelfPreference(Record, frozen=True):
    """How a judge agrees with people about its own model's responses and about others'."""

    own: float
    """Of the pairs in which people prefer the own response, the share in which the judge does."""
    others: float
    """The same of the other response; NaN without such pairs."""
    bias: float
    """own - others, in [-1, 1]; 0 = fair."""
    interval: tuple[float, float]
    """95 %, of the bias; (-1, 1) where one side has no pairs."""
    own_pairs: int
    other_pairs: int
    unread: int
    """Pairs without a verdict; they are in no share."""


def self_preference(pairs: Iterable[tuple[bool, float | None]]) -> SelfPreference:
    """The bias as a lack of equal opportunity (Wataoka et al. 2024, arXiv 2410.21819).

    P(judge prefers its own | people do) - P(judge prefers the other's | people do): a judge that is
    only often wrong, or whose model is only better, has none. The paper is known from its abstract
    and reviews; its conditions are taken from there. The interval is Newcombe's (1998, method 10)
    from two Wilson intervals; pairs count as independent.

    Args:
        pairs: Of each pair of a response by the judge's own model and one by another: whether
            people prefer the own one, and how far the judge does (1 = own, 0 = other, 1/2 = tie;
            probabilities are allowed, over both display orders; None: no verdict).

    Raises:
        ConfigError: A verdict is outside [0, 1].
    """
    own: list[float] = []
    others: list[float] = []
    unread = 0
    for is_own, lean in pairs:
        if lean is None:
            unread += 1
        elif not 0.0 <= lean <= 1.0:
            raise ConfigError(f"pairs: {lean} is outside [0, 1]")
        elif is_own:
            own.append(lean)
        else:
            others.append(1.0 - lean)
    first, second = _mean(own), _mean(others)
    interval = (-1.0, 1.0)
    if own and others:
        low, high = wilson(sum(own), len(own))
        least, most = wilson(sum(others), len(others))
        interval = (
            first - second - math.hypot(first - low, most - second),
            first - second + math.hypot(high - first, second - least),
        )
    return SelfPreference(first, second, first - second, interval, len(own), len(others), unread)


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
