"""Judge calls a second with an engine that answers at once: ours beside the peers', one core.

Rendering, parsing of JSON text and aggregation are inside the timed region; every response is a
different 1.3 kB text; one criterion; median of 5 after a warm-up, fresh texts each time; per
second of wall time and of CPU time, which other work on the machine disturbs less. The
peers run in an environment of their own, which the script makes at first use. They have no groups
for single responses; ours takes whole groups, as a trainer has them, and a group costs about as
much as two or three calls, so three sizes are printed.

    python scripts/bench_overhead.py [--calls 10000] [--no-peers]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence

from bench_overhead_peers import PEERS, REPEATS, pin_to_one_core
from bench_peer_env import run_peer
from bench_texts import CRITERION, CRITIQUE, make_groups

from judge import Group, RewardModel
from judge.engines.scripted import ScriptedEngine
from judge.rubrics import parse_rubric
from judge.types import GenerationRequest

RUBRIC = parse_rubric(
    {
        "schema": "rubric/v1",
        "id": "bench/one",
        "criteria": [{"id": "answers", "question": CRITERION}],
    }
)
PLANS = {
    "pointwise, groups of 1": ("pointwise", 1),
    "pointwise, groups of 8": ("pointwise", 8),
    "pointwise, groups of 16": ("pointwise", 16),
    "swapped pairs, groups of 8": ("pairwise-win-rate", 8),
}


def answer(recipe: str) -> ScriptedEngine:
    """An engine whose verdicts alternate and are JSON text."""
    codes = ('"A"', '"B"') if recipe.startswith("pairwise") else ("1", "2")
    texts = [f'{{"critique": "{CRITIQUE}", "answers": {code}}}' for code in codes]
    asked = 0

    def respond(request: GenerationRequest) -> str:
        nonlocal asked
        asked += 1
        return texts[asked % 2]

    return ScriptedEngine(respond)


async def once(recipe: str, groups: Sequence[Group]) -> tuple[float, float]:
    """Calls a second of wall time, and of CPU time, over all groups, given at once."""
    async with RewardModel.build(RUBRIC, recipe=recipe, engine=answer(recipe)) as model:
        await model.start()
        began, spent = time.perf_counter(), time.process_time()
        results = await model.score_groups(groups)
        seconds, spent = time.perf_counter() - began, time.process_time() - spent
    assert all(value is not None for result in results for value in result.values)
    calls = sum(result.usage.calls for result in results)
    return calls / seconds, calls / spent


def ours(calls: int) -> dict[str, dict[str, object]]:
    """Every plan's median and runs."""
    table = {}
    for name, (recipe, size) in PLANS.items():
        per_group = size * (size - 1) if recipe.startswith("pairwise") else size
        runs = []
        for seed in range(REPEATS + 1):
            texts = make_groups(calls // per_group, size, 1000 + seed)
            groups = [Group.of(prompt, responses) for prompt, responses in texts]
            runs.append(asyncio.run(once(recipe, groups)))
        wall, cpu = zip(*runs[1:], strict=True)
        table[f"judge: {name}"] = {
            "calls_per_s": statistics.median(wall),
            "cpu_calls_per_s": statistics.median(cpu),
            "runs": wall,
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    table: dict[str, dict[str, object]] = {}
    if not options.no_peers:
        for name in PEERS:
            table[name] = run_peer(name, options.calls)
    pin_to_one_core()
    table |= ours(options.calls)
    for name, entry in table.items():
        if "error" in entry:
            print(f"{name:38} {entry['error']}", flush=True)
            continue
        wall, cpu = entry["calls_per_s"], entry["cpu_calls_per_s"]
        print(f"{name:38} {wall:>10,.0f} calls/s, {cpu:>8,.0f} per CPU second", flush=True)
    print(json.dumps(table))


if __name__ == "__main__":
    main()
