"""The recipe file as pydantic models: how to judge, while the rubric says what good is.

Only what this version can do is accepted; a name it does not know is an error with its place.
`judge.config` maps every name of `Combine`, `Schedule` and `RewardName` to a function, and a test
asserts that both sets are equal.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Mode = Literal["pointwise", "pairwise"]
PairVerdict = Literal["two_way", "three_way", "five_way", "six_way", "scores"]
Reasoning = Literal["none", "brief", "critique"]
Readout = Literal["label", "label_probability", "expectation"]
Combine = Literal["weighted_mean", "overall"]
Schedule = Literal["none", "round_robin", "anchor", "reference"]
RewardName = Literal["score", "win_rate", "beats_reference"]

Unit = Annotated[float, Field(ge=0.0, le=1.0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class JudgeSection(_Part):
    """One call: what is asked, how it is answered, how the answer becomes probabilities."""

    mode: Mode
    """pointwise: one response against the levels of every criterion; pairwise: two responses."""
    verdict: PairVerdict = "three_way"
    """Pairs only: A or B; with a tie; five or six steps of how much better; or a 1-9 score each."""
    template: str | None = None
    """A name in prompts/; the mode's own template when absent."""
    calls: Literal["one", "each"] | Annotated[int, Field(ge=1)] = "one"
    """All criteria in one call, one call each, or this many at a time."""
    reasoning: Reasoning = "critique"
    """none; brief: a sentence before each verdict; critique: one text before all of them."""
    readout: Readout = "expectation"
    """label: the argmax alone; label_probability (pairs) and expectation (levels, scores): all."""
    samples: Annotated[int, Field(ge=1, le=64)] = 1
    """Independent draws of a call, combined by their probabilities; needs `temperature` above 0."""
    temperature: Annotated[float, Field(ge=0.0, le=5.0)] = 0.0
    max_tokens: Annotated[int, Field(ge=1)] = 512
    """Room for the whole answer, reasoning included."""
    max_reason_chars: Annotated[int, Field(ge=1)] = 400
    """The grammar ends a reason or critique at this length, so that the verdict always fits."""
    overflow: Literal["fail", "cut_middle"] = "fail"
    """A prompt too long for the engine: a failure, or the responses' middles cut with a mark."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    """How often a call is tried when its failure is one that trying again can cure."""

    @model_validator(mode="after")
    def _consistent(self) -> JudgeSection:
        if self.samples > 1 and self.temperature == 0.0:
            raise ValueError("samples above 1 are all equal at temperature 0: set a temperature")
        return self


class RubricSection(_Part):
    """Where the rubric of a group comes from."""

    source: Literal["given", "row"] = "given"
    """given: the one passed to `build`, unless a row carries its own; row: every row must."""


class CriteriaSection(_Part):
    """How the verdicts on the criteria become one value or one preference."""

    combine: Combine = "weighted_mean"
    """weighted_mean; overall (pairs only): the model is asked once, with all criteria in mind."""
    tiers: dict[str, Annotated[float, Field(ge=0.0)]] = Field(
        default_factory=lambda: {"critical": 8.0, "core": 5.0, "important": 2.0, "highlight": 1.0}
    )
    """The weight of a criterion that names a tier instead of a weight."""


class TiesSection(_Part):
    """When a pair counts as a tie although the verdict leans to one side."""

    band: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """A pair with |P(i better) - P(j better)| at or below this is a tie."""


class GroupSection(_Part):
    """Which comparisons are asked inside a group and what they are turned into."""

    schedule: Schedule = "none"
    orders: Literal["one", "both"] = "both"
    """both: each pair is asked in both display orders; one: in one, balanced over the group."""
    reward: RewardName = "score"
    budget: Annotated[int, Field(ge=1)] | None = None
    """Judge calls a group may spend at most; None: what the schedule needs."""
    single: Literal["pointwise"] | None = None
    """What a group of one gets in a relative recipe: nothing (skipped), or its pointwise score."""
    ties: TiesSection = TiesSection()


class GuardSection(_Part):
    """Limits below which a value becomes None, with a reason."""

    degenerate: bool = True
    """Whether a response without content (empty, punctuation) is worth 0 before any judge."""
    min_coverage: Unit = 0.5
    """Share of the weight (or of the comparisons) that must really have been judged."""
    min_label_mass: Unit = 0.0
    """Probability the model must give to the allowed codes before the grammar masks the rest."""


class OutputSection(_Part):
    """The range rewards are mapped to, linearly from [0, 1]."""

    range: tuple[float, float] = (0.0, 1.0)

    @model_validator(mode="after")
    def _ordered(self) -> OutputSection:
        if not self.range[0] < self.range[1]:
            raise ValueError("range must be [low, high] with low < high")
        return self


class Recipe(_Part):
    """A whole recipe."""

    schema_: Literal["recipe/v1"] = Field(alias="schema")
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_/-]*$")]
    about: str = ""
    """One sentence, with the paper it comes from."""
    extends: str | None = None
    judge: JudgeSection
    rubric: RubricSection = RubricSection()
    criteria: CriteriaSection = CriteriaSection()
    group: GroupSection = GroupSection()
    guards: GuardSection = GuardSection()
    output: OutputSection = OutputSection()

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        pairs = self.judge.mode == "pairwise"
        if pairs is (self.group.schedule == "none"):
            need = "a schedule other than none" if pairs else "`schedule: none`"
            raise ValueError(f"mode {self.judge.mode} needs {need} in group")
        if pairs is (self.group.reward == "score"):
            need = "a reward other than score" if pairs else "`reward: score`"
            raise ValueError(f"mode {self.judge.mode} needs {need} in group")
        fixed = self.group.schedule in ("anchor", "reference")
        if pairs and fixed is not (self.group.reward == "beats_reference"):
            need = "beats_reference" if fixed else "win_rate"
            raise ValueError(f"schedule {self.group.schedule} needs `reward: {need}` in group")
        if self.criteria.combine == "overall" and not pairs:
            raise ValueError("combine: overall asks one question about a pair; use mode pairwise")
        if self.criteria.combine == "overall" and self.judge.calls != "one":
            raise ValueError("combine: overall is a single call; use `calls: one`")
        return self

    @property
    def digest(self) -> str:
        """Sha256 over all that can change a reward (not id, about, extends), in hex."""
        content: dict[str, Any] = self.model_dump(
            mode="json", exclude={"schema_", "id", "about", "extends"}
        )
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
