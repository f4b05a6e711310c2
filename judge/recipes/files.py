"""Recipe files: find, load with a parent, and say exactly where one is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from judge.errors import RecipeError
from judge.files import Entry, Library, Node, read_file, validate
from judge.recipes.schema import Recipe

MAX_PARENTS = 4
RECIPES = Library(
    "recipe", "recipes", "JUDGE_RECIPES", Path(__file__).parent / "bundled", RecipeError
)


def load_recipe(name: str | Path, *, directory: Path | None = None) -> Recipe:
    """Load a recipe by path or id, such as pairwise-win-rate, with its parents merged in.

    Raises:
        RecipeError: There is no such recipe, or something in it is wrong; with its place.
    """
    path = RECIPES.find(name, directory)
    return validate(Recipe, _merged(path, directory, ()), file=str(path), error=RecipeError)


def recipe_names() -> list[str]:
    """The ids of all recipes that can be found, sorted."""
    return RECIPES.names()


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a recipe file, for editors."""
    schema = Recipe.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["required"] = ["schema", "id"]
    return schema


def _merged(path: Path, directory: Path | None, below: tuple[Path, ...]) -> Node:
    _, node = read_file(path, RecipeError)
    entry = node.content.get("extends") if isinstance(node.content, dict) else None
    if entry is None or not isinstance(entry.node.content, str):
        return node
    place = entry.node.place
    chain = (*below, path.resolve())
    found = RECIPES.find(entry.node.content, directory)
    if found.resolve() in chain or len(chain) > MAX_PARENTS:
        raise RecipeError(
            f"extends goes in a circle, or more than {MAX_PARENTS} parents deep",
            file=str(path),
            line=place.line,
            column=place.column,
        )
    return _laid_over(_merged(found, directory, chain), node)


def _laid_over(parent: Node, child: Node) -> Node:
    """The child's mapping over the parent's, key by key, places kept."""
    if not (isinstance(parent.content, dict) and isinstance(child.content, dict)):
        return child
    merged = dict(parent.content)
    for key, entry in child.content.items():
        above = merged.get(key)
        node = entry.node if above is None else _laid_over(above.node, entry.node)
        merged[key] = Entry(entry.place, node)
    return Node(merged, child.place)
