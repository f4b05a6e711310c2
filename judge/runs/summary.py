"""What a run has come to, computed from its result rows alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from judge.aggregate.preferences import preferences
from judge.statistics import wilson
from judge.types import Comparison


@dataclass(slots=True)
class Summary:
    """Running totals over result rows; shares are None where nothing counts towards them."""

    groups: int = 0
    responses: int = 0
    judged: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    labelled: int = 0
    right: int = 0
    tied: int = 0
    comparisons: int = 0
    decided: int = 0
    first: int = 0
    both_orders: int = 0
    consistent: int = 0
    order_judged: int = 0
    order_right: float = 0.0
    mass: float = 0.0
    massed: int = 0
    answers: int = 0
    truncated: int = 0
    thoughts: int = 0
    thinking_cut: int = 0
    low_mass: int = 0
    length_correlation: float = 0.0
    correlated: int = 0
    coverage: float = 0.0
    calls: int = 0
    calls_saved: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> Summary:
        """Sum up result rows."""
        summary = cls()
        for row in rows:
            summary.add(row)
        return summary

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one result row."""
        self.groups += 1
        for reward in row["rewards"]:
            self.responses += 1
            self.judged += reward["value"] is not None
            self.coverage += reward["coverage"]
            self.statuses[reward["status"]] += 1
            if reward["reason"] is not None:
                self.failures[reward["reason"]["kind"]] += 1
        usage = row["usage"]
        self.calls += usage["calls"]
        self.calls_saved += int(row["metrics"].get("calls_saved", 0))
        self.prompt_tokens += usage["prompt_tokens"]
        self.completion_tokens += usage["completion_tokens"]
        label = row.get("label")
        self._masses(row["verdicts"])
        self._answers(row)
        self._orders(row["verdicts"], label)
        if label is not None and len(row["values"]) > 1:
            self._label(row["values"], label)

    def _label(self, values: list[float | None], label: int) -> None:
        best = values[label]
        known = [value for value in values if value is not None]
        if best is None or len(known) < len(values):
            return
        self.labelled += 1
        others = max(value for at, value in enumerate(known) if at != label)
        self.right += best > others
        self.tied += best == others

    def _masses(self, verdicts: Iterable[Mapping[str, Any]]) -> None:
        for verdict in verdicts:
            masses = [part["label_mass"] for part in verdict.get("parts", ())]
            known = [mass for mass in masses if mass is not None]
            if known:
                self.mass += math.fsum(known) / len(known)
                self.massed += 1

    def _answers(self, row: Mapping[str, Any]) -> None:
        kinds = Counter(failure["kind"] for failure in row["failures"] if failure["call"])
        for verdict in row["verdicts"]:
            # Each member of a panel that is named has answered.
            members = 1 + verdict.get("decided_by", "").count(" + ")
            self.answers += members if verdict.get("call") else 0
        self.answers += kinds.total()
        thought = [v for v in row["verdicts"] if v.get("thinking") or v.get("thinking_cut")]
        forced = sum(bool(verdict.get("thinking_cut")) for verdict in thought)
        self.thoughts += len(thought) + kinds["thinking_cut"]
        self.thinking_cut += forced + kinds["thinking_cut"]
        self.truncated += kinds["cut"] + kinds["thinking_cut"] + forced
        self.low_mass += kinds["low_mass"]
        correlation = row["metrics"].get("length_correlation")
        if correlation is not None:
            self.length_correlation += correlation
            self.correlated += 1

    def _orders(self, verdicts: Iterable[Mapping[str, Any]], label: int | None) -> None:
        told = []
        for verdict in verdicts:
            if verdict["kind"] != "pairwise":
                continue
            keys = ("first", "second", "p_first", "p_tie", "p_second")
            comparison = Comparison(*(verdict[key] for key in keys))
            told.append(comparison)
            self.comparisons += 1
            lead = comparison.p_first - comparison.p_second
            self.decided += lead != 0.0
            self.first += lead > 0.0
            if label in (comparison.first, comparison.second):
                self.order_judged += 1
                wins = lead > 0.0 if label == comparison.first else lead < 0.0
                self.order_right += 0.5 if lead == 0.0 else float(wins)
        for pair in preferences(told):
            if pair.flipped is not None:
                self.both_orders += 1
                self.consistent += not pair.flipped

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON data."""
        low, high = wilson(self.right, self.labelled)
        accuracy = _share(self.right, self.labelled)
        return {
            "groups": self.groups,
            "responses": self.responses,
            "judged": self.judged,
            "unjudged": self.responses - self.judged,
            "statuses": dict(sorted(self.statuses.items())),
            "failures": dict(sorted(self.failures.items())),
            "coverage": _share(self.coverage, self.responses),
            "labelled": self.labelled,
            "accuracy": accuracy,
            "accuracy_interval": None if accuracy is None else [low, high],
            "ties": _share(self.tied, self.labelled),
            "accuracy_one_order": _share(self.order_right, self.order_judged),
            "comparisons": self.comparisons,
            "first_share": _share(self.first, self.decided),
            "order_consistency": _share(self.consistent, self.both_orders),
            "flip_rate": _share(self.both_orders - self.consistent, self.both_orders),
            "truncated": _share(self.truncated, self.answers),
            "thinking_cut": _share(self.thinking_cut, self.thoughts),
            "low_mass": _share(self.low_mass, self.answers),
            "length_correlation": _share(self.length_correlation, self.correlated),
            "label_mass": _share(self.mass, self.massed),
            "calls": self.calls,
            "calls_saved": self.calls_saved,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
