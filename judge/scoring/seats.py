"""The judges of a recipe: each with its engine and its templates, and how they judge together."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from judge.judges.base import Asker
from judge.judges.cascade import Cascade
from judge.judges.panel import Panel
from judge.judges.samples import Bench
from judge.prompts import PromptTemplate
from judge.recipes import Recipe
from judge.types import Engine

_log = logging.getLogger("judge")


class Seat(NamedTuple):
    """One judge."""

    name: str
    """Its role, with its template where that is its own."""
    engine: Engine
    """Started."""
    templates: Mapping[str, PromptTemplate]
    """By mode."""

    def digests(self, mode: str) -> tuple[str, str, str]:
        """What identifies it in a record."""
        return self.name, self.engine.digest, self.templates[mode].digest


def seats_of(
    recipe: Recipe,
    engines: Mapping[str, Engine],
    templates: Mapping[str, PromptTemplate],
    places: Sequence[Path],
) -> tuple[Seat, ...]:
    """The recipe's judges, in its order; one where it has neither panel nor cascade.

    Args:
        recipe: How to judge.
        engines: By role.
        templates: The recipe's, by mode.
        places: Directories that templates of a member's own are looked for in.

    Raises:
        TemplateError: A template is wrong.
    """
    seats = []
    for member in recipe.members:
        own = dict(templates)
        if member.template is not None:
            own[recipe.judge.mode] = PromptTemplate(member.template, places)
        seats.append(Seat(member.name, engines[member.role], own))
    for one, other in combinations(seats, 2):
        same = one.digests(recipe.judge.mode)[1:] == other.digests(recipe.judge.mode)[1:]
        if same and one.engine is not other.engine:
            _log.warning(
                "the judges %s and %s are the same model under the same template: they say the"
                " same, and count twice",
                one.name,
                other.name,
            )
    return tuple(seats)


def bench_of(recipe: Recipe, ask: Callable[[str], Asker]) -> Bench | None:
    """The recipe's panel or cascade, if it has one.

    Args:
        recipe: How to judge.
        ask: Makes what asks the engine of a role; once a role.
    """
    askers = {member.role: ask(member.role) for member in recipe.members}
    if recipe.panel is not None:
        pairs = recipe.judge.mode == "pairwise"
        each = [askers[member.role] for member in recipe.members]
        return Panel(recipe.panel, each, pairs and recipe.judge.verdict == "two_way")
    if recipe.cascade is not None:
        return Cascade(recipe.cascade, askers[recipe.cascade.first], askers[recipe.cascade.then])
    return None


def told(seats: Sequence[Seat], mode: str) -> dict[str, str]:
    """What a record says of several judges; nothing of one, who has entries of its own."""
    if len(seats) < 2:
        return {}
    names = dict.fromkeys(seat.engine.name for seat in seats)
    judges = json.dumps([seat.digests(mode) for seat in seats])
    return {"engine_name": " + ".join(names), "judges": judges}
