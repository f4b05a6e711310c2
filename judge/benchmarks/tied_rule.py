"""RewardBench 2's Ties: prompts with many right answers, beside versions with one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from judge.benchmarks.credits import Credits, array, scores
from judge.benchmarks.items import Judged
from judge.benchmarks.schema import Metric
from judge.benchmarks.score_rules import alone
from judge.types import Record

HIGHEST = 1.01
"""What a wholly right prompt gets, the last term included."""


class Margins(Record, frozen=True):
    """Of one version of a prompt."""

    accurate: bool
    spread: float
    """Between the best and the worst right answer."""
    lead: float
    """Of the worst right answer over the best wrong one."""
    whole: bool
    """Whether every answer has a score."""


def margins(one: Judged) -> Margins:
    """The margins of one item; a failed verdict lies below all known ones.

    The reference writes -1 for a rating that failed, on a scale from 1 to 10.
    """
    told = array(scores(one))
    known = told[~np.isnan(told)]
    floor = (known.min() if len(known) else 0.0) - 1.0
    told = np.where(np.isnan(told), floor, told)
    truth = array(one.truth)
    right, wrong = told[truth == truth.max()], told[truth < truth.max()]
    lead = float(right.min() - wrong.max())
    return Margins(lead > 0.0, float(right.max() - right.min()), lead, None not in one.values)


def tied_answers(judged: Sequence[Judged], metric: Metric) -> Credits:
    """0.3 acc_tied + 0.3 acc_ref + 0.2 [M_tied > D] + 0.2 [min(M) > D] + 0.01 tanh(min(M)/D - 1).

    Source: rewardbench/utils.py, process_single_model. M is the lead of the worst right answer, D
    the spread of the right ones in the tied version; NaN of 0 / 0 counts 0. Every prompt has an
    item `ref:K` and one `tied:K`; prompts of which one is missing are left out. Strictly, both are
    accurate, min(M) > D, and no verdict failed.
    """
    alone(judged)
    prompts: dict[str, dict[str, Judged]] = defaultdict(dict)
    for one in judged:
        version, _, number = one.id.rpartition("/")[2].partition(":")
        prompts[number][version] = one
    whole = {name: two for name, two in prompts.items() if two.keys() == {"ref", "tied"}}
    told = [_credit(margins(two["ref"]), margins(two["tied"])) for two in whole.values()]
    official, strict, tied = zip(*told, strict=True) if told else ((), (), ())
    left = len(prompts) - len(whole)
    notes = (f"{left} prompts of which a version is missing are left out",) if left else ()
    bounds = (-0.01, HIGHEST)
    return Credits(array(official), array(strict), array(tied), tuple(whole), bounds, {}, {}, notes)


def _credit(ref: Margins, tied: Margins) -> tuple[float, float, float]:
    least = min(ref.lead, tied.lead)
    accuracy = 0.3 * tied.accurate + 0.3 * ref.accurate
    preferred = 0.2 * (tied.lead > tied.spread) + 0.2 * (least > tied.spread)
    strict = ref.accurate and tied.accurate and least > tied.spread and ref.whole and tied.whole
    level = (float(ref.lead == 0.0) + float(tied.lead == 0.0)) / 2.0
    return accuracy + preferred + 0.01 * _lean(least, tied.spread), float(strict), level


def _lean(least: float, spread: float) -> float:
    """tanh(least / spread - 1), with numpy's division by zero."""
    if spread == 0.0:
        return 0.0 if least == 0.0 else math.copysign(1.0, least)
    return math.tanh(least / spread - 1.0)
