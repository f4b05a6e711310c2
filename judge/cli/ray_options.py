"""Options of commands that can judge in actors of a Ray cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from judge.errors import ConfigError
from judge.runs.cluster import Cluster

Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        envvar="JUDGE_RAY",
        help="Judge in actors of a Ray cluster: its address, `auto`, or `local`.",
    ),
]
Actors = Annotated[
    str | None,
    typer.Option(
        "--actors",
        envvar="JUDGE_ACTORS",
        help="With --ray: N, or MIN,MAX, each with an engine of its own.",
    ),
]
Gpus = Annotated[
    float | None,
    typer.Option("--gpus-per-actor", envvar="JUDGE_GPUS_PER_ACTOR", help="With --ray."),
]


def cluster_of(ray: str | None, actors: str | None, gpus: float | None) -> Cluster | None:
    """The cluster that the options name; None: all is judged in this process.

    Raises:
        ConfigError: An option has another form, or is of no use without `--ray`.
    """
    if ray is not None:
        return Cluster.of(ray, actors or "1", gpus or 0.0)
    for name, given in (("--actors", actors), ("--gpus-per-actor", gpus)):
        if given is not None:
            raise ConfigError(f"{name} is of use with --ray alone", hint="add --ray local")
    return None
