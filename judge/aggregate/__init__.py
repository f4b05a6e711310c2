"""From verdicts to numbers: schedules, joint strengths, rankings, rewards, votes, leaderboards."""

from judge.aggregate.bestofn import best_of_n, soft_self_consistency
from judge.aggregate.competitive import SwissScores, competitive_swiss, failure_sensitivity
from judge.aggregate.listwise import overlapping_groups
from judge.aggregate.lottery import (
    cyclic_triads,
    general_preference,
    maximal_lottery,
    preference_matrix,
)
from judge.aggregate.panels import dawid_skene, ensemble, majority_certificate, weighted_majority
from judge.aggregate.preferences import preferences
from judge.aggregate.profile import fit_profile
from judge.aggregate.rank import rank
from judge.aggregate.ratings import Leaderboard, leaderboard, leaderboard_of
from judge.aggregate.rewards import REWARDS, Valued, rank_rewards
from judge.aggregate.schedules import SCHEDULES, Schedule
from judge.aggregate.strength import order_probability, strengths

__all__ = [
    "REWARDS",
    "SCHEDULES",
    "Leaderboard",
    "Schedule",
    "SwissScores",
    "Valued",
    "best_of_n",
    "competitive_swiss",
    "cyclic_triads",
    "dawid_skene",
    "ensemble",
    "failure_sensitivity",
    "fit_profile",
    "general_preference",
    "leaderboard",
    "leaderboard_of",
    "majority_certificate",
    "maximal_lottery",
    "order_probability",
    "overlapping_groups",
    "preference_matrix",
    "preferences",
    "rank",
    "rank_rewards",
    "soft_self_consistency",
    "strengths",
    "weighted_majority",
]
