"""`judge prompt`: what the judge is shown."""

from __future__ import annotations

from typing import Annotated

import typer

from judge.cli.shared import Prompts, RecipeName, print_json
from judge.engines.dry import DryEngine
from judge.reward_model import RewardModel
from judge.types import Group

app = typer.Typer(no_args_is_help=True, help="Show prompts.")


@app.command()
def show(
    rubric: Annotated[str, typer.Argument(help="A rubric's name or file.")],
    recipe: RecipeName = "pointwise",
    prompts: Prompts = None,
    as_schema: Annotated[bool, typer.Option("--schema", help="The grammar instead.")] = False,
) -> None:
    """The messages of one call, with stand-in texts."""
    engine = DryEngine()
    group = Group.of(
        "<the user's prompt>",
        ["<one response>", "<another response>"],
        id="example",
        reference="<a reference answer>",
    )
    with RewardModel.build(rubric, recipe=recipe, engine=engine, prompts=prompts) as model:
        model.score([group])
    for request in engine.kept:
        if as_schema:
            constraint = request.constraint
            print_json(constraint.json_schema if constraint else list(request.labels))
            continue
        for message in request.messages or ():
            typer.echo(f"--- {message.role}\n{message.content}")
