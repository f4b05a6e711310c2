"""`judge prompt`: what the judge is shown."""

from __future__ import annotations

from typing import Annotated

import typer

from judge.cli.shared import Prompts, RecipeName, print_json
from judge.engines.dry import DryEngine
from judge.errors import ConfigError
from judge.recipes import load_recipe
from judge.recipes.schema import WORDLESS
from judge.reward_model import RewardModel
from judge.types import Group

app = typer.Typer(no_args_is_help=True, help="Show prompts.")


@app.command()
def show(
    rubric: Annotated[str | None, typer.Argument(help="A rubric's name or file.")] = None,
    recipe: RecipeName = "pointwise",
    prompts: Prompts = None,
    as_schema: Annotated[bool, typer.Option("--schema", help="The grammar instead.")] = False,
) -> None:
    """The messages of one call, with stand-in texts."""
    named = load_recipe(recipe)
    if named.judge.mode in WORDLESS:
        typer.echo(
            f"recipe {named.id} (mode {named.judge.mode}) has no prompt: a model gives each"
            " response a number and is told no criteria"
        )
        return
    if rubric is None:
        raise ConfigError("a prompt asks about a rubric", hint="name one, or its file")
    engine = DryEngine()
    group = Group.of(
        "<the user's prompt>",
        ["<one response>", "<another response>"],
        id="example",
        reference="<a reference answer>",
    )
    needed = engine.under(named.roles)
    with RewardModel.build(rubric, recipe=named, engine=needed, prompts=prompts) as model:
        model.score([group])
    for request in engine.kept:
        if as_schema:
            constraint = request.constraint
            print_json(constraint.json_schema if constraint else list(request.labels))
            continue
        for message in request.messages or ():
            typer.echo(f"--- {message.role}\n{message.content}")
