"""What the commands share: options, consoles, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from judge.errors import (
    ConfigError,
    JudgeError,
    RecipeError,
    RubricError,
    TemplateError,
)

UNEXPECTED, USAGE, INVALID, UNJUDGED, BREACHED = 1, 2, 3, 4, 100

LOW_MASS = 0.5
"""A mean label mass below this says that the model wanted to answer something else."""

out = Console()
"""Results: stdout."""
log = Console(stderr=True)
"""Progress and messages: stderr."""

EngineName = Annotated[
    str, typer.Option("--engine", envvar="JUDGE_ENGINE", help="embedded, vllm:MODEL, ...")
]
EngineNames = Annotated[
    list[str] | None,
    typer.Option(
        "--engine",
        envvar="JUDGE_ENGINE",
        help="embedded, vllm:MODEL, ...; ROLE=NAME for the recipe's other roles; repeatable.",
    ),
]
RecipeName = Annotated[
    str, typer.Option("--recipe", envvar="JUDGE_RECIPE", help="A recipe's name or file.")
]
Seed = Annotated[int, typer.Option("--seed", envvar="JUDGE_SEED", help="Of every random draw.")]
Json = Annotated[bool, typer.Option("--json", envvar="JUDGE_JSON", help="Print JSON.")]
Calibrated = Annotated[
    Path | None,
    typer.Option("--calibration", envvar="JUDGE_CALIBRATION", help="Of judge calibrate."),
]
Prompts = Annotated[
    Path | None, typer.Option("--prompts", envvar="JUDGE_PROMPTS", help="Directory of templates.")
]


def exit_code(error: JudgeError) -> int:
    """3 for what a person wrote wrong, 1 for the rest."""
    wrong = (RubricError, RecipeError, TemplateError, ConfigError)
    return INVALID if isinstance(error, wrong) else UNEXPECTED


def print_json(data: Any) -> None:
    """Print JSON on stdout, as it is."""
    typer.echo(json.dumps(data, indent=1, ensure_ascii=False))


def percent(share: float | None) -> str:
    """A share as a percentage, or a dash."""
    return "-" if share is None else f"{100 * share:.1f} %"
