"""What a rubric generator and a critical verifier are trained on.

Source: C2, arXiv 2604.13618: DPO of the generator on helpful over misleading rubrics, GRPO of the
verifier on pairs with and without a rubric.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from judge.synthesis.verify import Sorted, coin, two_of
from judge.types import Group, Record, Text

PREFERENCE, RUBRIC, FORMAT = 0.6, 0.3, 0.1
"""Weights of the verifier's reward."""


class Sifted(Record, frozen=True, gc=True):
    """A labelled pair with its rubrics, sorted."""

    pair: Group
    rubrics: Mapping[str, str]
    """Text of each rubric, by key."""
    found: Sorted
    asked: Text | None = None
    """What the rubric generator was shown; None: the pair's prompt."""
    answers: Mapping[str, str] = {}
    """What the generator answers to give each rubric, by key; missing: the rubric's text."""
    bare: float | None = None
    """The margin without a rubric, in nats; None: not known."""
    margins: Mapping[str, float] = {}
    """The margin with each rubric, by key, where it is known."""


def generator_pairs(items: Iterable[Sifted]) -> list[dict[str, Any]]:
    """Rows for DPO of a rubric generator: the helpful rubric over the misleading one.

    A row has `prompt`, `chosen` and `rejected`: texts, or lists of turns where the generator was
    shown turns. The rubrics are in the form in which the generator answers, where it is known.
    Pairs that lack either rubric are left out.
    """
    rows: list[dict[str, Any]] = []
    for item in items:
        if item.found.helpful is None or item.found.misleading is None:
            continue
        asked = item.pair.prompt if item.asked is None else item.asked
        texts = {**item.rubrics, **item.answers}
        chosen, rejected = texts[item.found.helpful], texts[item.found.misleading]
        if isinstance(asked, str):
            rows.append({"prompt": asked, "chosen": chosen, "rejected": rejected})
            continue
        turns = [[{"role": "assistant", "content": text}] for text in (chosen, rejected)]
        rows.append({"prompt": _plain(asked), "chosen": turns[0], "rejected": turns[1]})
    return rows


def verifier_rows(items: Iterable[Sifted]) -> list[dict[str, Any]]:
    """Rows for SFT or GRPO of a verifier: each pair without a rubric, and with either one.

    A row has `id`, `prompt`, `response_a`, `response_b`, `rubric` and `rubric_label` (both None
    without a rubric) and `answer`, A or B. Which response stands first depends on the id and the
    label alone, and is even over many rows. Pairs that lack either rubric are left out.
    """
    rows: list[dict[str, Any]] = []
    for item in items:
        if not item.found.is_whole:
            continue
        better, worse = two_of(item.pair)
        keys = {None: None, "helpful": item.found.helpful, "misleading": item.found.misleading}
        for label, key in keys.items():
            swapped = coin(f"{item.pair.id}\0{label}")
            shown = (worse, better) if swapped else (better, worse)
            rows.append(
                {
                    "id": item.pair.id,
                    "prompt": _plain(item.pair.prompt),
                    "response_a": _plain(shown[0]),
                    "response_b": _plain(shown[1]),
                    "rubric": None if key is None else item.rubrics[key],
                    "rubric_label": label,
                    "answer": "B" if swapped else "A",
                }
            )
    return rows


def rewards(
    row: Mapping[str, Any], answer: str | None, rubric: str | None, *, well_formed: bool
) -> float:
    """The reward of one answer of a verifier in training, in [-1, 1] (C2: 0.6, 0.3, 0.1).

    Each part is 1 if right and -1 if wrong or missing; the rubric's part is 0 on a row without one.

    Args:
        row: A row of `verifier_rows`.
        answer: A or B; None: it gave none.
        rubric: What it called the rubric; None: nothing.
        well_formed: Whether the answer has the form that was asked for.
    """
    wanted = row["rubric_label"]
    told = 0.0 if wanted is None else _signed(rubric == wanted)
    return (
        PREFERENCE * _signed(answer == row["answer"])
        + RUBRIC * told
        + FORMAT * _signed(well_formed)
    )


def _signed(is_right: bool) -> float:
    return 1.0 if is_right else -1.0


def _plain(text: Text) -> Any:
    if isinstance(text, str):
        return text
    return [{"role": turn.role, "content": turn.wire_content} for turn in text]
