"""All of it as one HTML file that loads nothing: no script, no font, no picture from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from judge.report.cost import agreement_by_cost
from judge.report.figure import Cell, Figure, Table
from judge.report.figures.svg import clean
from judge.report.finding import overall
from judge.report.probes import Probed, probe_figure
from judge.report.run import RunReport, same_judge
from judge.types import Record
from judge.version import __version__

ROWS = 100
"""Rows of a figure's table that the page shows; its file has all."""


class Page(Record, frozen=True):
    """What is shown."""

    runs: tuple[RunReport, ...]
    overview: Figure | None
    """Of several runs."""
    probes: tuple[Figure, ...]

    @property
    def finding(self) -> str:
        """The one sentence at the top."""
        if len(self.runs) == 1:
            return self.runs[0].finding
        return overall([run.spent for run in self.runs])

    def tables(self) -> Iterator[tuple[str, Table]]:
        """The numbers of all figures, each with the name of its file."""
        every = [*self.probes, *((self.overview,) if self.overview else ())]
        named = [(one.csv_name, one) for one in every]
        for at, run in enumerate(self.runs):
            own = (*run.figures, run.disagreements)
            named += [(self.prefix(at) + one.csv_name, one) for one in own]
        yield from ((name, one.table) for name, one in named if one.table is not None)

    def prefix(self, at: int) -> str:
        """What the names of a run's files and places begin with."""
        return f"run{at + 1}-" if len(self.runs) > 1 else ""


def page_of(runs: Sequence[RunReport], probes: Sequence[Probed] = ()) -> Page:
    """Put runs and probes together."""
    overview = agreement_by_cost([run.spent for run in runs]) if len(runs) > 1 else None
    drawn = []
    for at, probed in enumerate(probes):
        of = [run.name for run in runs if same_judge(probed, run.record)]
        about = (
            f"This is the judge of {', '.join(of)}."
            if of
            else ("This is not the judge of the report: its recipe or engine is another.")
        )
        name = "probe" if len(probes) == 1 else f"probe{at + 1}"
        drawn.append(probe_figure(probed, name, about))
    return Page(tuple(runs), overview, tuple(drawn))


def render(page: Page) -> str:
    """The page as HTML. All texts are escaped; drawings escape their own (see `figures.svg`)."""
    environment = Environment(
        loader=PackageLoader("judge.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_storable,
    )
    environment.filters |= {"drawn": Markup, "data_link": _data_link, "cell": _cell}
    template = environment.get_template("page.html.jinja")
    return template.render(page=page, version=__version__, most=ROWS)


def _storable(value: object) -> object:
    return clean(value) if type(value) is str else value


def _data_link(figure: Figure) -> str:
    """The figure's numbers as a link that needs no other file."""
    assert figure.table is not None
    told = base64.b64encode(figure.table.csv.encode()).decode()
    return f"data:text/csv;charset=utf-8;base64,{told}"


def _cell(value: Cell) -> str:
    if value is None:
        return "\u2013"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
