"""Deterministic checks: criteria that a program decides and the model is never asked about."""

from judge.checks.base import CheckParams, CheckResult, CheckSpec, Inputs
from judge.checks.registry import CHECKS, run_check

__all__ = ["CHECKS", "CheckParams", "CheckResult", "CheckSpec", "Inputs", "run_check"]
