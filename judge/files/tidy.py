"""Tidy a file's white space: what `fmt` does. The content, the comments and the order stay."""

from __future__ import annotations

import re

from judge.errors import FileError
from judge.files.edit import BOM
from judge.files.read import read_text


def tidy(
    text: str,
    *,
    first_line: str = "",
    file: str | None = None,
    error: type[FileError] = FileError,
) -> str:
    """A file's text with LF line ends, no trailing white space, one line end at the end, no BOM.

    White space inside a text of several lines is content and stays. `first_line` is put on top
    unless the file's first line already starts with the same word after the #.

    Raises:
        FileError: (of the class `error`) The file cannot be read.
    """
    text = re.sub("\r\n?", "\n", text.removeprefix(BOM))
    root = read_text(text, file=file, error=error)
    inside: set[int] = set()
    for _, node in root.walk():
        if isinstance(node.content, str) and node.form != "alias":
            first, last = text.count("\n", 0, node.start), text.count("\n", 0, node.end)
            inside.update(range(first, last))
    lines = [
        line if number in inside else line.rstrip(" \t")
        for number, line in enumerate(text.split("\n"))
    ]
    tidied = "\n".join(lines)
    tidied = tidied.rstrip("\n") + "\n" if len(lines) - 1 not in inside else tidied
    label = first_line.split(":")[0]
    if first_line and not tidied.startswith(label):
        tidied = f"{first_line}\n{tidied}"
    if read_text(tidied, error=error).data() != root.data():
        return text
    return tidied
