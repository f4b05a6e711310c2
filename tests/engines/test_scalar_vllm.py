"""Scalar reward models on vLLM's pooling runner: scripted, and a tiny random one, started once."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from judge.background import wait_at_home
from judge.engines.scalar_transformers import ScalarTransformers
from judge.engines.scalar_vllm import ScalarVLLM
from judge.errors import ConfigError
from judge.judges.reward_inputs import reward_messages
from judge.types import Failure, Generation, GenerationRequest, Response

pytest.importorskip("vllm")
torch = pytest.importorskip("torch")

TEXTS = ["Paris.", "Lyon, I believe. " * 9, "\U0001f916", "Paris " * 30, "No.", "It is Paris."]


def request(text: str) -> GenerationRequest:
    return GenerationRequest(text, reward_messages("The capital of France?", Response(text)))


class FakePooling:
    """Stands for `AsyncLLM` of a pooling model: a row of outputs for every token.

    A token's first output is its id, minus 10; the others follow by ones.
    """

    def __init__(self, tasks: tuple[str, ...], outputs: int = 1) -> None:
        self.tasks = tasks
        self.outputs = outputs
        self.told: list[Any] = []
        self.stopped = 0

    async def get_supported_tasks(self) -> tuple[str, ...]:
        return self.tasks

    async def encode(self, prompt: Any, params: Any, request_id: str) -> AsyncIterator[Any]:
        self.told.append(params)
        ids = torch.tensor(prompt["prompt_token_ids"], dtype=torch.bfloat16)
        rows = ids[:, None] - 10 + torch.arange(self.outputs)
        rows[ids == 99] = math.nan
        data = rows[-1] if params.task == "classify" else rows
        yield SimpleNamespace(outputs=SimpleNamespace(data=data))

    def shutdown(self, timeout: float | None = None) -> None:
        self.stopped += 1


class FakeTokenizer:
    async def prompts(self, requests: list[GenerationRequest]) -> list[tuple[int, ...]]:
        return [request.token_ids or () for request in requests]


def scripted(vllm: FakePooling, monkeypatch: pytest.MonkeyPatch, **options: Any) -> ScalarVLLM:
    """An engine whose loading gives a scripted vLLM; token 0 is its padding."""
    made = ScalarVLLM("m", **options)

    def load() -> None:
        config = SimpleNamespace(id2label={0: "reward", 1: "other"}, get_text_config=lambda: pad)
        pad = SimpleNamespace(pad_token_id=0)
        monkeypatch.setattr("judge.engines.scalar_vllm.INPUTS", {"chat": lambda _: FakeTokenizer()})
        facts = {"version": "1", "dtype": "float32"}
        made._loaded(None, SimpleNamespace(hf_config=config, max_model_len=8), facts)
        made._engine = vllm

    monkeypatch.setattr(made, "_load", load)
    return made


async def scored(engine: ScalarVLLM, *ids: int) -> float | str | None:
    (answer,) = await engine.generate([GenerationRequest("r", token_ids=ids)])
    return answer.message if isinstance(answer, Failure) else answer.scalar


async def test_the_raw_logit_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    vllm = FakePooling(("classify", "token_classify"))
    engine = scripted(vllm, monkeypatch)
    await engine.start()
    assert await scored(engine, 3, 7) == -3.0
    assert await scored(engine, 3, 7, 0, 0) == -3.0  # padding is not read
    assert {(params.task, params.use_activation) for params in vllm.told} == {("classify", False)}
    assert await scored(engine, 0, 0) == "there are no tokens"
    assert "gave nan" in str(await scored(engine, 99))
    await engine.aclose()


async def test_of_a_number_a_token_the_last_is_the_reward(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = scripted(FakePooling(("token_classify",)), monkeypatch)
    await engine.start()
    assert await scored(engine, 3, 7) == -3.0
    assert await scored(engine, 3, 7, 0) == -10.0  # whatever the token is
    await engine.aclose()


async def test_one_of_several_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for label, scalar in (("reward", -3.0), (1, -2.0)):
        engine = scripted(FakePooling(("classify",), 2), monkeypatch, label=label)
        await engine.start()
        assert await scored(engine, 7) == scalar
        digests.add(engine.digest)
        await engine.aclose()
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("vllm", "said"),
    [
        (FakePooling(("classify",), 2), "2 outputs"),
        (FakePooling(("token_classify",), 2), "2 outputs"),
        (FakePooling(("embed", "token_embed")), "vLLM can only embed, token_embed"),
    ],
)
async def test_what_is_no_reward_model_does_not_start(
    vllm: FakePooling, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = scripted(vllm, monkeypatch)
    with pytest.raises(ConfigError, match=said):
        await engine.start()
    assert vllm.stopped == 1
    await engine.aclose()
    assert vllm.stopped == 1


@pytest.mark.model
def test_it_scores_as_transformers_do(reward_model: Callable[..., Path]) -> None:
    """The padding token ends every turn: transformers read the token before it."""
    path = str(reward_model(pad_token_id=2, id2label={0: "helpful", 1: "reward"}))
    plain = ScalarTransformers(path, dtype="float32", label="reward")
    engine = ScalarVLLM(path, dtype="float32", label="reward", max_model_len=256, max_num_seqs=4)
    wait_at_home(plain.start())
    wait_at_home(engine.start())
    try:
        requests = [request(text) for text in TEXTS]
        ids = tuple(engine.encode("Paris"))
        requests += [GenerationRequest("ids", token_ids=ids)]
        expected = wait_at_home(plain.generate(requests))
        answers = wait_at_home(engine.generate(requests))
        for answer, other in zip(answers, expected, strict=True):
            assert isinstance(answer, Generation), answer
            assert (answer.id, answer.text, answer.usage) == (other.id, "", other.usage)
            assert answer.scalar == pytest.approx(other.scalar, abs=1e-3)
        scalars = [answer.scalar for answer in answers]
        assert max(scalars) - min(scalars) > 0.1
        assert min(scalars) < 0.0 or max(scalars) > 1.0  # no activation
        full = GenerationRequest("full", token_ids=ids * 51 + ids[:1])
        (fits,) = wait_at_home(engine.generate([full]))
        assert isinstance(fits, Generation), fits
        assert fits.usage.prompt_tokens == 256 == engine.abilities.context_tokens
        for bad, kind in [
            (GenerationRequest("long", token_ids=ids * 52), "overflow"),
            (GenerationRequest("pads", token_ids=(2, 2)), "refused"),
            (request(" "), "refused"),
        ]:
            (refused,) = wait_at_home(engine.generate([bad]))
            assert isinstance(refused, Failure), refused
            assert (refused.kind, refused.call, refused.retryable) == (kind, bad.id, False)
        engine._task = "token_classify"  # as of models that give a number a token
        by_token = wait_at_home(engine.generate(requests[-1:] * 2))
        assert [answer.scalar for answer in by_token] == pytest.approx(scalars[-1:] * 2, abs=1e-3)
        assert engine.abilities.scalar
        assert engine.digest
        assert engine.digest != plain.digest
    finally:
        wait_at_home(engine.aclose())
    (closed,) = wait_at_home(engine.generate([request("Paris.")]))
    assert isinstance(closed, Failure)
    assert closed.kind == "unavailable"
