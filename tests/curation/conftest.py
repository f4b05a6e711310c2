from __future__ import annotations

import pytest

from judge.curation.pairs import LabelledRow
from judge.curation.votes import Panel
from judge.runs.dataset import Columns, Row
from judge.types import Group


def row_of(number, better, prompt=None):
    group = Group.of(prompt or f"prompt {number}", [f"left {number}", f"right {number}"])
    raw = {"prompt": group.prompt, "responses": [r.text for r in group.responses]}
    return LabelledRow({**raw, "label": better}, group, better, Columns())


def panel_of(rows, votes):
    """A panel whose members say P(response 0 is better), [rows, members]; None: nothing."""
    panel = Panel([f"judge {at}" for at in range(len(votes[0]))])
    for member in range(len(votes[0])):
        told = []
        for at, row in enumerate(rows):
            share = votes[at][member]
            pair = {"kind": "pairwise", "first": 0, "second": 1, "p_first": share, "p_tie": 0.0}
            found = [] if share is None else [{**pair, "p_second": 1.0 - share}]
            told.append((Row("d", at, row.group, None), {"verdicts": found, "rewards": []}))
        panel.add(member, told)
    return panel


@pytest.fixture(scope="session")
def make_row():
    """`row_of`: a labelled pair."""
    return row_of


@pytest.fixture(scope="session")
def make_panel():
    """`panel_of`: votes on pairs."""
    return panel_of
