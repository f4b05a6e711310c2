"""Pairs of a run put before a person: which first, which side, and what the keys do."""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, Literal, NamedTuple

from judge.curation.label_file import LabelFile
from judge.curation.votes import pair_key, votes_of
from judge.records import plain
from judge.runs.dataset import Row
from judge.types import Group, Response

EVEN = 1e-9
KEYS: Mapping[str, str] = {
    "1": "the first is better",
    "2": "the second is better",
    "t": "they tie",
    "s": "skip: show it in a later sitting",
    "u": "undo the last answer",
    "q": "quit",
}
Outcome = Literal["next", "undone", "nothing", "unknown", "quit"]


class Item(NamedTuple):
    """Two responses of a group, as the judge sees them."""

    group: Group
    i: int
    j: int
    share: float
    """P(i is better) by the judge; it is never shown."""
    urgency: tuple[int, float, str]
    """The lowest comes first."""
    key: str
    """Names the two texts and the prompt."""
    turned: bool
    """j is shown first."""

    @property
    def shown(self) -> tuple[Response, Response]:
        """The responses as they are shown."""
        pair = self.group.responses[self.i], self.group.responses[self.j]
        return pair[::-1] if self.turned else pair


def waiting(
    rows: Iterable[tuple[Row, Mapping[str, Any]]],
    *,
    done: Set[str],
    most: int,
    seed: int = 0,
    at_random: bool = False,
) -> list[Item]:
    """The pairs of a run that a person should look at, the most urgent first.

    First where the judge contradicts the data's label, then where its two display orders
    contradict each other, then the rest; among each of these the lowest margin first. Pairs of
    equal texts are left out.

    Args:
        rows: Of the data, with their results (`judge.runs.joined`).
        done: Keys of pairs that have a label.
        most: How many are kept; no more are held in memory.
        seed: Of the sides, and of the order among equals.
        at_random: In the order of the seed alone: a sample from which the judge's accuracy on the
            whole run can be told, as it cannot from the pairs it finds hardest.
    """
    found = _items(rows, done, seed)
    if at_random:
        return heapq.nsmallest(most, found, key=lambda item: item.urgency[-1])
    return heapq.nsmallest(most, found, key=lambda item: item.urgency)


def _items(
    rows: Iterable[tuple[Row, Mapping[str, Any]]], done: Set[str], seed: int
) -> Iterator[Item]:
    met = set(done)
    for row, result in rows:
        for vote in votes_of(result):
            named = pair_key(row.group, vote.i, vote.j)
            key = hashlib.sha256("".join(named).encode()).hexdigest()[:24]
            if key in met or named[1] == named[2]:
                continue
            met.add(key)
            drawn = hashlib.sha256(f"{seed} {key}".encode()).hexdigest()
            lead = vote.share - 0.5
            tier = 0 if _contradicts(row, vote.i, vote.j, lead) else 1 if vote.flipped else 2
            urgency = tier, round(abs(lead), 9), drawn
            turned = int(drawn[-1], 16) % 2 == 1
            yield Item(row.group, vote.i, vote.j, vote.share, urgency, key, turned)


def _contradicts(row: Row, i: int, j: int, lead: float) -> bool:
    order = row.order
    if order is None or abs(lead) <= EVEN:
        return False
    if isinstance(order, int):
        return order == (j if lead > 0.0 else i)
    place = {index: at for at, tier in enumerate(order) for index in tier}
    return (place[i] - place[j]) * lead > 0.0


class Sitting:
    """One sitting of labelling: keys in, labels in the file.

    Args:
        items: What is shown, in this order.
        file: Where labels go.
    """

    def __init__(self, items: list[Item], file: LabelFile) -> None:
        self.items, self._file = items, file
        self._given: list[str] = []

    @property
    def current(self) -> Item | None:
        """What is shown now; None: all has been."""
        at = len(self._given)
        return self.items[at] if at < len(self.items) else None

    def press(self, key: str) -> Outcome:
        """Do what a key says.

        Raises:
            StoreError: The label could not be written; it is not in the file.
        """
        item = self.current
        if key in ("q", "") or (item is None and key != "u"):
            return "quit"
        if key == "u":
            return self._undo()
        if key not in KEYS or item is None:
            return "unknown"
        if key != "s":
            self._file.append(label_row(item, key))
        self._given.append(key)
        return "next"

    def _undo(self) -> Outcome:
        if not self._given:
            return "nothing"
        if self._given[-1] != "s":
            self._file.undo()
        self._given.pop()
        return "undone"

    def agreement(self) -> tuple[float, int]:
        """How often the judge preferred what the person does (a tie of it: half), of how many."""
        credits = []
        for item, key in zip(self.items, self._given, strict=False):
            if key in ("1", "2"):
                lead = (item.share - 0.5) * (1.0 if _better(item, key) == 0 else -1.0)
                credits.append(0.5 if abs(lead) <= EVEN else float(lead > 0.0))
        return math.fsum(credits), len(credits)

    @property
    def labelled(self) -> int:
        """Answers in this sitting that are in the file."""
        return sum(key != "s" for key in self._given)


def label_row(item: Item, key: str) -> dict[str, Any]:
    """The answer as a labelled pair, which every command that learns from labels reads.

    The responses stand as in the data. A tie is a ranking with one place, from which no pair is
    learned. Of a group of two the id is the group's.
    """
    group, pair = item.group, (item.i, item.j)
    is_pair = len(group.responses) == 2
    answer = {"ranking": [[0, 1]]} if key == "t" else {"label": _better(item, key)}
    given = {"reference": group.reference, "context": group.context, "rubric": group.rubric}
    return {
        "id": group.id if is_pair else f"{group.id}/{item.i}-{item.j}",
        "prompt": plain(group.prompt),
        "responses": [plain(group.responses[at].text) for at in pair],
        **{name: plain(value) for name, value in given.items() if value is not None},
        **answer,
        "group_id": group.id,
        "places": list(pair),
        "shown_first": int(item.turned),
        "key": item.key,
    }


def _better(item: Item, key: str) -> int:
    """0: response i, 1: response j."""
    return int((key == "2") != item.turned)
