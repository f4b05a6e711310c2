"""Rubric files: find, load with their parents, and say exactly where one is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema

from judge.errors import RubricError
from judge.files import (
    Library,
    Node,
    Place,
    as_error,
    bundled,
    in_order,
    is_id,
    problems,
    read_file,
)
from judge.rubrics.locks import check_locks, known_locks
from judge.rubrics.merge import merge
from judge.rubrics.schema import Rubric

MAX_PARENTS = 4
RUBRICS = Library("rubric", "rubrics", "JUDGE_RUBRICS", bundled("rubrics"), RubricError)
_CONSTRAINT = re.compile(r"(?P<name>[^@]+)(@(?P<sign>[\^~]?)(?P<version>\d+(\.\d+){0,2}))?")


EDITOR_LINE = "# yaml-language-server: $schema="
SCHEMA_FILE = "rubric.schema.json"


@dataclass(frozen=True, slots=True)
class Source:
    """A rubric with the file it was read from; `node` has its parents merged in."""

    path: Path
    text: str
    node: Node
    rubric: Rubric


def load_rubric(name: str | Path, *, directory: Path | None = None) -> Rubric:
    """Load a rubric by path or id, such as general/helpfulness, with its parents merged in.

    An id is looked up in `directory` (or the one JUDGE_RUBRICS names), in ./rubrics, and among the
    rubrics that travel with the package.

    Raises:
        RubricError: There is no such rubric, or something in it is wrong; with its place.
    """
    return open_rubric(name, directory=directory).rubric


def open_rubric(name: str | Path, *, directory: Path | None = None) -> Source:
    """Load a rubric like `load_rubric`, and keep its text and the places of its parts.

    Raises:
        RubricError: There is no such rubric, or something in it is wrong; with its place.
    """
    return _open(RUBRICS.find(name, directory), directory, ())


def parse_rubric(raw: Mapping[str, object], *, file: str | Path | None = None) -> Rubric:
    """Make a rubric of the content of a rubric file, such as a data row's own rubric.

    It may extend a rubric that is found by id.

    Raises:
        RubricError: Something in it is wrong; `file` says where it came from.
    """
    name = str(file) if file is not None else None
    try:
        node = Node.of(raw)
    except (TypeError, RecursionError) as cause:
        raise RubricError(f"not a rubric: {cause}", file=name) from cause
    return _resolve(node, None, None, (), name)[1]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a rubric file, for editors; checks of other packages are in it.

    A file with `extends` may leave out what its parent says, so there only `id` is required of a
    criterion.
    """
    schema = Rubric.model_json_schema(by_alias=True, schema_generator=_Untitled)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["required"] = ["schema", "id"]
    schema["anyOf"] = [{"required": ["criteria"]}, {"required": ["extends"]}]
    return schema


class _Untitled(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _open(path: Path, directory: Path | None, below: tuple[Path, ...]) -> Source:
    text, node = read_file(path, RubricError)
    merged, rubric = _resolve(node, path, directory, (*below, path.resolve()), str(path))
    return Source(path, text, merged, rubric)


def _resolve(
    node: Node, path: Path | None, directory: Path | None, chain: tuple[Path, ...], file: str | None
) -> tuple[Node, Rubric]:
    """A file's content with its parents merged in, and the rubric it makes."""
    entry = node.content.get("extends") if isinstance(node.content, dict) else None
    if entry is None or not isinstance(entry.node.content, str):
        rubric = _validated(node, file)
        known_locks(rubric, node)
        return node, rubric
    place = entry.node.place
    parent = _parent(entry.node.content, place, path, directory, chain)
    merged = merge(parent.node, node)
    rubric = _validated(merged, file)
    check_locks(parent.rubric, rubric, merged)
    known_locks(rubric, merged)
    return merged, rubric


def _validated(node: Node, file: str | None) -> Rubric:
    try:
        return Rubric.model_validate(node.data())
    except ValidationError as cause:
        found = in_order(problems(cause, Rubric), node)
        error = as_error(found, node, file=file, error=RubricError)
        owner = node.find(found[0].path[:2]).node.child("id")
        if found[0].path[:1] == ("criteria",) and owner is not None:
            error.criterion = str(owner.node.content)
        raise error from None


def _parent(
    text: str, place: Place, path: Path | None, directory: Path | None, chain: tuple[Path, ...]
) -> Source:
    match = _CONSTRAINT.fullmatch(text)
    if match is None:
        raise _wrong(f"extends: {text!r} is not `id` or `id@^1`", place)
    found = _parent_file(match["name"], place, path, directory)
    if found.resolve() in chain:
        names = " -> ".join(step.name for step in (*chain, found))
        raise _wrong(f"extends goes in a circle: {names}", place)
    if len(chain) > MAX_PARENTS:
        raise _wrong(f"extends is more than {MAX_PARENTS} parents deep", place)
    parent = _open(found, directory, chain)
    version = parent.rubric.version
    if match["version"] and not _satisfies(version, match["sign"], match["version"]):
        raise _wrong(
            f"extends: {parent.rubric.id} has version {version}, not {text.split('@')[1]}", place
        )
    return parent


def _parent_file(name: str, place: Place, path: Path | None, directory: Path | None) -> Path:
    """An id is looked up; a path that starts with a dot is relative to the child's file."""
    if name.startswith((".",)) and path is not None:
        if not (path.parent / name).is_file():
            raise _wrong(f"extends: there is no file {name!r} beside {path.name}", place)
        return path.parent / name
    if not is_id(name):
        raise _wrong(
            f"extends: {name!r} is not a rubric's id",
            place,
            "an id such as general/helpfulness, or a path that starts with ./",
        )
    try:
        return RUBRICS.find(name, directory)
    except RubricError as cause:
        raise _wrong(f"extends: {cause.message}", place, cause.hint) from None


def _satisfies(version: str, sign: str, wanted: str) -> bool:
    """`1` and `1.2` fix these parts; ^ allows later minor versions, ~ later patches."""
    have = tuple(int(part) for part in version.split("."))
    want = tuple(int(part) for part in wanted.split("."))
    fixed = {"": len(want), "^": 1 if want[0] else 2, "~": 2}[sign]
    return have[: min(fixed, len(want))] == want[:fixed] and have >= want


def _wrong(message: str, place: Place, hint: str = "") -> RubricError:
    return RubricError(message, file=place.file, line=place.line, column=place.column, hint=hint)
