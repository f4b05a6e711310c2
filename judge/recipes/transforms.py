"""The transforms a recipe may name: what each is called and what it can be told.

`judge.scoring.shape` maps every name to its function, and a test asserts that both sets are equal.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0.0)]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]


class _Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SigmoidToReference(_Params):
    """PAR: the mean of sigmoid(scale (r - reference)) over the reference rewards."""

    scale: Positive = 1.0


class LogSigmoidCentred(_Params):
    """LSC: log sigmoid(scale (r - centre)), the centre a quantile of the reference rewards."""

    scale: Positive = 1.0
    quantile: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.85


class Clip(_Params):
    """Rewards outside become the nearer end."""

    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Clip:
        if not self.low < self.high:
            raise ValueError("low must be below high")
        return self


class ZScore(_Params):
    """(r - mean) / deviation within the group."""

    unbiased: bool = True
    """Whether the deviation divides by n - 1, as torch.std does."""


class RankQuantile(_Params):
    """1 for the best of the group, 0 for the worst, ties in between."""


class Tiers(_Params):
    """A reward in [0, 1] becomes that of its zone: k / (zones - 1)."""

    zones: Annotated[int, Field(ge=2)] = 4


class Unlikeliness(_Params):
    """Likely responses earn less; needs `meta.mean_logprob` of every response."""

    beta: Unit = 0.25


class Diversity(_Params):
    """DRA: a reward is divided by how alike the group's texts are (character n-grams)."""

    n: Annotated[int, Field(ge=1)] = 3


class Canon(_Params):
    """CANON: compares within and across the shorter and the longer half of the group."""

    lam: Unit = 0.5
    alpha: float = 1.0


class LengthRegression(_Params):
    """Takes the group's own slope of reward on log length out."""

    sign: Literal["positive", "negative", "either"] = "positive"
    """Only if the slope has this sign."""


class Filtration(_Params):
    """PF-PPO: only some responses of the group keep a reward."""

    policy: Literal["best_random", "best_worst", "best"] = "best_worst"


class Constrained(_Params):
    """Constrained RLHF: named criteria enter by multipliers that fall past their thresholds.

    The multipliers are fixed until `RewardModel.advance` moves them by a step's mean parts.
    """

    thresholds: Annotated[dict[str, float], Field(min_length=1)]
    bound: Literal["sigmoid", "tanh"] = "sigmoid"
    lr: Positive = 0.01
    momentum: Unit = 0.1


class Transform(_Params):
    """One step: a single name with its settings."""

    sigmoid_to_reference: SigmoidToReference | None = None
    log_sigmoid_centred: LogSigmoidCentred | None = None
    clip: Clip | None = None
    z_score: ZScore | None = None
    rank_quantile: RankQuantile | None = None
    tiers: Tiers | None = None
    unlikeliness: Unlikeliness | None = None
    diversity: Diversity | None = None
    canon: Canon | None = None
    length_regression: LengthRegression | None = None
    filtration: Filtration | None = None
    constrained: Constrained | None = None

    @model_validator(mode="after")
    def _one(self) -> Transform:
        named = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError("a transform is one name with its settings, as in `tiers: {zones: 4}`")
        return self

    @property
    def name(self) -> str:
        """Its name."""
        return next(n for n in type(self).model_fields if getattr(self, n) is not None)

    @property
    def needs_references(self) -> bool:
        """Whether it sets rewards against those of reference responses."""
        return self.name in ("sigmoid_to_reference", "log_sigmoid_centred")
