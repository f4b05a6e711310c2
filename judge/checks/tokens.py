"""Length in tokens of a named tokenizer."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from judge.checks.base import CheckResult, Inputs, missing_package
from judge.checks.length import Counted
from judge.errors import CheckError

MAX_CHARACTERS = 200_000
"""Longer texts are unknown: some tokenizers take quadratic time on them."""


class Tokens(Counted):
    """The number of tokens is within limits, by a tokenizer that the rubric names.

    Special tokens do not count. Nothing is ever downloaded: the check cannot run without the
    package `tokenizers` and the tokenizer's file.
    """

    unit: ClassVar[str] = "token"

    tokenizer: str
    """Path of a `tokenizer.json`, or of a model's folder that has one."""

    def count(self, text: str) -> int:
        """Number of tokens.

        Raises:
            CheckError: The package or the file is missing.
        """
        # A lone surrogate is no text to a tokenizer.
        whole = text.encode("utf-8", "replace").decode()
        return len(_loaded(self.tokenizer).encode(whole, add_special_tokens=False).ids)

    def run(self, text: str, inputs: Inputs) -> CheckResult:
        """Count and compare."""
        if len(text) > MAX_CHARACTERS:
            return CheckResult(None, "too long to tell")
        return super().run(text, inputs)


@lru_cache(maxsize=8)
def _loaded(path: str) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as cause:
        raise missing_package("tokens", "tokenizers") from cause
    file = Path(path).expanduser()
    file = file / "tokenizer.json" if file.is_dir() else file
    try:
        raw = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise CheckError(f"the tokenizer {path} cannot be read: {cause}") from cause
    made = Tokenizer.from_str(raw)
    # Files of encoders often cut and fill up, which would be what is counted.
    made.no_truncation()
    made.no_padding()
    return made
