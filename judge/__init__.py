"""Written criteria in, rewards out: a generative reward model with constrained verdicts.

Importing this package loads neither torch nor an engine: every name is resolved when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from judge.config import load_engine
    from judge.errors import JudgeError
    from judge.recipes import Recipe, load_recipe
    from judge.reward_model import RewardModel
    from judge.rubrics import Rubric, load_rubric
    from judge.types import (
        Comparison,
        Constraint,
        Engine,
        Failure,
        Generation,
        GenerationRequest,
        Group,
        GroupResult,
        JudgeProfile,
        Message,
        Preference,
        Ranking,
        Response,
        Reward,
        Sampling,
        Score,
        Verdict,
    )
    from judge.version import __version__

_HOMES = {
    "RewardModel": "judge.reward_model",
    "Rubric": "judge.rubrics",
    "load_rubric": "judge.rubrics",
    "Recipe": "judge.recipes",
    "load_recipe": "judge.recipes",
    "load_engine": "judge.config",
    "JudgeError": "judge.errors",
    "__version__": "judge.version",
}

__all__ = [
    "Comparison",
    "Constraint",
    "Engine",
    "Failure",
    "Generation",
    "GenerationRequest",
    "Group",
    "GroupResult",
    "JudgeError",
    "JudgeProfile",
    "Message",
    "Preference",
    "Ranking",
    "Recipe",
    "Response",
    "Reward",
    "RewardModel",
    "Rubric",
    "Sampling",
    "Score",
    "Verdict",
    "__version__",
    "load_engine",
    "load_recipe",
    "load_rubric",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'judge' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES.get(name, "judge.types")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
