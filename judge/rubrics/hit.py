"""What a rule of `judge rubric lint` found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from judge.files import Trail
from judge.rubrics.criterion import Criterion
from judge.rubrics.schema import Rubric


class Hit(NamedTuple):
    """One thing found; `path` leads to the part of the rubric it is about."""

    code: str
    path: Trail
    message: str
    suggestion: str


def enabled(rubric: Rubric) -> Iterator[tuple[Trail, Criterion]]:
    """The criteria that are part of the rubric, with where they are written."""
    for index, criterion in enumerate(rubric.criteria):
        if criterion.enabled:
            yield ("criteria", index), criterion
