"""Edits of a rubric's content: what a search tries and a person accepts one by one.

An edit touches one criterion (a merge two) and leaves everything else as it is, so that a file
keeps its comments, order and quoting when it is saved.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from judge.errors import ConfigError
from judge.recipes import CriteriaSection
from judge.synthesis.drafts import Content, Proposal, names
from judge.types import Record

EditKind = Literal["add", "delete", "rewrite", "split", "merge", "reweigh", "rescale"]
FREE: tuple[EditKind, ...] = ("delete", "reweigh")
"""Edits whose effect is known from the criteria's own leads, without a call."""


class Edit(Record, frozen=True):
    """One change."""

    kind: EditKind
    targets: tuple[str, ...] = ()
    """Ids of the criteria it touches; none for an addition."""
    proposals: tuple[Proposal, ...] = ()
    """What takes their place, or is added."""
    factor: float = 1.0
    """reweigh: by how much."""
    scale: tuple[str, ...] = ()
    """rescale: names of the levels, worst first; empty: yes or no."""
    evidence: tuple[str, ...] = ()
    """Ids of the pairs that spoke for it."""

    def sentence(self) -> str:
        """The edit in words."""
        touched = " and ".join(self.targets)
        asked = "; ".join(proposal.question for proposal in self.proposals)
        words = {
            "add": f"add: {asked}",
            "delete": f"delete {touched}",
            "rewrite": f"rewrite {touched}: {asked}",
            "split": f"split {touched} into: {asked}",
            "merge": f"merge {touched} into: {asked}",
            "reweigh": f"weigh {touched} {self.factor:g} times as much",
            "rescale": f"levels of {touched}: {', '.join(self.scale) or 'no, yes'}",
        }
        return words[self.kind]


def criteria_of(content: Content) -> list[dict[str, Any]]:
    """The content's own criteria."""
    return list(content.get("criteria") or ())


def weight_of(criterion: Mapping[str, Any]) -> float:
    """A criterion's weight; of a tier the recipes' default."""
    tier = criterion.get("tier")
    return CriteriaSection().tiers[tier] if tier is not None else float(criterion.get("weight", 1))


def applied(content: Content, edit: Edit) -> dict[str, Any]:
    """The content with the edit made; the original is untouched.

    Raises:
        ConfigError: A target is not there, or nothing of weight would be left.
    """
    made = copy.deepcopy(dict(content))
    criteria: list[dict[str, Any]] = made.setdefault("criteria", [])
    ids = [criterion["id"] for criterion in criteria]
    for target in edit.targets:
        if target not in ids:
            raise ConfigError(f"targets: there is no criterion {target!r}")
    if edit.kind == "reweigh":
        criterion = criteria[ids.index(edit.targets[0])]
        criterion["weight"] = round(weight_of(criterion) * edit.factor, 3)
        criterion.pop("tier", None)
    elif edit.kind == "rescale":
        criterion = criteria[ids.index(edit.targets[0])]
        if edit.scale:
            criterion["scale"] = list(edit.scale)
        else:
            criterion.pop("scale", None)
        criterion.pop("gate", None)
    else:
        _replace(criteria, ids, edit)
    if not any(weight_of(criterion) > 0.0 for criterion in criteria):
        raise ConfigError("nothing of weight would be left")
    return made


def _replace(criteria: list[dict[str, Any]], ids: Sequence[str], edit: Edit) -> None:
    places = [ids.index(target) for target in edit.targets]
    kept = [name for name in ids if name not in edit.targets]
    fresh = names([proposal.question for proposal in edit.proposals], kept)
    if edit.kind == "rewrite" and len(edit.proposals) == 1:
        fresh = [edit.targets[0]]
    weights = [weight_of(criteria[place]) for place in places]
    made = []
    for name, proposal in zip(fresh, edit.proposals, strict=True):
        criterion: dict[str, Any] = {"id": name, "question": proposal.question}
        if proposal.kind != "principle":
            criterion["kind"] = proposal.kind
        if weights and sum(weights) != 1.0:
            criterion["weight"] = round(sum(weights) / len(edit.proposals), 3)
        made.append(criterion)
    at = min(places, default=len(criteria))
    for place in sorted(places, reverse=True):
        del criteria[place]
    criteria[at:at] = made
