"""A judge's probabilities, corrected by maps that were fitted on labelled verdicts.

What is here only applies them; `judge.metaeval.calibrate` fits them. Every map is monotone and
stays in [0, 1], so a calibrated judge never ranks two of its own verdicts the other way round.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from judge.errors import ConfigError
from judge.types import Comparison, FloatArray, Record

MapKind = Literal["identity", "temperature", "platt", "isotonic"]

EDGE = 1e-6
"""Probabilities nearer to 0 or 1 count as this near where a map needs their log-odds."""


class ProbabilityMap(Record, frozen=True):
    """A monotone map of [0, 1] into itself.

    temperature: logit p' = slope * logit p, slope = 1 / T (Guo et al. 2017, arXiv 1706.04599);
    platt: logit p' = slope * logit p + intercept (Platt 1999); isotonic: straight lines between
    knots, level beyond them (Zadrozny & Elkan 2002).
    """

    kind: MapKind = "identity"
    slope: float = 1.0
    """Of temperature and platt, >= 0."""
    intercept: float = 0.0
    """Of platt, in logits."""
    knots: tuple[tuple[float, float], ...] = ()
    """Of isotonic: (p, p'), p rising and p' not falling."""

    def __post_init__(self) -> None:
        if not (0.0 <= self.slope < np.inf and abs(self.intercept) < np.inf):
            raise ConfigError(f"slope, intercept: {self.slope} and {self.intercept} make no map")
        if (self.kind == "isotonic") is not bool(self.knots):
            raise ConfigError("knots: an isotonic map has them, no other has")
        if self.knots:
            _check_knots(np.array(self.knots, dtype=np.float64))

    def apply(self, p: npt.ArrayLike) -> FloatArray:
        """The map of each probability; NaN stays NaN.

        Raises:
            ConfigError: A number is outside [0, 1].
        """
        given = np.asarray(p, dtype=np.float64)
        if ((given < 0.0) | (given > 1.0)).any():
            raise ConfigError("p: a probability is outside [0, 1]")
        if self.kind == "identity":
            return given.copy()
        if self.kind == "isotonic":
            x, y = np.array(self.knots, dtype=np.float64).T
            return np.asarray(np.interp(given, x, y), dtype=np.float64)
        return expit(self.slope * logit(given) + (self.intercept if self.kind == "platt" else 0.0))


class Calibration(Record, frozen=True):
    """All that is known about how far one judge's probabilities are off; as made, it changes none.

    Pairs: the share of the first among the decided, p_first / (p_first + p_second), is freed of
    the order effect in logits and then mapped; the probability of a tie stays. Levels: the
    probability of each level or a better one is mapped, which keeps a distribution one.
    """

    judge: str = ""
    """Digest of the judge it was fitted on; it is worth nothing for another."""
    pairs: ProbabilityMap = ProbabilityMap()
    levels: ProbabilityMap = ProbabilityMap()
    order_effect: float = 0.0
    """Logits that being shown first adds."""
    n_pairs: int = 0
    """Labelled comparisons it was fitted on."""
    n_levels: int = 0
    about: str = ""
    """What judged, in words: engine, recipe and rubric."""

    def __post_init__(self) -> None:
        if not abs(self.order_effect) < np.inf:
            raise ConfigError(f"order_effect: {self.order_effect} is not finite")

    @property
    def digest(self) -> str:
        """Sha256 of the canonical JSON, in hex."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads back exactly."""
        return msgspec.json.encode(self, order="sorted").decode()

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Read what `to_json` wrote.

        Raises:
            ConfigError: The text is not a calibration.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError as error:
            raise ConfigError(f"not a calibration: {error}") from error

    def first_share(self, share: npt.ArrayLike) -> FloatArray:
        """Calibrated P(first is better | decided) of each judged one, in [0, 1]."""
        return self.pairs.apply(without_order(share, self.order_effect))

    def comparison(self, judged: Comparison) -> Comparison:
        """A comparison with calibrated probabilities and log-odds; a sure tie stays.

        The judge's scores stay as they are, its lean gives way to the probabilities, and `graded`
        is True once a label has become a probability.
        """
        decided = judged.p_first + judged.p_second
        if decided == 0.0 or self._leaves_pairs:
            return judged
        share = float(self.first_share(min(1.0, judged.p_first / decided)))
        return replace(
            judged,
            p_first=decided * share,
            p_second=decided * (1.0 - share),
            log_odds=None if judged.log_odds is None else self._log_odds(judged.log_odds),
            lean=None,
            graded=judged.graded or 0.0 < share < 1.0,
        )

    def distribution(self, levels: npt.ArrayLike) -> FloatArray:
        """Calibrated probabilities of levels, worst to best, [..., K]; they sum to what they did.

        Raises:
            ConfigError: They are not probabilities that sum to 1.
        """
        given = np.asarray(levels, dtype=np.float64)
        if not (given.shape[-1:] != (0,) and (given >= 0.0).all()):
            raise ConfigError("levels: need probabilities")
        if not np.allclose(given.sum(-1), 1.0, atol=1e-6):
            raise ConfigError("levels: the probabilities do not sum to 1")
        if self.levels.kind == "identity":
            return given.copy()
        above = np.clip(np.cumsum(given[..., ::-1], -1)[..., ::-1], 0.0, 1.0)
        mapped = self.levels.apply(above[..., 1:])
        ends = np.ones_like(given[..., :1])
        return -np.diff(np.concatenate((ends, mapped, 0.0 * ends), -1), axis=-1)

    @property
    def _leaves_pairs(self) -> bool:
        return self.pairs.kind == "identity" and self.order_effect == 0.0

    def _log_odds(self, log_odds: float) -> float:
        """Without clipping, where the map is a line in logits."""
        at = log_odds - self.order_effect
        if self.pairs.kind == "isotonic":
            return float(logit(self.pairs.apply(expit(np.array(at)))))
        moved = self.pairs.intercept if self.pairs.kind == "platt" else 0.0
        return (at if self.pairs.kind == "identity" else self.pairs.slope * at) + moved


def load_calibration(given: str | Path | Calibration) -> Calibration:
    """A calibration, or the one of a file that `judge calibrate` wrote.

    Raises:
        ConfigError: The file cannot be read, or is not a calibration.
    """
    if isinstance(given, Calibration):
        return given
    try:
        return Calibration.from_json(Path(given).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"calibration {given} cannot be read: {error}", hint="write one with judge calibrate"
        ) from error
    except ConfigError as error:
        raise ConfigError(f"{given}: {error.message}", hint=error.hint) from error


def without_order(share: npt.ArrayLike, effect: float) -> FloatArray:
    """P(first is better), freed of the logits that being shown first adds; unchanged for 0."""
    given = np.asarray(share, dtype=np.float64)
    return given.copy() if effect == 0.0 else expit(logit(given) - effect)


def logit(p: npt.ArrayLike) -> FloatArray:
    """Log-odds of probabilities, which count as at least `EDGE` away from 0 and 1."""
    inside = np.clip(np.asarray(p, dtype=np.float64), EDGE, 1.0 - EDGE)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


def expit(x: npt.ArrayLike) -> FloatArray:
    """The probability of log-odds, 1 / (1 + e^-x)."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(x, dtype=np.float64))))


def _check_knots(knots: FloatArray) -> None:
    x, y = knots.T
    inside = ((knots >= 0.0) & (knots <= 1.0)).all()
    if not (inside and (np.diff(x) > 0.0).all() and (np.diff(y) >= 0.0).all()):
        raise ConfigError("knots: need p rising and p' not falling, all in [0, 1]")
