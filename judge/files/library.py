"""Where files of one kind are looked for, and how a person names them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import judge.errors
from judge.errors import FileError
from judge.files.report import did_you_mean

PACKAGE = Path(judge.errors.__file__).parent
SUFFIXES = (".yaml", ".yml")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*")


def is_id(name: str) -> bool:
    """Whether a name has the form of an id, such as `general/helpfulness`."""
    return _ID.fullmatch(name) is not None


def bundled(folder: str) -> Path:
    """The folder that travels with the package: in the wheel, or beside it in a checkout."""
    inside = PACKAGE / "bundled" / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


@dataclass(frozen=True, slots=True)
class Library:
    """Files of one kind, found by id.

    The first match counts: in a given directory, else the one an environment variable names; in
    `./folder`; among the bundled ones.
    """

    kind: str
    folder: str
    variable: str
    bundled: Path
    error: type[FileError] = FileError

    def directories(self, directory: Path | None = None) -> list[Path]:
        """Where ids are looked up, first match wins."""
        chosen = directory or os.environ.get(self.variable)
        return [*([Path(chosen)] if chosen else []), Path(self.folder), self.bundled]

    def find(self, name: str | Path, directory: Path | None = None) -> Path:
        """The file of an explicit path or an id.

        Raises:
            FileError: (of the class `error`) There is no such file.
        """
        text = str(name)
        if isinstance(name, Path) or text.endswith(SUFFIXES) or not is_id(text):
            if Path(name).is_file():
                return Path(name)
            raise self.error(f"there is no {self.kind} file {text!r}", hint=self._hint(text))
        places = self.directories(directory)
        for place in places:
            for suffix in SUFFIXES:
                if (place / (text + suffix)).is_file():
                    return place / (text + suffix)
        looked = ", ".join(str(place) for place in places)
        hint = did_you_mean(text, self.names(directory))
        raise self.error(f"no {self.kind} {text!r} in {looked}", hint=hint)

    def names(self, directory: Path | None = None) -> list[str]:
        """All ids that can be found, sorted."""
        return sorted({name for place in self.directories(directory) for name in _ids(place)})

    def _hint(self, text: str) -> str:
        return did_you_mean(text.removesuffix(".yaml").removesuffix(".yml"), self.names())


def _ids(place: Path) -> Iterator[str]:
    for suffix in SUFFIXES:
        for file in place.rglob("*" + suffix) if place.is_dir() else ():
            name = file.relative_to(place).with_suffix("").as_posix()
            if is_id(name):
                yield name
