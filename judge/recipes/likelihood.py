"""The methods of `mode: likelihood` and their settings, one class each.

`judge.likelihood.METHODS` maps every name to what asks and values by them, and a test asserts that
both sets are equal.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Side = Literal["judge", "reference"]
"""Which of the two engines is asked."""
ReferenceForm = Literal["mean_log", "product", "mean_probability"]
TotalForm = Literal["sum", "mean", "min"]
Part = Literal["token", "clause", "sentence", "line", "step", "whole"]


class _Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Settings(_Params):
    """What all methods have."""

    @property
    def digest(self) -> str:
        """Sha256 of the settings as JSON, in hex."""
        return settings_digest(self)


def settings_digest(settings: Settings) -> str:
    """Sha256 of settings as JSON, in hex."""
    content = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


class ReferenceSettings(Settings):
    """reference: how likely the row's reference answer becomes by what a response reasons."""

    method: Literal["reference"]
    form: ReferenceForm = "mean_log"
    """mean_log: nats a token, <= 0; product and mean_probability: in [0, 1]."""
    marker: Annotated[str, Field(min_length=1)] = "\n\nAnswer:"
    """Opens the answer. Reasoning is what a response says before its last occurrence, or all of it
    where there is none; the response's own answer is not shown."""
    lead: str = " "
    """Comes before the reference and is scored with it."""
    baseline: bool = False
    """Take away the same value without any reasoning."""
    instruction: str = ""
    """Put before the conversation, as a system turn."""

    @property
    def sides(self) -> tuple[Side, ...]:
        """The judge alone."""
        return ("judge",)


class Dimension(_Params):
    """What users may say next about one property of a response."""

    name: Annotated[str, Field(min_length=1)]
    positive: Annotated[tuple[str, ...], Field(min_length=1)]
    negative: Annotated[tuple[str, ...], Field(min_length=1)]

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them, the positive ones first."""
        return self.positive + self.negative


class FollowUpSettings(Settings):
    """follow_up: how likely a contented user's next words are against a discontented one's."""

    method: Literal["follow_up"]
    dimensions: tuple[Dimension, ...] = ()
    """Empty: those of `judge/likelihood/follow_ups.yaml`."""
    neutral: str = ""
    """The response that says nothing; empty: that of `follow_ups.yaml`."""
    corrected: bool = True
    """Whether each follow-up's likelihood after the neutral response is taken away."""

    @property
    def sides(self) -> tuple[Side, ...]:
        """The judge alone."""
        return ("judge",)


class DensityRatioSettings(Settings):
    """density_ratio: how much likelier the judge finds a response than the reference model."""

    method: Literal["density_ratio"]
    instruction: str = ""
    """Shown to both models before the conversation."""
    domains: dict[str, str] = Field(default_factory=dict)
    """Instructions by the group's `meta.domain`, which go before `instruction`."""
    alone: bool = False
    """The mean log-probability of a token by the judge, without a reference model."""

    @property
    def sides(self) -> tuple[Side, ...]:
        """Both, or the judge alone."""
        return ("judge",) if self.alone else ("judge", "reference")


class ImplicitSettings(Settings):
    """implicit: the log-ratio of two models, or of two instructions, part by part."""

    method: Literal["implicit"]
    beta: Annotated[float, Field(gt=0.0)] = 0.05
    """What the log-ratio is multiplied by; 0.05 is what PRIME trains with (`beta_train`)."""
    by: Part = "token"
    """The parts; sums over longer segments as in 2501.02790, but cut by the text's form and not by
    the model's entropy. White space belongs to the part after it; what follows the last part,
    such as an end of sequence, to that."""
    total: TotalForm = "sum"
    """The response's value from its parts'."""
    positive: str = ""
    """An instruction that asks for a good response."""
    negative: str = ""
    """An instruction that asks for a bad one."""
    squash: bool = False
    """Take sigmoid(x) - 1/2 of each token's value before they are summed (T-REG)."""
    given_ids: bool = False
    """Score `Response.token_ids`, which must then be the engines' own tokens, so that the segments
    are in the trainer's tokens. False: the engine's tokens of the text."""

    @property
    def sides(self) -> tuple[Side, ...]:
        """Both engines, or the judge alone under two instructions."""
        return ("judge",) if self.positive else ("judge", "reference")

    @model_validator(mode="after")
    def _both(self) -> ImplicitSettings:
        if bool(self.positive) is not bool(self.negative):
            raise ValueError("contrastive prompts need `positive` and `negative`")
        return self


LikelihoodSection = Annotated[
    ReferenceSettings | FollowUpSettings | DensityRatioSettings | ImplicitSettings,
    Field(discriminator="method"),
]
"""What a recipe's `likelihood` section says; a setting that the method does not use is an error."""
