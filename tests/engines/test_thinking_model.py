"""Thinking, then grammar, on the embedded model: what a budget allows, and what is read after it.

The model knows no marks of thinking, so the block is plain text to it, and only the stop text, the
end of its turn or the budget ends one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import structs

from judge.background import wait_at_home
from judge.decoding import OutputSpec, Slot
from judge.engines.embedded import pull
from judge.engines.thinking import Thought
from judge.engines.transformers import TransformersEngine
from judge.engines.vllm import VLLMEngine
from judge.types import Failure, Generation, GenerationRequest, Message, Sampling

pytest.importorskip("torch")
pytestmark = pytest.mark.model

PAIR = OutputSpec((Slot("overall", ("A", "B", "C")),), critique_chars=40)
BARE = OutputSpec((Slot("overall", ("A", "B", "C")),))
SPECS = {"regex": PAIR, "choice": BARE}
QUESTION = "Which is better? A: Paris is in France. B: Paris is in Peru. Think, then say A, B or C."
BUDGETS = (0, 16, 256)
CONTEXT = 1024

Local = VLLMEngine | TransformersEngine


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[str, Local]]:
    pytest.importorskip("vllm")
    made: dict[str, Local] = {
        "vllm": VLLMEngine(str(pull()), dtype="float32", max_model_len=CONTEXT, max_num_seqs=8),
        "transformers": TransformersEngine(str(pull()), dtype="float32", context_tokens=CONTEXT),
    }
    for engine in made.values():
        wait_at_home(engine.start())
    yield made
    for engine in made.values():
        wait_at_home(engine.aclose())


@pytest.fixture(params=["vllm", "transformers"])
def engine(request: pytest.FixtureRequest, engines: dict[str, Local]) -> Local:
    return engines[request.param]


def asked(kind: str, budget: int, *, text: str = QUESTION, **fields: Any) -> GenerationRequest:
    spec = SPECS[kind]
    return GenerationRequest(
        f"{kind} {budget}",
        (Message("user", text),),
        sampling=Sampling(think_tokens=budget, max_tokens=64, **fields),
        constraint=spec.constraint([kind]),  # type: ignore[list-item]
        labels=spec.labels,
        read_after=spec.read_after,
    )


def ask(engine: Local, *requests: GenerationRequest) -> list[Generation]:
    answers = wait_at_home(engine.generate(requests))
    for answer in answers:
        assert isinstance(answer, Generation), answer
    return answers  # type: ignore[return-value]


def test_budgets_do_as_written(engine: Local) -> None:
    """0: nothing is thought; else at most so many tokens, and a verdict with its mass after it."""
    requests = [asked(kind, budget) for budget in BUDGETS for kind in SPECS]
    answers = ask(engine, *requests)
    for request, made in zip(requests, answers, strict=True):
        budget, spec = request.sampling.think_tokens, SPECS[request.id.split()[0]]
        assert "".join(made.token_texts) == made.text
        assert "</think>" not in made.text + made.thinking
        assert bool(made.thinking.strip()) is bool(budget)
        thought = made.usage.completion_tokens - len(made.token_texts)
        # vLLM's count has the answer's end too, and the token that reads a verdict again.
        assert thought <= budget + 2
        assert len(engine.encode(made.thinking)) <= budget
        assert made.thinking_cut is (budget == 16)
        (reading,) = spec.read(made).readings
        assert math.isclose(sum(reading.probabilities), 1.0)
        assert reading.label_mass is not None
        assert 0.0 < reading.label_mass < 1.0
    for short, long in zip(answers[2:4], answers[4:6], strict=True):
        assert long.thinking.startswith(short.thinking)
        assert len(long.thinking) > len(short.thinking)


def test_the_answer_goes_on_from_the_closed_block(engine: Local) -> None:
    """The mass on the codes is the model's own there, and no longer what it was without it."""
    request = asked("choice", 6)
    (made,) = ask(engine, request)
    tokens = engine._ready
    assert len(engine.encode(made.thinking)) == 6
    (prompt,) = wait_at_home(tokens.prompts([request]))
    assert isinstance(prompt, tuple)
    thought = Thought(made.thinking, engine.encode(made.thinking), 6, True)
    after = tokens.thinking.after(prompt, thought, request)
    told = asked("choice", 0)
    direct = structs.replace(told, messages=None, token_ids=after)
    plain, led = ask(engine, told, direct)
    assert made.label_logprobs[0] == pytest.approx(led.label_logprobs[0], abs=1e-3)
    assert made.label_logprobs[0] != pytest.approx(plain.label_logprobs[0], abs=1e-3)


def test_seeds_steer_the_thinking(engine: Local) -> None:
    def draw(seed: int) -> str:
        return ask(engine, asked("choice", 16, temperature=1.0, seed=seed))[0].thinking

    assert draw(1) == draw(1)
    assert len({draw(seed) for seed in range(4)}) > 1


def test_a_budget_that_does_not_fit_fails_alone(engine: Local) -> None:
    long, short = wait_at_home(engine.generate([asked("choice", CONTEXT), asked("choice", 16)]))
    assert isinstance(long, Failure)
    assert (long.kind, long.retryable) == ("overflow", False)
    assert isinstance(short, Generation)


def test_both_engines_think_alike(engines: dict[str, Local]) -> None:
    """Greedy, in float32: the same thought, and the same mass on the codes after it."""
    ours, theirs = (ask(engine, asked("choice", 16))[0] for engine in engines.values())
    assert (ours.thinking, ours.thinking_cut) == (theirs.thinking, theirs.thinking_cut)
    assert ours.label_logprobs[0] == pytest.approx(theirs.label_logprobs[0], abs=1e-3)
