"""What a recipe may say whose model gives a number in place of words: no template, no rubric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WHOLE = ("schema_", "id", "about", "extends", "likelihood", "panel", "transforms")
"""Fields of a recipe that mean the same, or say themselves what they may hold."""
USED: Mapping[str, tuple[str, ...]] = {
    "judge": ("mode", "attempts", "reference"),
    "guards": ("max_length_correlation", "max_false_positive"),
}
"""The settings that are used in these sections; of the others none is."""


def unused(changed: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The places of settings that say something such a recipe has no use for.

    Args:
        changed: The recipe's sections without what is left at its default.
    """
    found: list[tuple[str, ...]] = []
    for name, content in changed.items():
        if name in WHOLE:
            continue
        if isinstance(content, dict):
            found += [(name, key) for key in content if key not in USED.get(name, ())]
        else:
            found.append((name,))
    return found
