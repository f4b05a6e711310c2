"""The short form of `scripts/crash_runs.py`: runs killed, broken and doubled end as undisturbed."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "crash_runs.py"


@pytest.mark.parametrize("seed", [0, 3])
def test_nothing_is_lost_doubled_or_asked_again(seed):
    arguments = ["--kills", "3", "--groups", "40", "--seed", str(seed)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "killed 3" in done.stdout
    assert "all ended equal" in done.stdout
