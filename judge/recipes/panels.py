"""The recipe's sections for more than one judge: a panel, or a cheap judge before a strong one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from judge.recipes.roles import JUDGE, OTHER_WORK

PanelRule = Literal["mean", "median", "min", "weighted_majority", "dawid_skene"]
CLASS_RULES: tuple[PanelRule, ...] = ("weighted_majority", "dawid_skene")
"""Rules that take each verdict for one of a few classes, with judges of known quality."""
BENCH_MODES = ("pointwise", "pairwise", "listwise")
"""Modes in which several judges can be asked; a panel also in mode scalar."""
PAIR_CLASSES: Mapping[str, int] = {"two_way": 2, "three_way": 3}
"""Verdicts on a pair that such a rule can take, and how many classes they have."""
MEMBER_SETTINGS: Mapping[str, PanelRule] = {
    "weight": "mean",
    "accuracy": "weighted_majority",
    "confusion": "dawid_skene",
}
"""Settings of a member and the rule they belong to."""


def _judges(role: str) -> str:
    if role in OTHER_WORK:
        raise ValueError(f"{role} is the role of an engine that does other work")
    return role


Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$"), AfterValidator(_judges)]
Positive = Annotated[float, Field(gt=0.0, le=1.0)]
Between = Annotated[float, Field(gt=0.0, lt=1.0)]


class _Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Member(_Params):
    """One judge of a panel."""

    role: Role = JUDGE
    """Its engine, by the name it is given in `engine={...}` or `--engine ROLE=NAME`."""
    template: str | None = None
    """A name in prompts/; the recipe's when absent."""
    weight: Annotated[float, Field(gt=0.0)] = 1.0
    """mean: how much it counts."""
    accuracy: Between | None = None
    """weighted_majority: its probability of being right, the same whatever is right."""
    confusion: tuple[tuple[Positive, ...], ...] = ()
    """dawid_skene: P(it says the column | the row is right), levels worst to best; of a pair: the
    second shown is better, (tie,) the first shown is better."""

    @property
    def name(self) -> str:
        """What tells it from the others."""
        return self.role if self.template is None else f"{self.role}/{self.template}"

    @model_validator(mode="after")
    def _square(self) -> Member:
        width = len(self.confusion)
        for row in self.confusion:
            if len(row) != width or width < 2 or abs(math.fsum(row) - 1.0) > 1e-6:
                raise ValueError("confusion must have as many columns as rows, each row of sum 1")
        return self


class PanelSection(_Params):
    """Several judges are asked the same; their verdicts on each criterion become one.

    A member that fails a call is left out of it, and its failure is among the group's.
    """

    members: Annotated[tuple[Member, ...], Field(min_length=2, max_length=32)]
    combine: PanelRule = "mean"
    """mean: of the distributions; median: the verdict in the middle; min: the one worth least;
    weighted_majority: the posterior by each member's `accuracy`; dawid_skene: by its `confusion`.
    The last two are fixed here, never estimated while judging: a group has too few votes, and a
    response's value would hang on its neighbours. `judge.metaeval.panels.panel_votes` and
    `judge.aggregate.panels.dawid_skene` estimate confusions from a run."""
    quorum: Annotated[int, Field(ge=1)] | None = None
    """Fewer verdicts than this are a failure; None: more than half of the members."""
    standardise: bool = False
    """Of scalar models: each one's numbers get mean 0 and deviation 1 within the group before they
    are joined, for their scales differ; a response is then worth what it is among the others."""
    prior: tuple[Between, ...] = ()
    """weighted_majority, dawid_skene: the shares of the levels, in a confusion's order; even."""

    @property
    def least(self) -> int:
        """The fewest members whose verdicts count."""
        return self.quorum or len(self.members) // 2 + 1

    @property
    def classes(self) -> int | None:
        """Of how many levels its numbers speak; None: of any number."""
        return len(self.members[0].confusion) or len(self.prior) or None

    @model_validator(mode="after")
    def _different(self) -> PanelSection:
        names = [member.name for member in self.members]
        if len(set(names)) < len(names):
            raise ValueError(
                "members: two are the same; give one a weight, or ask for several `samples`"
            )
        if JUDGE not in [member.role for member in self.members]:
            raise ValueError(f"members: one of them must have the role {JUDGE}")
        if self.least > len(self.members):
            raise ValueError(f"quorum: there are only {len(self.members)} members")
        return self

    @model_validator(mode="after")
    def _used(self) -> PanelSection:
        for name, rule in MEMBER_SETTINGS.items():
            default = Member.model_fields[name].default
            given = [getattr(member, name) != default for member in self.members]
            if any(given) and self.combine != rule:
                raise ValueError(f"{name} is a setting of combine: {rule}")
            if name != "weight" and self.combine == rule and not all(given):
                raise ValueError(f"combine: {rule} needs the {name} of every member")
        if self.prior and self.combine not in CLASS_RULES:
            raise ValueError(f"prior is a setting of combine: {' or '.join(CLASS_RULES)}")
        if self.prior and (len(self.prior) < 2 or abs(math.fsum(self.prior) - 1.0) > 1e-6):
            raise ValueError("prior must be two shares or more that sum to 1")
        sizes = {len(member.confusion) for member in self.members}
        if len(sizes) > 1 or (self.prior and sizes not in ({0}, {len(self.prior)})):
            raise ValueError("confusion and prior must all be of the same levels")
        return self


class CascadeSection(_Params):
    """A cheap judge is asked first, and a strong one only where the cheap one is unsure.

    A verdict is as sure as its margin: of a pair |P(first better) - P(second better)|, of levels
    the likeliest less the next on the criterion where that is smallest. A verdict without
    probabilities, a criterion that does not apply, and a failure have no margin, and the strong
    judge is asked. What it then says stands, a failure too. `judge.metaeval.cascade` chooses a
    margin on labelled data.

    Responses judged alone are then compared across judges: where one is stricter than the other,
    that is noise in a group's rewards, and pairs are the safer mode.
    """

    first: Role = JUDGE
    then: Role = "strong"
    margin: Annotated[float, Field(ge=0.0, le=1.0)]
    """The strong judge is asked below it; 0: only where the cheap one fails; 1: always."""

    @model_validator(mode="after")
    def _two(self) -> CascadeSection:
        if self.first == self.then or JUDGE not in (self.first, self.then):
            raise ValueError(f"first and then must be two roles, one of them {JUDGE}")
        return self


def misuse(panel: PanelSection, mode: str, verdict: str, both: bool) -> str | None:
    """What a panel cannot do with the recipe's verdicts, in words; None: nothing.

    Args:
        panel: The panel.
        mode: One of `BENCH_MODES`, or scalar.
        verdict: Of a pair.
        both: Pairs and single responses are judged.
    """
    rule = panel.combine
    if mode == "scalar":
        if rule in CLASS_RULES:
            return f"combine: {rule} is of levels; numbers have none"
        own = any(member.template is not None for member in panel.members)
        return "members: a scalar model has no template" if own else None
    if panel.standardise:
        return "standardise is a setting of mode: scalar"
    if mode != "pairwise":
        return None
    if rule == "min":
        return "combine: min is of responses judged alone; of a pair no side is the lower one"
    if rule in CLASS_RULES:
        if both:
            return f"combine: {rule} needs group.single and group.agree to be unset"
        if verdict not in PAIR_CLASSES:
            return f"combine: {rule} needs `verdict: {' or '.join(PAIR_CLASSES)}`"
        if panel.classes not in (None, PAIR_CLASSES[verdict]):
            return f"`verdict: {verdict}` has {PAIR_CLASSES[verdict]} levels, not {panel.classes}"
    return None
