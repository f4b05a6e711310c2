"""From verdicts to numbers: schedules, joint strengths and rankings."""

from judge.aggregate.competitive import SwissScores, competitive_swiss, failure_sensitivity
from judge.aggregate.listwise import overlapping_groups
from judge.aggregate.profile import fit_profile
from judge.aggregate.rank import rank
from judge.aggregate.schedules import SCHEDULES, Schedule
from judge.aggregate.strength import order_probability, strengths

__all__ = [
    "SCHEDULES",
    "Schedule",
    "SwissScores",
    "competitive_swiss",
    "failure_sensitivity",
    "fit_profile",
    "order_probability",
    "overlapping_groups",
    "rank",
    "strengths",
]
