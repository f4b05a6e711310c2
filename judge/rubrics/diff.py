"""What changed between two versions of a rubric, criterion by criterion, and what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from judge.rubrics.criterion import Criterion
from judge.rubrics.describe import describe
from judge.rubrics.schema import Rubric

ChangeKind = Literal[
    "added",
    "removed",
    "moved",
    "reweighed",
    "reworded",
    "rescaled",
    "regated",
    "rechecked",
    "changed",
    "described",
]
Bump = Literal["none", "patch", "minor", "major"]
_BUMPS: tuple[Bump, ...] = ("none", "patch", "minor", "major")

_NEEDS: dict[ChangeKind, Bump] = {
    "described": "patch",
    "reworded": "patch",
    "moved": "patch",
    "added": "minor",
    "removed": "minor",
    "reweighed": "minor",
    "regated": "minor",
    "rechecked": "minor",
    "changed": "minor",
    "rescaled": "major",
}
_FIELDS: dict[str, ChangeKind] = {
    "question": "reworded",
    "examples": "reworded",
    "weight": "reweighed",
    "tier": "reweighed",
    "scale": "rescaled",
    "kind": "rescaled",
    "gate": "regated",
    "check": "rechecked",
    "hybrid": "rechecked",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; `criterion` is None for one of the rubric as a whole."""

    kind: ChangeKind
    criterion: str | None
    before: str = ""
    after: str = ""

    @property
    def needs(self) -> Bump:
        """The least version step this change calls for."""
        return _NEEDS[self.kind]


def diff(old: Rubric, new: Rubric) -> list[Change]:
    """All differences, criteria first and in the order of the new rubric."""
    above, below = ({c.id: c for c in rubric.enabled} for rubric in (old, new))
    changes = [
        Change("removed", name, describe(c)) for name, c in above.items() if name not in below
    ]
    for name, criterion in below.items():
        if name in above:
            changes.extend(_changes(above[name], criterion))
        else:
            changes.append(Change("added", name, "", describe(criterion)))
    shared = [name for name in above if name in below]
    if shared != [name for name in below if name in above]:
        changes.append(Change("moved", None, ", ".join(shared), ", ".join(below)))
    if not shared:
        changes.append(Change("rescaled", None, "all criteria", "none of them is left"))
    return changes + list(_top_level(old, new))


def needed(changes: list[Change]) -> Bump:
    """The least version step for all changes together."""
    return max((change.needs for change in changes), key=_BUMPS.index, default="none")


def step(old: str, new: str) -> Bump:
    """The version step that was made; "none" also for a step back."""
    before, after = ([int(part) for part in text.split(".")] for text in (old, new))
    if after <= before:
        return "none"
    return next(bump for bump, a, b in zip(_BUMPS[:0:-1], before, after, strict=True) if a != b)


def is_enough(made: Bump, wanted: Bump) -> bool:
    """Whether a version step is at least the wanted one."""
    return _BUMPS.index(made) >= _BUMPS.index(wanted)


def _changes(old: Criterion, new: Criterion) -> Iterator[Change]:
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    for name in Criterion.model_fields:
        if before[name] != after[name] and name != "enabled":
            kind = _FIELDS.get(name, "changed")
            if name == "scale" and _names(old) == _names(new):
                kind = "reworded"
            yield Change(kind, new.id, _shown(old, name), _shown(new, name))


def _names(criterion: Criterion) -> list[str]:
    return [level.name for level in criterion.levels] or [str(criterion.errors)]


def _shown(criterion: Criterion, name: str) -> str:
    if name == "scale" and criterion.levels:
        return ", ".join(
            f"{level.name} ({level.meaning})" if level.meaning else level.name
            for level in criterion.levels
        )
    value = getattr(criterion, name)
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json", exclude_defaults=True)
    return f"{name} {value}" if name not in ("question", "scale") else str(value)


def _top_level(old: Rubric, new: Rubric) -> Iterator[Change]:
    if old.inputs != new.inputs:
        yield Change("changed", None, f"inputs {old.inputs}", f"inputs {new.inputs}")
    for name in ("title", "description"):
        if getattr(old, name) != getattr(new, name):
            yield Change("described", None, getattr(old, name), getattr(new, name))
