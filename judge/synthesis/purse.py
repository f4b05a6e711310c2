"""What the rubric engine spends, by writing and by judging, and the budget it may not pass."""

from __future__ import annotations

from judge.errors import ConfigError
from judge.types import Usage


class Purse:
    """Counts calls, and refuses those a budget does not pay for; shared by author and judge.

    Calls are reserved before they are made, so that callers at work together cannot pass the
    budget between them. Retries of a call that failed are counted and not foreseen.

    Args:
        budget: Most calls; None: no limit.
    """

    def __init__(self, budget: int | None = None) -> None:
        self.usage = Usage()
        """What has been spent so far."""
        self._budget = budget
        self._reserved = 0

    def reserve(self, calls: int) -> bool:
        """Set calls aside; False where the budget does not pay for them."""
        spent = self.usage.calls + self._reserved + calls
        if self._budget is not None and spent > self._budget:
            return False
        self._reserved += calls
        return True

    def settle(self, calls: int, usage: Usage) -> None:
        """Count what reserved calls have really cost."""
        self._reserved -= calls
        self.usage += usage

    def refusal(self, calls: int) -> ConfigError:
        """Why so many calls more are not made."""
        return ConfigError(
            f"budget: {self.usage.calls} calls are made, up to {calls} more are needed, of"
            f" {self._budget}",
            hint="raise --budget; with --store and --kept nothing is paid for twice",
        )
