import pytest

from judge.cli.ray_options import cluster_of
from judge.errors import ConfigError
from judge.runs.cluster import Cluster


def test_options_name_a_cluster() -> None:
    assert cluster_of(None, None, None) is None
    assert cluster_of("auto", None, None) == Cluster("auto", 1, 1, 0.0)
    assert cluster_of("local", "2,4", 0.5) == Cluster("local", 2, 4, 0.5)


@pytest.mark.parametrize(
    ("actors", "gpus", "named"), [("2", None, "--actors"), (None, 0.0, "--gpus-per-actor")]
)
def test_options_of_no_use_are_errors(actors: str | None, gpus: float | None, named: str) -> None:
    with pytest.raises(ConfigError, match=f"{named} is of use with --ray alone"):
        cluster_of(None, actors, gpus)
