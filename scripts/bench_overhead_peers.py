"""CPU overhead of other libraries: judge calls per second with an engine that takes no time.

Stand-alone: it runs in the environment of `bench_peer_env.py`, imports nothing of `judge`, and
prints one JSON object. Each call goes the peer's whole way: its template is filled, the engine
gives back JSON text, the text is parsed into the peer's own schema, the verdict becomes a score.
Peers run their usual way and undisturbed: one call (one group) in flight at a time, no retries, no
cache, no progress bar. With 64 calls in flight py-openjudge and rubric are about 20 % slower and
autorubric is as fast. py-openjudge gets a string template, which it sends as a system and a user
message; with a template of one user message alone it is about 20 % (pairs: 10 %) faster.

    python scripts/bench_overhead_peers.py --peer openjudge-pointwise --calls 10000
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from bench_texts import CRITERION, VERDICT_JSON, make_groups

REPEATS = 5
Groups = Sequence[tuple[str, list[str]]]
"""Pairs (prompt, responses); one response each unless a bench compares them."""

_OPENJUDGE_POINTWISE = """
Judge one response by one criterion.
<criterion>{criterion}</criterion>
<query>
{query}
</query>
<response>
{response}
</response>
Answer with a JSON object: {{"reason": "<why>", "score": <0 or 1>}}
"""

_OPENJUDGE_PAIRS = """
Rank two responses by one criterion.
<criterion>{criterion}</criterion>
<query>
{query}
</query>
<response_1>
{response_1}
</response_1>
<response_2>
{response_2}
</response_2>
Answer with a JSON object: {{"reason": "<why>", "rank": [<rank of 1>, <rank of 2>]}}
"""


class Script:
    """Gives the answers of a fake engine in turn and keeps the last prompt it was asked."""

    def __init__(self, answers: Sequence[str] = ()) -> None:
        self.answers = answers
        self.rewind()

    def rewind(self) -> None:
        """Start again with the first answer."""
        self.prompt = ""
        self._turn = itertools.cycle(self.answers)

    def answer(self, prompt: str) -> str:
        """Give the next answer."""
        self.prompt = prompt
        return next(self._turn)


@dataclass(frozen=True)
class Bench:
    """One peer, ready to be measured.

    Attributes:
        distribution: Its name on PyPI.
        what: What is measured.
        script: Its fake engine's answers.
        judge: Judges groups and returns the peer's score of each response, in order.
        expected: The scores its answers stand for, repeated over the responses.
        group_size: Responses per group; pairs of a group are judged in both orders.
    """

    distribution: str
    what: str
    script: Script
    judge: Callable[[Groups], Awaitable[list[float]]]
    expected: tuple[float, ...]
    group_size: int = 1

    @property
    def calls_per_group(self) -> int:
        """Judge calls one group takes."""
        return self.group_size * (self.group_size - 1) or 1


def openjudge_pointwise() -> Bench:
    from openjudge.graders.llm_grader import LLMGrader

    script = Script(VERDICT_JSON["openjudge-pointwise"])
    grader = LLMGrader(
        _openjudge_model(script), "bench", template=_OPENJUDGE_POINTWISE, criterion=CRITERION
    )

    async def judge(groups: Groups) -> list[float]:
        return [
            (await grader.aevaluate(query=prompt, response=response)).score
            for prompt, (response,) in groups
        ]

    what = "LLMGrader.aevaluate, pointwise, JSON verdict into GraderScoreCallback"
    return Bench("py-openjudge", what, script, judge, (1.0, 0.0))


def openjudge_pairs() -> Bench:
    from openjudge.evaluation_strategy import GRPOTournamentEvaluationStrategy
    from openjudge.graders.llm_grader import LLMGrader
    from openjudge.graders.schema import GraderMode

    script = Script(VERDICT_JSON["openjudge-pairs"])
    grader = LLMGrader(
        _openjudge_model(script),
        "bench",
        GraderMode.LISTWISE,
        template=_OPENJUDGE_PAIRS,
        criterion=CRITERION,
    )
    tournament = GRPOTournamentEvaluationStrategy(debiased=True)

    async def judge(groups: Groups) -> list[float]:
        scores: list[float] = []
        for prompt, responses in groups:
            results = await tournament.execute(grader.aevaluate, query=prompt, responses=responses)
            scores.extend(result.score for result in results)
        return scores

    size = 8
    what = "GRPOTournamentEvaluationStrategy(debiased=True): 28 pairs of 8, both orders, 56 calls"
    # The first shown wins, then the second: response i beats each one after it.
    expected = tuple((size - 1 - 2 * place) / (size - 1) for place in range(size))
    return Bench("py-openjudge", what, script, judge, expected, size)


def _openjudge_model(script: Script) -> object:
    from openjudge.models.base_chat_model import BaseChatModel
    from openjudge.models.schema.oai.response import ChatResponse

    class ScriptedModel(BaseChatModel):
        async def achat(
            self, messages: list[dict[str, str]], structured_model: Any, callback: object = None
        ) -> ChatResponse:
            text = script.answer(messages[-1]["content"])
            parsed = structured_model.model_validate_json(text).model_dump()
            return ChatResponse(role="assistant", content=text, parsed=parsed)

    return ScriptedModel("scripted", stream=False)


def autorubric() -> Bench:
    # Else a background thread tries to fetch a price list while we measure.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    from autorubric import Criterion, LLMConfig, Rubric
    from autorubric.graders import CriterionGrader
    from autorubric.llm import GenerateResult, LLMClient

    script = Script(VERDICT_JSON["autorubric"])

    async def generate(
        self: object, system_prompt: str, user_prompt: str, response_format: Any, **_: object
    ) -> GenerateResult:
        text = script.answer(user_prompt)
        return GenerateResult(content=text, parsed=response_format.model_validate_json(text))

    LLMClient.generate = generate
    rubric = Rubric([Criterion(weight=1.0, requirement=CRITERION)])
    grader = CriterionGrader(judge_model_config=LLMConfig(model="openai/scripted"))

    async def judge(groups: Groups) -> list[float]:
        return [
            (await rubric.grade(response, grader, query=prompt)).score
            for prompt, (response,) in groups
        ]

    what = "Rubric.grade with CriterionGrader, one criterion, LLMClient.generate replaced"
    return Bench("autorubric", what, script, judge, (1.0, 0.0))


def rubric() -> Bench:
    from rubric import Criterion, PerCriterionOutput, Rubric
    from rubric.autograders import PerCriterionGrader

    script = Script(VERDICT_JSON["rubric"])

    async def generate(system_prompt: str, user_prompt: str, **_: object) -> PerCriterionOutput:
        return PerCriterionOutput.model_validate_json(script.answer(user_prompt))

    criteria = Rubric([Criterion(weight=1.0, requirement=CRITERION)])
    grader = PerCriterionGrader(generate)

    async def judge(groups: Groups) -> list[float]:
        return [
            (await criteria.grade(response, grader, query=prompt)).score
            for prompt, (response,) in groups
        ]

    what = "Rubric.grade with PerCriterionGrader, one criterion"
    return Bench("rubric", what, script, judge, (1.0, 0.0))


def prometheus_eval() -> Bench:
    os.environ["TQDM_DISABLE"] = "1"
    from prometheus_eval import PrometheusEval
    from prometheus_eval.mock import MockLLM

    script = Script()

    class KeepingMock(MockLLM):
        def completions(self, prompts: list[Any], **options: object) -> list[str]:
            script.prompt = prompts[-1][-1]["content"]
            return super().completions(prompts, **options)

    grader = PrometheusEval(KeepingMock("absolute"))

    async def judge(groups: Groups) -> list[float]:
        _, scores = grader.absolute_grade(
            instructions=[prompt for prompt, _ in groups],
            responses=[responses[0] for _, responses in groups],
            rubric=CRITERION,
            reference_answers=[None] * len(groups),
        )
        return scores

    what = (
        "PrometheusEval.absolute_grade, whole batch, its own MockLLM: string formatting and one "
        "regex over 'Hello [RESULT] 5', no JSON, no aggregation (for information)"
    )
    return Bench("prometheus-eval", what, script, judge, (5,))


PEERS: dict[str, Callable[[], Bench]] = {
    "openjudge-pointwise": openjudge_pointwise,
    "openjudge-pairs": openjudge_pairs,
    "autorubric": autorubric,
    "rubric": rubric,
    "prometheus-eval": prometheus_eval,
}


def pin_to_one_core() -> int | None:
    """Pin this process to one core, the last it may use; None where the system cannot."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


async def run_once(bench: Bench, calls: int, seed: int) -> tuple[float, float]:
    """Judge fresh texts once and check the result.

    Args:
        bench: The peer.
        calls: Judge calls, rounded down to whole groups, at least one group.
        seed: Seed of the texts.

    Returns:
        Judge calls per second of wall time, and per second of this process's CPU time.

    Raises:
        RuntimeError: The last response was not in the last prompt, or a score was not the one
            its answer stands for: the peer did not go its whole way.
    """
    count = max(1, calls // bench.calls_per_group)
    groups = make_groups(count, bench.group_size, seed)
    bench.script.rewind()
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    scores = await bench.judge(groups)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu

    if groups[-1][1][-1] not in bench.script.prompt:
        raise RuntimeError("the engine was not shown the last response")
    if len(scores) != count * bench.group_size or any(
        score is None or abs(score - right) > 1e-9
        for score, right in zip(scores, itertools.cycle(bench.expected), strict=False)
    ):
        raise RuntimeError(f"scores are not those of the answers: {scores[:8]}")
    done = count * bench.calls_per_group
    return done / wall, done / cpu


def measure(bench: Bench, calls: int) -> dict[str, object]:
    """Measure a peer: a warm-up, then the median of `REPEATS` runs, each over its own texts."""
    core = pin_to_one_core()
    asyncio.run(run_once(bench, calls, seed=0))
    runs = [asyncio.run(run_once(bench, calls, seed)) for seed in range(1, REPEATS + 1)]
    return {
        "calls_per_s": round(statistics.median(wall for wall, _ in runs)),
        "runs": [round(wall) for wall, _ in runs],
        "cpu_calls_per_s": round(statistics.median(cpu for _, cpu in runs)),
        "calls": max(1, calls // bench.calls_per_group) * bench.calls_per_group,
        "core": core,
        "version": version(bench.distribution),
        "python": platform.python_version(),
        "what": bench.what,
    }


def main() -> None:
    """Measure the peer named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peer", required=True, choices=PEERS)
    parser.add_argument("--calls", type=int, default=10_000, help="judge calls per repeat")
    options = parser.parse_args()
    if options.calls < 1:
        parser.error("--calls must be at least 1")
    with contextlib.redirect_stdout(sys.stderr):  # peers print; stdout is for the result
        try:
            result = measure(PEERS[options.peer](), options.calls)
        except ImportError as error:
            result = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({options.peer: result}, indent=2))


if __name__ == "__main__":
    main()
