"""The environment of the peers: made once under the user's cache, apart from this project's own.

`python scripts/bench_peer_env.py` makes it where it is missing and prints its Python.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = (
    "py-openjudge==0.2.4",
    "autorubric==1.6.1",
    "rubric==2.2.0",
    "prometheus-eval==0.1.20",
)
"""The peers; they install together, so one environment holds all four."""


def default_cache_dir() -> Path:
    """Return `judge/bench-peers` below $XDG_CACHE_HOME, or below ~/.cache without it."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "judge" / "bench-peers"


def ensure_environment(cache_dir: Path | None = None) -> Path:
    """Make the virtual environment of the peers, unless it is there already.

    The first call takes one to two minutes and about 1.1 GB. The environment is built beside its
    place and renamed into it, so that one cut short is never taken for a whole one.

    Args:
        cache_dir: Folder for it; None is `default_cache_dir()`.

    Returns:
        The path of the environment's Python.

    Raises:
        subprocess.CalledProcessError: pip could not install the peers; its messages are on stderr.
    """
    cache_dir = cache_dir or default_cache_dir()
    digest = hashlib.sha256("\n".join(REQUIREMENTS).encode()).hexdigest()[:12]
    home = cache_dir.absolute() / f"py{sys.version_info[0]}.{sys.version_info[1]}-{digest}"
    if not home.exists():
        _build(home)
    return _python(home)


def run_peer(name: str, calls: int, cache_dir: Path | None = None) -> dict[str, object]:
    """Measure one peer in the environment of the peers.

    Args:
        name: One of the names of `bench_overhead_peers.py`.
        calls: Judge calls per repeat.
        cache_dir: As for `ensure_environment`.

    Returns:
        The peer's entry of the JSON object that script prints; {"error": ...} if it failed.
    """
    script = Path(__file__).with_name("bench_overhead_peers.py")
    command = [str(ensure_environment(cache_dir)), str(script), "--peer", name]
    done = subprocess.run(
        [*command, "--calls", str(calls)], capture_output=True, text=True, env=_clean_environment()
    )
    if done.returncode != 0:
        return {"error": done.stderr.strip()[-2000:] or f"exit status {done.returncode}"}
    entry: dict[str, object] = json.loads(done.stdout)[name]
    return entry


def _build(home: Path) -> None:
    """Build the environment in a folder beside `home`, then rename it to `home`."""
    print(f"installing {', '.join(REQUIREMENTS)} into {home}", file=sys.stderr, flush=True)
    draft = home.with_name(f"{home.name}.draft-{os.getpid()}")
    try:
        venv.EnvBuilder(with_pip=True, symlinks=os.name != "nt", clear=True).create(draft)
        install = ["-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run(
            [str(_python(draft)), *install, *REQUIREMENTS],
            check=True,
            stdout=sys.stderr,
            env=_clean_environment(),
        )
        try:
            draft.rename(home)
        except OSError:
            if not home.exists():  # else another process was first, and its environment is as good
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _python(home: Path) -> Path:
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _clean_environment() -> dict[str, str]:
    """Copy the process environment without what would mix the caller's packages in."""
    mixing = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    return {name: value for name, value in os.environ.items() if name not in mixing}


if __name__ == "__main__":
    print(ensure_environment())
