import socket
import sys

import pytest

from judge.errors import ConfigError, EngineUnavailable
from judge.runs.cluster import Cluster, connected


@pytest.mark.parametrize(
    ("actors", "least", "most"), [("1", 1, 1), ("3", 3, 3), ("2,5", 2, 5), ("4,4", 4, 4)]
)
def test_actors_are_a_number_or_a_range(actors: str, least: int, most: int) -> None:
    assert Cluster.of("auto", actors, 0.5) == Cluster("auto", least, most, 0.5)


@pytest.mark.parametrize("actors", ["", "x", "0", "-1", "3,2", "0,2", "1,", ",2", "1,2,3", "1.5"])
def test_other_forms_are_errors(actors: str) -> None:
    with pytest.raises(ConfigError, match="is not N or MIN,MAX"):
        Cluster.of("local", actors)


def test_gpus_are_not_negative() -> None:
    with pytest.raises(ConfigError, match="below 0"):
        Cluster.of("local", "1", -1.0)


def test_a_run_from_outside_the_cluster_is_refused() -> None:
    with pytest.raises(ConfigError, match="on a machine of the cluster"):
        Cluster.of("ray://head:10001")


def test_a_cluster_that_is_not_there_is_told_at_once() -> None:
    pytest.importorskip("ray")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(EngineUnavailable, match=f"no Ray cluster at {address}"),
            connected(Cluster(address)),
        ):
            raise AssertionError


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(ConfigError, match=r"judge-rm\[ray\]"),
        connected(Cluster()),
    ):
        raise AssertionError
