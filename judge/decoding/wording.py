"""Pieces of grammars that lists and verdicts share."""

from __future__ import annotations

from typing import Any

PLAIN = r'[^"\\\n\r\t]'
"""A character that needs no escape inside a JSON string."""
SPACED, COMPACT = (": ", ", "), (":", ",")
"""What stands after a key and between entries."""


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def spoken(codes: tuple[str, ...]) -> str:
    """Codes as a list in words, such as "A, B or C"."""
    return codes[0] if len(codes) == 1 else ", ".join(codes[:-1]) + " or " + codes[-1]
