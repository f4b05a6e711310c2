"""Where a group's rubric, or a pair's, comes from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from msgspec.structs import replace

from judge.judges.base import Tally
from judge.judges.case import NOT_SHOWN
from judge.rubrics import Rubric
from judge.types import Failure, Group

RubricSource = Callable[[Group], Awaitable[Rubric]]
"""Gives a group its rubric; raises RubricError where it has none."""
RubricWriter = Callable[[Group, Rubric | None, Tally], Awaitable[Rubric | Failure]]
"""Writes the rubric of a group, or of a pair (a group of two), given the one it has; what that
costs, and what was written, goes into the tally."""


@dataclass(frozen=True, slots=True)
class Writers:
    """Who writes rubrics, by the recipe's section `rubric`."""

    group: RubricWriter | None = None
    """Once a group, before anything is judged."""
    pair: RubricWriter | None = None
    """Once a pair of responses, whatever the display order."""
    digest: str = ""
    """Of all that can change what they write."""


NOBODY = Writers()
"""Rubrics are given."""


def visible(group: Group, rubric: Rubric | None) -> Group:
    """The group without what the rubric hides from every model, those that write included."""
    hidden = () if rubric is None else rubric.inputs.hidden
    if "prompt" in hidden:
        group = replace(group, prompt=NOT_SHOWN)
    if "reference" in hidden:
        group = replace(group, reference=None)
    return replace(group, context=None) if "context" in hidden else group
