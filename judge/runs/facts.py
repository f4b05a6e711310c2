"""What several processes tell about their engines, in files that `replay:FILE` can be made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from judge.errors import ConfigError, StoreError


class Facts:
    """Facts about the engine of each role, as lines of a `MeteredEngine`; each is written once.

    Args:
        file: Role -> where they are written; overwritten. None: nowhere.
    """

    def __init__(self, file: Callable[[str], Path] | None) -> None:
        self._file = file
        self._lines: dict[str, set[str]] = {}
        self._digests: dict[str, str] = {}

    def note(self, told: Mapping[str, str]) -> None:
        """Write down what is new.

        Args:
            told: Role -> whole lines.

        Raises:
            ConfigError: Two processes have different engines in one role.
            StoreError: A file cannot be written.
        """
        for role, text in told.items():
            known = self._lines.setdefault(role, set())
            for line in text.splitlines():
                if line not in known and not self._is_known_engine(role, json.loads(line)):
                    self._write(role, line, "a" if known else "w")
                known.add(line)

    def _is_known_engine(self, role: str, fact: Mapping[str, object]) -> bool:
        """Whether it is another process's first line, about the same engine."""
        if "digest" not in fact:
            return False
        first = role not in self._digests
        digest = str(fact["digest"])
        if self._digests.setdefault(role, digest) != digest:
            raise ConfigError(
                f"the engine of the role {role} is not the same everywhere: {fact['engine']}",
                hint="give all machines the same model and the same versions of its libraries",
            )
        return not first

    def _write(self, role: str, line: str, mode: str) -> None:
        if self._file is None:
            return
        path = self._file(role)
        try:
            with path.open(mode, encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error}") from error
