"""What the commands that learn from labelled pairs share: options, pairs, the model that judges."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from judge.errors import ConfigError, RubricError
from judge.files import is_id, read_file
from judge.reward_model import RewardModel
from judge.rubrics import load_rubric
from judge.rubrics.files import RUBRICS
from judge.runs.dataset import Columns, read_rows
from judge.synthesis.judging import check_recipe, labelled_pairs
from judge.types import Engine, Group

Data = Annotated[list[Path], typer.Option("--data", help="Labelled rows; repeatable.")]
Maps = Annotated[list[str] | None, typer.Option("--map", help="FIELD=COLUMN; repeatable.")]
LabelsFrom = Annotated[
    int,
    typer.Option(envvar="JUDGE_LABELS_FROM", min=0, max=1, help="First label's number."),
]
Limit = Annotated[
    int | None, typer.Option(envvar="JUDGE_LIMIT", min=2, help="Use the first N rows.")
]
PairRecipe = Annotated[
    str, typer.Option(help="A pairwise recipe with verdicts on each criterion, both orders.")
]
Store = Annotated[
    Path | None, typer.Option(envvar="JUDGE_STORE", help="File verdicts are kept in.")
]
NewId = Annotated[str, typer.Argument(help="The new rubric's id, such as support/reply.")]
NewFile = Annotated[
    Path | None, typer.Option("--out", help="File to write; default rubrics/ID.yaml.")
]
PAIRWISE = "pairwise-win-rate"


def new_file(name: str, path: Path | None, *, dry_run: bool = False) -> Path:
    """Where a new rubric goes.

    Raises:
        ConfigError: The id is none, or the file is there already.
    """
    if not is_id(name):
        raise ConfigError(f"{name!r} is not a rubric's id", hint="use words such as support/reply")
    path = path or Path("rubrics") / f"{name}.yaml"
    if path.exists() and not dry_run:
        raise ConfigError(f"{path} is there already", hint="choose another --out, or remove it")
    return path


def title_of(name: str) -> str:
    """A title for a new rubric, of the last part of its id."""
    return name.rpartition("/")[2].replace("-", " ").capitalize()


def content_of(name: str) -> Mapping[str, Any]:
    """What a rubric's own file says, checked.

    Raises:
        RubricError: There is no such rubric, or something in it is wrong.
    """
    load_rubric(name)
    data = read_file(RUBRICS.find(name, None), RubricError)[1].data()
    assert isinstance(data, dict)
    return data


def read_pairs(
    data: Sequence[Path], maps: Sequence[str] | None, labels_from: int, limit: int | None
) -> list[Group]:
    """The labelled pairs of some files.

    Raises:
        ConfigError: A file cannot be read, or a row has no label.
    """
    columns = Columns.of(maps or (), labels_from=labels_from)
    rows = itertools.chain.from_iterable(read_rows(file, columns) for file in data)
    return labelled_pairs([(row.group, row.order) for row in itertools.islice(rows, limit)])


def pair_model(
    engine: Engine, recipe: str, store: Path | None, prompts: Path | None, seed: int
) -> RewardModel:
    """A reward model whose groups carry their rubric; nothing is loaded yet.

    Raises:
        ConfigError: The recipe does not judge each criterion in both orders.
    """
    model = RewardModel.build(
        None, recipe=recipe, engine=engine, store=store, prompts=prompts, seed=seed
    )
    check_recipe(model.recipe)
    return model
