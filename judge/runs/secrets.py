"""What result rows do not keep: secrets, and texts where so wished."""

from __future__ import annotations

from msgspec.structs import replace

from judge.engines.secrets import redacted
from judge.store import without_texts
from judge.types import Failure, GroupResult


def without_secrets(result: GroupResult) -> GroupResult:
    """A result with no secret in its engine's name and digest, or in why something failed."""
    record = {
        name: redacted(text) if name in ("engine", "engine_name") else text
        for name, text in result.record.items()
    }
    if not result.failures and all(reward.reason is None for reward in result.rewards):
        return replace(result, record=record)
    rewards = tuple(
        reward if reward.reason is None else replace(reward, reason=_hidden(reward.reason))
        for reward in result.rewards
    )
    failures = tuple(_hidden(failure) for failure in result.failures)
    return replace(result, record=record, rewards=rewards, failures=failures)


def _hidden(failure: Failure) -> Failure:
    return replace(failure, message=redacted(failure.message))


def textless(result: GroupResult) -> GroupResult:
    """A result without what the judge wrote or read; of engines' errors the message stays."""
    bare: GroupResult = without_texts(result)
    record = {name: text for name, text in bare.record.items() if name != "written"}
    rewards = tuple(
        reward if reward.reason is None else replace(reward, reason=_wordless(reward.reason))
        for reward in bare.rewards
    )
    failures = tuple(_wordless(failure) for failure in bare.failures)
    return replace(bare, record=record, rewards=rewards, failures=failures)


def _wordless(failure: Failure) -> Failure:
    return failure if failure.stage == "engine" else replace(failure, message=failure.kind)
