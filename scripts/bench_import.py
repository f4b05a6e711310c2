"""How long `import judge` takes, and what it brings in: median of 9 fresh processes.

python scripts/bench_import.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys

CODE = (
    "import time, sys; t = time.perf_counter(); import judge;"
    " dt = time.perf_counter() - t; print(dt, len(sys.modules),"
    " sorted(set(sys.modules) & {'torch', 'vllm', 'numpy', 'pydantic'}))"
)
USE = CODE.replace("import judge;", "import judge; judge.RewardModel;")


def main() -> None:
    for name, code in (("import judge", CODE), ("import judge; judge.RewardModel", USE)):
        runs = [
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            for _ in range(9)
        ]
        seconds = sorted(float(run.stdout.split()[0]) for run in runs)
        print(
            f"{name}: median {statistics.median(seconds):.3f} s"
            f" ({seconds[0]:.3f} to {seconds[-1]:.3f}); {runs[0].stdout.split(maxsplit=1)[1]}",
            end="",
        )


if __name__ == "__main__":
    main()
