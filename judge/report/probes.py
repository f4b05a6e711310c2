"""How often a judge pays what deserves nothing, from what `judge probe --json` printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from judge.errors import ConfigError
from judge.report.figure import Figure, Table
from judge.report.figures.axis import percentage
from judge.report.figures.marks import DRAWN, Mark, marks

FIELDS = ("attack", "rate", "low", "high", "judged", "unjudged", "gated", "lift")


class Probed(NamedTuple):
    """What a file of `judge probe --json` says."""

    told: Mapping[str, Any]

    @property
    def record(self) -> Mapping[str, str]:
        """Digests of what was probed."""
        found: Mapping[str, str] = self.told["record"]
        return found

    @property
    def worst(self) -> tuple[str, float] | None:
        """The attack that is paid most often, and how often; None: nothing was judged."""
        known = [(one["attack"], one["rate"]) for one in self.told["attacks"]]
        return max(
            ((name, rate) for name, rate in known if rate is not None),
            key=lambda one: one[1],
            default=None,
        )


def read_probe(path: Path) -> Probed:
    """Read what `judge probe --json` printed.

    Raises:
        ConfigError: It is something else.
    """
    try:
        told = json.loads(path.read_text("utf-8"))
        for one in (*told["attacks"], told["overall"]):
            _checked(one)
        if not isinstance(told["record"], dict):
            raise TypeError("record")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is not what `judge probe --json` prints: {error}",
            hint="judge probe ... --json > probe.json",
        ) from error
    return Probed(told)


def probe_figure(probed: Probed, name: str, about: str) -> Figure:
    """False-positive rates by attack, the highest first.

    Args:
        probed: The probe.
        name: Of the figure.
        about: Whether it was of the judge of the runs, in words.
    """
    told = probed.told
    title = f"Attacks that are paid: recipe {told['recipe']}"
    if probed.worst is None:
        return Figure(name, title, missing="no attack could be judged")
    attacks = sorted(told["attacks"], key=lambda one: (-(one["rate"] or 0.0), one["attack"]))
    every = (told["overall"], *attacks)
    lines = [Mark(one["attack"], one["rate"], one["low"], one["high"]) for one in every]
    lines = [line if line.value is not None else Mark(line.name, None) for line in lines]
    said = f"worst: {probed.worst[0]}, {percentage(probed.worst[1])}"
    caption = (
        f"Share of {told['items']} prompts on which a response that deserves nothing is paid like a"
        f" good one, with 95 % intervals; {said}. Paid: {told['rule']}. {about}"
    )
    if len(lines) > DRAWN:
        caption += f" The first {DRAWN} of {len(lines)} are drawn."
    svg = marks(title, said, lines, style="bars", ends=(0.0, 1.0), told=percentage)
    rows = [tuple(one[field] for field in FIELDS) for one in every]
    return Figure(name, title, caption, svg, Table.of(FIELDS, rows))


def _checked(one: Mapping[str, Any]) -> None:
    for field in FIELDS:
        value = one[field]
        wanted = str if field == "attack" else float | int | None
        if not isinstance(value, wanted):
            raise TypeError(f"{field}: {value!r}")
