"""What the display order does to a judge, on the pairs of a benchmark asked in both orders."""

from __future__ import annotations

import math
from collections.abc import Sequence

from judge.benchmarks.items import TIED, Game, Judged
from judge.metaeval.consistency import Place, order_bias


def position_figures(judged: Sequence[Judged]) -> dict[str, float]:
    """Consistency, fairness and slot bias (see `order_bias`); none where one order was asked."""
    both = [one.games for one in judged if len(one.truth) == 2 and len(one.games) == 2]
    if not both:
        return {}
    found = order_bias([(_place(one), _place(other)) for one, other in both])
    figures = {
        "order consistency": found.consistency,
        "fairness": found.fairness,
        "slot bias": found.slot_bias,
    }
    return {name: value for name, value in figures.items() if not math.isnan(value)}


def _place(game: Game) -> Place | None:
    if game.winner is None:
        return None
    if game.winner == TIED:
        return "tie"
    return "first" if game.winner == game.first else "second"
