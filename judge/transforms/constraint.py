"""Rewards held at thresholds by Lagrange multipliers (constrained RLHF, arXiv 2310.04373).

Each component reward has a proxy point: past it, more reward no longer means better. A multiplier
a component weighs it against the task reward and falls once the component's mean is past the point.
Thresholds come from a sweep; components are whitened (`z_score`) before they are combined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from judge.errors import ConfigError
from judge.transforms.judged import Values, check_finite, judged
from judge.types import FloatArray, Record


class Multipliers(Record, frozen=True):
    """The state to keep between updates, K entries a field; plain JSON by `msgspec.to_builtins`."""

    thresholds: tuple[float, ...]
    """Where each component's mean should stay, in the component's own unit."""
    parameters: tuple[float, ...]
    """Lagrange parameters; the multipliers are `weights` of them."""
    velocity: tuple[float, ...]
    """Momentum of the descent."""
    bound: Literal["sigmoid", "tanh"] = "sigmoid"
    """`sigmoid`: multipliers in (0, 1), stay below. `tanh`: in (-1, 1), stay at the threshold."""

    def __post_init__(self) -> None:
        if not len(self.thresholds) == len(self.parameters) == len(self.velocity):
            raise ConfigError("Multipliers: thresholds, parameters and velocity differ in length")
        for name in ("thresholds", "parameters", "velocity"):
            check_finite(f"Multipliers.{name}", getattr(self, name))

    @classmethod
    def start(
        cls, thresholds: Sequence[float], *, bound: Literal["sigmoid", "tanh"] = "sigmoid"
    ) -> Multipliers:
        """Parameters of 0: multipliers of 1/2 (sigmoid) or 0 (tanh)."""
        zeros = (0.0,) * len(thresholds)
        return cls(tuple(thresholds), zeros, zeros, bound)


def weights(state: Multipliers) -> list[float]:
    """The K multipliers mu: sigmoid or tanh of the parameters."""
    return [float(mu) for mu in _weights(state)]


def combine(components: Sequence[Values], task: Values, state: Multipliers) -> list[float | None]:
    """(K - sum mu) * task + sum_i mu_i * component_i, for each response.

    Args:
        components: K lists of N rewards (or advantages), whitened per component.
        task: N rewards (or advantages) of the task itself.
        state: K thresholds and parameters.

    Returns:
        N values; None where the task or a component is not judged.

    Raises:
        ConfigError: There are not K components, or the lengths differ.
    """
    _check_count("components", len(components), state)
    named = {f"components[{i}]": column for i, column in enumerate(components)}
    known = judged(task=task, **named)
    table, mu = np.array(known.columns), _weights(state)
    return known.back(np.array([len(mu) - mu.sum(), *mu]) @ table)


def step(
    state: Multipliers, mean_components: Values, *, lr: float = 0.01, momentum: float = 0.1
) -> Multipliers:
    """One step of dual descent on sum_i mu_i * (mean_i - threshold_i).

    A multiplier falls while its component's mean is above the threshold and rises below it.

    Args:
        state: Where the descent is.
        mean_components: K means over the batch, in the thresholds' units; None: no step for it.
        lr: Step size.
        momentum: v' = momentum * v + gradient, parameter' = parameter - lr * v'.

    Raises:
        ConfigError: There are not K means, or one is not finite.
    """
    _check_count("mean_components", len(mean_components), state)
    check_finite("mean_components", mean_components)
    mu = _weights(state)
    slopes = mu * (1.0 - mu) if state.bound == "sigmoid" else 1.0 - mu**2
    parameters, velocity = list(state.parameters), list(state.velocity)
    for i, mean in enumerate(mean_components):
        if mean is not None:
            gradient = float(slopes[i]) * (mean - state.thresholds[i])
            velocity[i] = momentum * velocity[i] + gradient
            parameters[i] -= lr * velocity[i]
    return Multipliers(state.thresholds, tuple(parameters), tuple(velocity), state.bound)


def _weights(state: Multipliers) -> FloatArray:
    parameters = np.array(state.parameters, dtype=np.float64)
    tanh = state.bound == "tanh"
    mu: FloatArray = np.tanh(parameters) if tanh else 0.5 + 0.5 * np.tanh(parameters / 2.0)
    return mu


def _check_count(name: str, count: int, state: Multipliers) -> None:
    if count != len(state.thresholds):
        raise ConfigError(f"{name}: {count} of them for {len(state.thresholds)} thresholds")
