from __future__ import annotations

from judge.engines.messages import sendable


def test_lone_surrogates_are_replaced_and_nothing_else() -> None:
    assert sendable("a\ud800b") == "a?b"
    assert sendable("é 漢 \U0001f916\x00") == "é 漢 \U0001f916\x00"
