"""Where a distributed run is judged: a Ray cluster, found or started."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from judge.errors import ConfigError, EngineUnavailable
from judge.types import Record

LOCAL = "local"
REACH_S = 10.0
"""How long a cluster may take to be reached, in seconds."""


class Cluster(Record, frozen=True):
    """Where a run is judged, and by how many."""

    address: str = LOCAL
    """Of a Ray cluster that this machine belongs to, such as `auto` or `HOST:6379`; or `local`: one
    on this machine, for this run."""
    least: int = 1
    """Actors at the outset."""
    most: int = 1
    """Actors that may be added while all are busy."""
    gpus: float = 0.0
    """Of each actor; for an engine over several, as in `vllm:MODEL?tensor_parallel_size=4`."""

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise ConfigError(f"--actors {self.least},{self.most} is not N or MIN,MAX, from 1 up")
        if self.gpus < 0.0:
            raise ConfigError(f"--gpus-per-actor {self.gpus} is below 0")
        if self.address.startswith("ray://"):
            raise ConfigError(
                f"--ray {self.address}: the run itself has to be on a machine of the cluster",
                hint="start the command there, as with `ray job submit`, and give --ray auto",
            )

    @classmethod
    def of(cls, address: str, actors: str = "1", gpus: float = 0.0) -> Cluster:
        """Read `N` or `MIN,MAX` actors.

        Raises:
            ConfigError: The number of actors has another form, or a setting is out of range.
        """
        least, comma, most = actors.partition(",")
        try:
            return cls(address, int(least), int(most if comma else least), gpus)
        except ValueError as error:
            raise ConfigError(f"--actors {actors!r} is not N or MIN,MAX") from error


@contextmanager
def connected(cluster: Cluster) -> Iterator[None]:
    """Be connected to the cluster; one that was started for this is stopped at the end.

    Raises:
        ConfigError: Ray is not installed.
        EngineUnavailable: The cluster cannot be reached.
    """
    try:
        import ray
    except ImportError as error:
        raise ConfigError("--ray needs Ray", hint="pip install 'judge-rm[ray]'") from error
    if ray.is_initialized():
        yield
        return
    _check_reachable(cluster.address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray holds one CPU for each actor; on one machine they share what there is.
    own = {"num_cpus": cluster.most, "include_dashboard": False}
    try:
        ray.init(
            address=cluster.address,
            log_to_driver=False,
            logging_level=logging.WARNING,
            **(own if cluster.address == LOCAL else {}),
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise EngineUnavailable(
            f"no Ray cluster at {cluster.address}: {error}",
            hint="start one with `ray start --head`, or use --ray local",
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise EngineUnavailable where nobody listens at HOST:PORT; Ray itself tries for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except OSError as error:
        raise EngineUnavailable(
            f"no Ray cluster at {address}: {error}", hint="see that it runs, and its port"
        ) from error
