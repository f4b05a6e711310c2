"""Whether the judge agrees with itself, and its probabilities with the labels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from judge.metaeval.calibrate import LabelledPair
from judge.metaeval.labelled import joined, labelled_pairs
from judge.metaeval.reliability import BINS, reliability
from judge.report.collected import Collected
from judge.report.criteria import flips
from judge.report.figure import Figure, Table
from judge.report.figures.axis import percentage
from judge.report.figures.marks import Mark, marks
from judge.report.figures.plot import Point, across, plot, up
from judge.report.source import Source
from judge.statistics import wilson
from judge.synthesis.diagnose import Diagnosis

MOST_GROUPS = 5_000
"""Labelled groups that reliability is computed on: the first of the run."""
LEAST = 20
"""Labelled comparisons below which no reliability is drawn."""
A_BIN = 10
"""Comparisons a bin, at least, as far as there are enough for two bins."""
DRAWS = 500
"""Of the bootstrap."""
RELIABILITY = ("reliability", "Stated probabilities against labels")


def flip_rates(found: Collected, diagnosis: Diagnosis) -> Figure:
    """How often the two display orders of a pair prefer different sides."""
    name, title = "flips", "Flips with the display order"
    total = found.summary.both_orders
    if not total:
        why = "no pair was judged in both display orders, so that flips are not known"
        return Figure(name, title, missing=why)
    turned = total - found.summary.consistent
    low, high = wilson(turned, total)
    lines = [Mark("all together", turned / total, low, high), *flips(diagnosis)]
    first = found.summary.first / found.summary.decided if found.summary.decided else None
    said = f"{percentage(turned / total)} of {total} pairs flip"
    caption = (
        f"Share of pairs whose two orders prefer different sides, with 95 % intervals (Wilson):"
        f" {said}."
    )
    if first is not None:
        caption += f" The side shown first wins {percentage(first)} of decided comparisons."
    table = Table.of(("what", "flip rate", "low", "high"), lines)
    svg = marks(title, said, lines, ends=(0.0, 1.0), told=percentage)
    return Figure(name, title, caption, svg, table)


def reliability_figure(source: Source, *, seed: int) -> Figure:
    """Stated probability against what the labels say, of labelled comparisons."""
    pairs = labelled_pairs(islice(joined(source.rows()), MOST_GROUPS))
    return drawn_reliability(pairs, seed=seed)


def drawn_reliability(pairs: Sequence[LabelledPair], *, seed: int) -> Figure:
    """The figure of labelled comparisons; sure ties are left out.

    Each comparison is told from the side of its likelier winner, so that the probability is that
    of being right, from 0.5 to 1.
    """
    stated, right, prompts = [], [], []
    for comparison, first_better, prompt in pairs:
        either = comparison.p_first + comparison.p_second
        if either > 0.0:
            share = comparison.p_first / either
            stated.append(max(share, 1.0 - share))
            right.append(0.5 if share == 0.5 else float((share > 0.5) == first_better))
            prompts.append(prompt)
    if len(stated) < LEAST:
        why = f"{len(stated)} labelled comparisons of two responses, fewer than {LEAST}"
        return Figure(*RELIABILITY, missing=why)
    bins = min(BINS, len(stated) // A_BIN)
    found = reliability(stated, right, prompts, bins=bins, draws=DRAWS, seed=seed)
    points = [Point(b.stated, b.observed, *b.interval) for b in found.bins]
    low, high = found.ece_mass_interval
    said = f"calibration error {found.ece_mass:.3f} ({low:.3f} to {high:.3f})"
    caption = (
        f"How sure the judge is of the side it prefers, against how often the labels agree;"
        f" {found.n} comparisons in bins of equal size, 95 % intervals over groups. Below the"
        f" dashed line it is too sure. Brier {found.brier:.3f}, {said}; the error is never below 0,"
        " and larger with fewer comparisons."
    )
    if len(set(prompts)) >= MOST_GROUPS:
        caption += f" The first {MOST_GROUPS} labelled groups were used."
    axes = (across(0.5, 1.0), up(0.0, 1.0))
    units = ("stated probability", "share right")
    told = (percentage, percentage)
    svg = plot(RELIABILITY[1], said, points, axes, units, diagonal=True, told=told)
    rows = [(b.low, b.high, b.n, b.stated, b.observed, *b.interval) for b in found.bins]
    columns = ("from", "to", "n", "stated", "observed", "low", "high")
    return Figure(*RELIABILITY, caption, svg, Table.of(columns, rows))
