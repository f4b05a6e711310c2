"""The load of `scripts/load_server.py` for ten seconds each way: nothing lost, nothing doubled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "load_server.py"
CLIENTS = 256


def loaded(*options: str) -> dict[str, float]:
    command = [sys.executable, str(SCRIPT), "--seconds", "10", "--clients", str(CLIENTS), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_many_clients_get_each_answer_once():
    told = loaded()
    assert told["answers"] > CLIENTS
    assert (told["wrong"], told["refused"], told["exit_code"]) == (0, 0, 0)
    assert told["judged_by_server"] == told["answers"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_a_server_told_to_stop_under_load_answers_who_is_inside():
    told = loaded("--term")
    assert told["answers"] > 0
    assert told["refused"] == CLIENTS
    assert (told["wrong"], told["exit_code"]) == (0, 0)
