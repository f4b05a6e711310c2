import json

import pytest

from judge.cli.seat import Seat
from judge.engines.metered import Meter
from judge.errors import ConfigError
from judge.runs.cluster import Cluster


def test_actors_record_nothing(tmp_path):
    with pytest.raises(ConfigError, match="--record"):
        Seat(tmp_path, Meter(), tmp_path / "recording", Cluster())


def test_in_actors_a_run_is_what_it_is_here(command, counting, run_arguments, rows_of, tmp_path):
    pytest.importorskip("ray")
    here, spread, recording = tmp_path / "here", tmp_path / "spread", tmp_path / "recording"
    fitted = [*run_arguments(), "--profile", "fit"]
    engine = f"replay:{recording}"
    command(*run_arguments(), "--out", tmp_path / "recorded", "--record", recording)
    command(*fitted, "--engine", engine, "--out", here)
    asked = len(counting.asked)
    ray = ["--ray", "local", "--actors", "2"]
    done = command(*fitted, "--engine", engine, "--out", spread, "--json", *ray)
    assert len(counting.asked) == asked  # actors have engines of their own
    assert json.loads(done.stdout)["calls"] == 0  # the second pass finds all in the store
    assert rows_of(spread / "first") == rows_of(here / "first")
    assert rows_of(spread) == rows_of(here)
    assert (spread / "profile.json").read_text() == (here / "profile.json").read_text()
    (spread / "results.jsonl").write_text("")
    command("resume", spread, "--engine", engine)
    assert rows_of(spread) == rows_of(here)
    command("rescore", spread, "--recipe", "pairwise-win-rate", "--out", tmp_path / "again")
    assert rows_of(tmp_path / "again") == rows_of(here)
    assert len(counting.asked) == asked
