"""Pairs of a good response and the same with one thing in it made wrong.

After ACES (Amrhein et al. 2022, arXiv 2210.15615), whose challenge sets test translation metrics
on contrasts of one phenomenon each; the phenomena here are those of answers in general.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import Any

from msgspec.structs import replace

from judge.challenge.edit import Edit, Rule
from judge.challenge.figures import dates, numbers
from judge.challenge.names import citations, names
from judge.challenge.prose import Good
from judge.challenge.steps import dropped_steps
from judge.challenge.wording import causes, negations
from judge.records import plain
from judge.types import Group, Text

RULES: Mapping[str, Rule] = {
    "number": numbers,
    "negation": negations,
    "name": names,
    "date": dates,
    "dropped_step": dropped_steps,
    "invented_citation": citations,
    "swapped_cause": causes,
}
"""By phenomenon."""


def edits_of(good: Good, *, key: str, seed: int = 0) -> dict[str, Edit]:
    """One change for each phenomenon whose rule surely applies.

    Args:
        good: A good response.
        key: Its name; with the seed it decides which change is drawn.
        seed: Of the draws.
    """
    if not good.is_checkable:
        return {}
    found = {}
    for phenomenon, rule in RULES.items():
        rng = Random(f"{seed} {phenomenon} {key}")
        edits = [edit for edit in rule(good, rng) if edit.applied(good.text) != good.text]
        if edits:
            found[phenomenon] = rng.choice(edits)
    return found


def challenge_pairs(
    groups: Iterable[Group], *, only: Iterable[str] = (), seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Labelled pairs, one a phenomenon and response.

    Args:
        groups: Each with a good response, its first; texts alone, chats give no pair.
            Of equal ones with one id the first is taken; others of its id get one of their own.
        only: Phenomena; none: all.
        seed: Of what is changed, and of the side where the good one stands.

    Returns:
        Rows with prompt, responses, label, phenomenon, source (the group's id) and edit.
    """
    wanted = set(only) or set(RULES)
    met: dict[str, str] = {}
    for group in groups:
        text, digest = group.responses[0].text, group.responses[0].digest
        if not isinstance(text, str) or met.get(group.id) == digest:
            continue
        if met.setdefault(group.id, digest) != digest:
            group = replace(group, id=f"{group.id}-{digest[:8]}")
        known = "\n".join(filter(None, (group.reference, group.context)))
        edits = edits_of(Good(text, _plain(group.prompt), known), key=group.id, seed=seed)
        for phenomenon in sorted(wanted & set(edits)):
            yield _row(group, text, phenomenon, edits[phenomenon], seed)


def _row(group: Group, text: str, phenomenon: str, edit: Edit, seed: int) -> dict[str, Any]:
    label = Random(f"{seed} side {phenomenon} {group.id}").randrange(2)
    responses = [text, edit.applied(text)]
    given = {"reference": group.reference, "context": group.context, "rubric": group.rubric}
    return {
        "id": f"{group.id}/{phenomenon}",
        "prompt": plain(group.prompt),
        "responses": responses[::-1] if label else responses,
        **{name: plain(value) for name, value in given.items() if value is not None},
        "label": label,
        "phenomenon": phenomenon,
        "source": group.id,
        "edit": {"at": edit.start, "before": edit.before, "after": edit.after},
    }


def _plain(text: Text) -> str:
    return text if isinstance(text, str) else "\n".join(turn.content for turn in text)
