"""What each criterion of a rubric does, and which say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from judge.report.figure import Figure, Table
from judge.report.figures.axis import percentage, short
from judge.report.figures.heat import heat
from judge.report.figures.marks import DRAWN, Mark, marks
from judge.synthesis.diagnose import LEAST, CriterionFigures, Diagnosis, Estimate, diagnosed
from judge.synthesis.relations import relations
from judge.synthesis.verdict_columns import Columns

NONE = "the run has no verdicts on criteria"
LABELLED = ("criteria-labels", "Criteria: preference for the labelled response")


def criteria(columns: Columns) -> tuple[Diagnosis, tuple[Figure, ...]]:
    """What is known of the criteria, and the figures."""
    related = relations(columns, least=LEAST)
    found = diagnosed(columns, related)
    names = [one.id for one in found.criteria]
    figures = (means(found), preference(found), shares(found), correlations(names, related.between))
    return found, figures


def means(found: Diagnosis) -> Figure:
    """The mean verdict of each criterion."""
    name, title = "criteria", "Criteria: mean verdict"
    if not any(one.mean is not None for one in found.criteria):
        return Figure(name, title, missing=NONE)
    paired = any(one.pairs for one in found.criteria)
    caption = (
        "In favour of the response shown first, from 0 to 1: 0.5 is even, and all away from it on"
        " one side says that the place counts."
        if paired
        else "Along the criterion's scale, from 0 (worst) to 1 (best), before any weight. At an end"
        " a criterion tells no responses apart."
    )
    lines = [Mark(one.id, one.mean) for one in found.criteria]
    said = f"{len(lines)} criteria"
    middle = 0.5 if paired else None
    svg = marks(title, said, lines, ends=(0.0, 1.0), about=middle)
    return Figure(name, title, caption + _cut(len(lines)), svg, _table(found.criteria))


def preference(found: Diagnosis) -> Figure:
    """How often each criterion ranks the labelled response higher."""
    known = [one for one in found.criteria if one.preference is not None]
    if not known:
        return Figure(*LABELLED, missing="no labelled response was judged beside another one")
    lines = [_mark(one.id, one.preference) for one in found.criteria]
    caption = (
        f"Chance that the labelled response gets more from a criterion than another of its group,"
        f" ties half, over {found.labelled} labelled groups; lines are 95 % intervals. At 50 %"
        " (dashed) a criterion says nothing of what the labels say."
    )
    rows = [(one.id, *_cells(one.preference)) for one in found.criteria]
    table = Table.of(("criterion", "chance", "low", "high", "groups"), rows)
    svg = marks(LABELLED[1], caption, lines, ends=(0.0, 1.0), about=0.5, told=percentage)
    return Figure(*LABELLED, caption + _cut(len(lines)), svg, table)


def shares(found: Diagnosis) -> Figure:
    """Which part of the reward each criterion makes."""
    name, title = "criteria-reward", "Criteria: share of the reward"
    lines = [Mark(one.id, one.reward_share) for one in found.criteria]
    known = [one.value for one in lines if one.value is not None]
    if not known:
        return Figure(name, title, missing="the rewards do not vary with any criterion")
    caption = (
        f"Share of the reward's variance that each criterion makes (Pratt 1987); together"
        f" {percentage(found.explained or 0.0)}. A share far above the others: the reward is that"
        " criterion. Below 0: it works against the reward."
    )
    ends = (min(0.0, *known), max(1.0, *known))
    rows = [(one.name, one.value) for one in lines]
    table = Table.of(("criterion", "share of variance"), rows)
    svg = marks(title, caption, lines, ends=ends, told=percentage)
    return Figure(name, title, caption + _cut(len(lines)), svg, table)


def correlations(names: Sequence[str], between: Mapping[tuple[str, str], float]) -> Figure:
    """Which criteria go together.

    Args:
        names: Of the criteria.
        between: See `judge.synthesis.relations.Relations.between`.
    """
    name, title = "criteria-correlation", "Criteria: correlation"
    if not between:
        why = f"no two criteria have {LEAST} responses in common on which both vary"
        return Figure(name, title, missing=why)
    both = {**between, **{(b, a): r for (a, b), r in between.items()}}
    (one, other), most = max(between.items(), key=lambda item: abs(item[1]))
    said = f"most alike: {one} and {other}, {most:.2f}"
    caption = (
        f"Pearson's r of worths, less their group's mean; {said}. Blue: they rise together; orange:"
        " one rises as the other falls; empty: too little in common. Near 1, two criteria say the"
        " same, and its weight counts twice. Columns have the rows' numbers."
    )
    rows = [(a, b, r) for (a, b), r in between.items()]
    svg = heat(title, said, names, both, middle=0.0, reach=1.0, told=short)
    return Figure(name, title, caption, svg, Table.of(("criterion", "other", "r"), rows))


def flips(found: Diagnosis) -> Iterator[Mark]:
    """How often each criterion contradicts itself when the order is swapped."""
    for one in found.criteria:
        if one.flips is not None:
            yield _mark(one.id, one.flips)


def _mark(name: str, told: Estimate | None) -> Mark:
    return Mark(name, None) if told is None else Mark(name, told.value, told.low, told.high)


def _cells(told: Estimate | None) -> tuple[float | None, float | None, float | None, int]:
    return (None, None, None, 0) if told is None else (told.value, told.low, told.high, told.n)


def _cut(n: int) -> str:
    return f" The first {DRAWN} of {n} are drawn." if n > DRAWN else ""


def _table(found: Sequence[CriterionFigures]) -> Table:
    columns = ("criterion", "verdicts", "mean", "at one end", "not applicable", "label mass")
    return Table.of(
        columns,
        [(c.id, c.n, c.mean, c.saturation, c.not_applicable, c.label_mass) for c in found],
    )
