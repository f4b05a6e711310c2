from __future__ import annotations

from random import Random

import pytest

from judge.challenge.prose import Good


def changes(rule, text, prompt="What is it?", seed=0, known=""):
    good = Good(text, prompt, known)
    return [edit.applied(text) for edit in rule(good, Random(seed))]


@pytest.fixture(scope="session")
def changed():
    """What a rule makes of a text: each of its changes alone."""
    return changes
