"""How long a leaderboard takes, by method: median of 5 on one core, inputs in memory.

    python scripts/bench_ratings.py --comparisons 1000000 --models 200 --bootstrap 100 --repeats 5

Names come as lists of strings, outcomes as an array of 1, .5 and 0. With --bootstrap there is a
second column for that many resamples of comparisons, timed once; `elo`, which replays every
comparison of every resample, is left out there.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import argparse
import statistics
import time
from typing import get_args

import numpy as np

from judge.aggregate.rating_methods import Method
from judge.aggregate.ratings import leaderboard


def simulated(rows: int, models: int, seed: int = 0) -> tuple[list[str], list[str], np.ndarray]:
    """Comparisons of random pairs whose strengths are standard normal, in logits; 20 % ties."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(size=models)
    first = rng.integers(models, size=rows)
    second = (first + rng.integers(1, models, size=rows)) % models
    won = rng.random(rows) < 1.0 / (1.0 + np.exp(strength[second] - strength[first]))
    names = np.array([f"model-{i:04d}" for i in range(models)])
    return names[first].tolist(), names[second].tolist(), np.where(rng.random(rows) < 0.2, 0.5, won)


def timed(*columns: object, **options: object) -> float:
    start = time.perf_counter()
    leaderboard(*columns, **options)  # type: ignore[arg-type]
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--comparisons", type=int, default=1_000_000)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--bootstrap", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    columns = simulated(args.comparisons, args.models)
    print(f"{args.comparisons} comparisons of {args.models} models, median of {args.repeats}")
    print(
        f"{'method':<18}{'seconds':>9}"
        + (f"{f'{args.bootstrap} resamples':>20}" * bool(args.bootstrap))
    )
    for method in get_args(Method):
        line = statistics.median(timed(*columns, method=method) for _ in range(args.repeats))
        text = f"{method:<18}{line:>9.2f}"
        if args.bootstrap and method != "elo":
            text += f"{timed(*columns, method=method, bootstrap=args.bootstrap):>20.1f}"
        print(text, flush=True)


if __name__ == "__main__":
    main()
