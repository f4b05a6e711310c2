"""Locked paths: what a child rubric may change only to be stricter."""

from __future__ import annotations

from typing import Any

from judge.errors import RubricError
from judge.files import Node, did_you_mean
from judge.rubrics.criterion import Criterion, Gate
from judge.rubrics.schema import Rubric

_TIERS = ("highlight", "important", "core", "critical")
_EVIDENCE = ("none", "quote", "citation")
_PARTS = {
    "enabled",
    "question",
    "kind",
    "weight",
    "tier",
    "scale",
    "gate",
    "check",
    "hybrid",
    "scope",
    "layer",
    "needs",
    "allow_na",
    "evidence",
    "depends_on",
    "slots",
    "examples",
}


def known_locks(rubric: Rubric, node: Node) -> None:
    """Raise where a locked path names nothing of the rubric.

    Raises:
        RubricError: With the place of the path.
    """
    known = {"inputs.required", "inputs.hidden"}
    for criterion in rubric.enabled:
        known |= {f"criteria.{criterion.id}"}
        known |= {f"criteria.{criterion.id}.{part}" for part in _PARTS - {"enabled"}}
    for index, path in enumerate(rubric.locked):
        if path not in known:
            raise _error(
                f"locked: {path!r} is nothing in this rubric",
                node,
                ("locked", index),
                did_you_mean(path, known),
            )


def check_locks(parent: Rubric, child: Rubric, node: Node) -> None:
    """Raise where a child is laxer than its parent on a path the parent has locked.

    Raises:
        RubricError: With the place of what the child wrote.
    """
    for path in parent.locked:
        section, name, *rest = path.split(".")
        if section == "inputs":
            missing = set(getattr(parent.inputs, name)) - set(getattr(child.inputs, name))
            if missing:
                raise _error(
                    f"{path} is locked by {parent.id}: {', '.join(sorted(missing))} must stay",
                    node,
                    ("inputs", name),
                )
            continue
        old = next(c for c in parent.criteria if c.id == name)
        position, new = next((i, c) for i, c in enumerate(child.criteria) if c.id == name)
        for part in rest or sorted(_PARTS):
            if not _as_strict(part, old, new):
                raise _error(
                    f"criteria.{name}.{part} is locked by {parent.id} and may only get stricter",
                    node,
                    ("criteria", position, part),
                    f"the parent has {_shown(getattr(old, part))}",
                    name,
                )
        if not new.enabled:
            raise _error(
                f"criteria.{name} is locked by {parent.id} and cannot be removed",
                node,
                ("criteria", position, "enabled"),
                criterion=name,
            )


def _as_strict(part: str, old: Criterion, new: Criterion) -> bool:
    """Whether the child's value is the parent's or a stricter one."""
    before, after = getattr(old, part), getattr(new, part)
    if before == after:
        return True
    if part == "enabled":
        return bool(after)
    if part == "weight":
        return bool(after >= before) and new.tier == old.tier
    if part == "tier" and before and after:
        return _TIERS.index(after) > _TIERS.index(before)
    if part == "evidence":
        return _EVIDENCE.index(after) > _EVIDENCE.index(before)
    if part == "allow_na":
        return not after
    if part == "gate":
        return before is None or (after is not None and _stricter_gate(old, new, before, after))
    return False


def _stricter_gate(old: Criterion, new: Criterion, before: Gate, after: Gate) -> bool:
    """It fires at least as often and costs at least as much; the two scales must be equal."""
    if old.scale != new.scale or "drop" in (before.then, after.then):
        return False
    levels = range(len(old.levels))
    wider = all(after.fires(new, k) for k in levels if before.fires(old, k))
    return wider and (after.at or 0.0) <= (before.at or 0.0)


def _shown(value: Any) -> str:
    return repr(value.model_dump(exclude_defaults=True) if hasattr(value, "model_dump") else value)


def _error(
    message: str,
    node: Node,
    path: tuple[str | int, ...],
    hint: str = "",
    criterion: str | None = None,
) -> RubricError:
    place = node.find(path).place
    return RubricError(
        message,
        file=place.file,
        line=place.line,
        column=place.column,
        hint=hint,
        criterion=criterion,
    )
