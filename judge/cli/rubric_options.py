"""Options that the commands of `judge rubric` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="A rubric's path or id, such as general/helpfulness.")]
Names = Annotated[list[str], typer.Argument(help="Paths or ids.")]
Directory = Annotated[
    Path | None, typer.Option("--rubrics", envvar="JUDGE_RUBRICS", help="Where ids are looked up.")
]
