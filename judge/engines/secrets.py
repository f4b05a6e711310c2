"""Secrets in what is written to files: keys in engines' names, addresses and error messages."""

from __future__ import annotations

import os
import re
from functools import lru_cache

HIDDEN = "***"
_NAMED = re.compile(
    r"(?i)([\w-]*(?:key|token|secret|password|passwd|authorization)\s*=\s*)[^&\s,;\"']+"
)
_USER = re.compile(r"(://)[^/@\s,]+@")
_BEARER = re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]{6,}")
_FORMS = re.compile(r"\b(?:sk|hf|gsk|xai|ghp|pk)[-_][A-Za-z0-9_-]{12,}")
_VARIABLES = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)$")
SHORTEST = 8
"""Characters of an environment variable's value below which it is taken for a word."""


@lru_cache(maxsize=1024)
def redacted(text: str) -> str:
    """The text with `***` for what looks like a secret.

    Hidden are values after names such as `api_key=`, users in addresses, bearer tokens, the usual
    forms of keys, and whatever an environment variable holds whose name ends in KEY, TOKEN, SECRET
    or PASSWORD.
    """
    for name, value in os.environ.items():
        if len(value) >= SHORTEST and _VARIABLES.search(name.upper()):
            text = text.replace(value, HIDDEN)
    text = _NAMED.sub(rf"\1{HIDDEN}", text)
    text = _USER.sub(rf"\1{HIDDEN}@", text)
    text = _BEARER.sub(rf"\1{HIDDEN}", text)
    return _FORMS.sub(HIDDEN, text)


def without_user(url: str) -> str:
    """An address without the user and the password in it."""
    return _USER.sub(r"\1", url)
