"""All that the page says of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from judge.report.agreement import flip_rates, reliability_figure
from judge.report.card import Card, card
from judge.report.collected import Collected
from judge.report.cost import Spent, spent
from judge.report.coverage import coverage, failures
from judge.report.criteria import criteria
from judge.report.figure import Figure
from judge.report.finding import finding
from judge.report.probes import Probed
from judge.report.rewards import by_length, rewards
from judge.report.source import Source
from judge.report.systems import systems
from judge.report.worst import Case, disagreements, read_texts
from judge.types import Record

BOOTSTRAP = 200
"""Resamples of a leaderboard's intervals."""


class RunReport(Record, frozen=True):
    """One run, ready to be shown."""

    name: str
    finding: str
    figures: tuple[Figure, ...]
    disagreements: Figure
    cases: tuple[Case, ...]
    """Their texts."""
    card: Card
    spent: Spent
    record: Mapping[str, frozenset[str]]
    """Digests by name, of what judged."""


def run_report(source: Source, probes: Sequence[Probed] = (), *, seed: int = 0) -> RunReport:
    """Read a run some times over, and say what it comes to.

    Memory grows with the number of responses by a few numbers each; texts are kept of the worst
    disagreements alone.

    Args:
        source: The run.
        probes: All that were given; those of another judge are left out of the card.
        seed: Of the intervals.

    Raises:
        ConfigError: A result row cannot be read.
    """
    found = Collected.of(source.rows())
    listed = found.against_label or found.against_itself
    texts = read_texts(source, {one.place for one in listed})
    diagnosis, about_criteria = criteria(found.columns)
    shown = bool(source.plan.get("texts", True))
    worst, cases = disagreements(found, texts, shown=shown)
    record = {name: frozenset(values) for name, values in found.record.items()}
    figures = (
        coverage(found),
        failures(found),
        rewards(found),
        by_length(texts.lengths, texts.values, texts.missing),
        *systems(source, found, bootstrap=BOOTSTRAP, seed=seed),
        *about_criteria,
        flip_rates(found, diagnosis),
        reliability_figure(source, seed=seed),
    )
    own = [probed for probed in probes if same_judge(probed, record)]
    return RunReport(
        source.name,
        finding(source.plan, found),
        figures,
        worst,
        cases,
        card(source.plan, found, diagnosis, own),
        spent(source.name, found),
        record,
    )


def same_judge(probed: Probed, record: Mapping[str, frozenset[str]]) -> bool:
    """Whether a probe was of the judge of a run: the same recipe and engine."""
    return all(probed.record.get(name) in record.get(name, ()) for name in ("recipe", "engine"))
