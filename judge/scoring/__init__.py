"""One group from its rubric to its rewards: checks, schedule, calls, aggregation, guards."""

from judge.scoring.scorer import GroupScorer, RubricSource

__all__ = ["GroupScorer", "RubricSource"]
