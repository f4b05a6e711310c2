"""Rubrics: written criteria, their levels, weights and checks."""

from judge.rubrics.cases import Case
from judge.rubrics.criterion import Check, Criterion, Gate
from judge.rubrics.files import RUBRICS, load_rubric, parse_rubric
from judge.rubrics.scale import ErrorScale, Level
from judge.rubrics.schema import Rubric

__all__ = [
    "RUBRICS",
    "Case",
    "Check",
    "Criterion",
    "ErrorScale",
    "Gate",
    "Level",
    "Rubric",
    "load_rubric",
    "parse_rubric",
]
