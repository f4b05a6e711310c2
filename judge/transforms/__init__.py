"""Pure functions on one group's rewards: shaping, group statistics, length, filters, weights.

Values are sequences of `float | None`. None = not judged: it stays None and changes nothing for
the others but by being absent. Results come in the input's order.
"""

from judge.transforms import constraint
from judge.transforms.constraint import Multipliers
from judge.transforms.filters import filtration, select_prompts
from judge.transforms.group import rank_quantile, tiers, z_score
from judge.transforms.length import canon, length_regression, slight_win_rule
from judge.transforms.novelty import diversity, text_similarity, unlikeliness
from judge.transforms.shaping import (
    clip,
    log_and,
    log_sigmoid_centred,
    reference_quantile,
    sigmoid_to_reference,
)
from judge.transforms.steps import clip_steps, delta_steps
from judge.transforms.weights import consistency_weight, lambda_weights, margin_scaling

__all__ = [
    "Multipliers",
    "canon",
    "clip",
    "clip_steps",
    "consistency_weight",
    "constraint",
    "delta_steps",
    "diversity",
    "filtration",
    "lambda_weights",
    "length_regression",
    "log_and",
    "log_sigmoid_centred",
    "margin_scaling",
    "rank_quantile",
    "reference_quantile",
    "select_prompts",
    "sigmoid_to_reference",
    "slight_win_rule",
    "text_similarity",
    "tiers",
    "unlikeliness",
    "z_score",
]
