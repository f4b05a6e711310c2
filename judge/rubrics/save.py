"""Write rubric files and leave the person's comments, order and quoting alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from judge.errors import FileError, RubricError
from judge.files import Node
from judge.files.edit import rewrite, write_atomically
from judge.files.emit import block
from judge.files.tidy import tidy
from judge.rubrics.files import EDITOR_LINE, SCHEMA_FILE


def save_rubric(path: Path, content: Mapping[str, object]) -> None:
    """Make a rubric file say `content`, the file's own keys and values without its parents'.

    In a file that is there only what differs is rewritten. The write is atomic.

    Raises:
        RubricError: The file that is there cannot be read, or the change cannot be made safely.
    """
    try:
        data = Node.of(content).data()
    except TypeError as cause:
        raise RubricError(f"not a rubric: {cause}", file=path) from cause
    if not isinstance(data, dict):
        raise RubricError("not a rubric: the content is not a mapping", file=path)
    if not path.exists():
        write_atomically(path, f"{editor_line(path)}\n{block(data, 0)}\n")
        return
    try:
        write_atomically(path, rewrite(path.read_bytes().decode("utf-8"), data))
    except (FileError, UnicodeDecodeError) as cause:
        raise RubricError(f"cannot save the rubric: {cause}", file=path) from cause


def format_rubric(text: str, *, file: str | Path | None = None) -> str:
    """Tidy white space, and put the line on top by which editors find the schema.

    Raises:
        RubricError: The text is not YAML.
    """
    name = str(file) if file is not None else None
    return tidy(text, first_line=editor_line(file), file=name, error=RubricError)


def editor_line(file: str | Path | None) -> str:
    """The comment that names the schema: the one in the file's folder or the nearest one above."""
    folders = Path(file).absolute().parents[:4] if file is not None else ()
    for steps, folder in enumerate(folders):
        if (folder / SCHEMA_FILE).is_file():
            return EDITOR_LINE + "../" * steps + SCHEMA_FILE
    return EDITOR_LINE + SCHEMA_FILE
