"""`judge recipe`: the recipes there are, and whether a file is one."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from judge.cli.shared import Json, out, print_json
from judge.recipes import json_schema, load_recipe, recipe_names

app = typer.Typer(no_args_is_help=True, help="List, show and check recipes.")

Name = Annotated[str, typer.Argument(help="A recipe's name or file.")]


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """The recipes that can be found."""
    recipes = [load_recipe(name) for name in recipe_names()]
    if as_json:
        print_json([{"id": r.id, "mode": r.judge.mode, "about": r.about} for r in recipes])
        return
    table = Table("recipe", "mode", "about", box=None)
    for recipe in recipes:
        table.add_row(recipe.id, recipe.judge.mode, recipe.about)
    out.print(table)


@app.command()
def show(name: Name) -> None:
    """A recipe with everything it leaves unsaid."""
    recipe = load_recipe(name)
    print_json({**recipe.model_dump(mode="json", by_alias=True), "digest": recipe.digest})


@app.command()
def lint(names: Annotated[list[str], typer.Argument(help="Names or files.")]) -> None:
    """Whether files are recipes; the first that is not is reported with its place."""
    for name in names:
        typer.echo(f"{name}: recipe {load_recipe(name).id} is valid")


@app.command()
def schema() -> None:
    """The JSON Schema of a recipe file, for editors."""
    print_json(json_schema())
