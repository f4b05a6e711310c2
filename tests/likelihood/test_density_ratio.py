from __future__ import annotations

import math

import pytest

from judge.likelihood import DensityRatio
from judge.types import Group

GROUP = Group.of("Say something.", ["ab שלום: 日本", "Nothing. To say."], meta={"domain": "chat"})
CHAT = b"<user>Say something.\n<assistant>"


def logprobs(score, ids, prefix=CHAT) -> list[float]:
    return score((*prefix, *ids))[len(prefix) :]


def test_values_are_those_of_the_tables_each_in_its_own_tokens(toys) -> None:
    strong, weak = toys.Merging(toys.table), toys.Asked(toys.steeper)
    (result,) = toys.rewarding(DensityRatio(), engine=strong, reference=weak).score([GROUP])
    for response, reward in zip(GROUP.responses, result.rewards, strict=True):
        one, two = strong.encode(response.text), weak.encode(response.text)
        assert len(one) < len(two)
        sums = math.fsum(logprobs(toys.table, one)), math.fsum(logprobs(toys.steeper, two))
        assert reward.value == pytest.approx(sums[0] - sums[1], abs=1e-9)
        assert reward.parts == pytest.approx({"judge": sums[0], "reference": sums[1]}, abs=1e-9)
    for request in strong.requests + weak.requests:
        engine = strong if request in strong.requests else weak
        assert engine.decode(request.token_ids[request.score_from :]) in {
            response.text for response in GROUP.responses
        }
    assert -1.0 <= result.metrics["length_correlation"] <= 1.0


def test_equal_engines_have_no_ratio(toys) -> None:
    reward = toys.rewarding(
        DensityRatio(), engine=toys.Merging(toys.table), reference=toys.Merging(toys.table)
    )
    (result,) = reward.score([GROUP])
    assert result.values == [0.0, 0.0]


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({}, ""),
        ({"instruction": "Be safe."}, "<system>Be safe.\n"),
        ({"instruction": "Be safe.", "domains": {"chat": "Chat."}}, "<system>Chat.\n"),
        ({"instruction": "Be safe.", "domains": {"code": "Code."}}, "<system>Be safe.\n"),
    ],
)
def test_both_models_are_told_the_domains_instruction(toys, settings, shown: str) -> None:
    engines = toys.Asked(toys.table), toys.Asked(toys.steeper)
    method = DensityRatio(**settings)
    toys.rewarding(method, engine=engines[0], reference=engines[1]).score([GROUP])
    for engine in engines:
        before = [bytes(one.token_ids[: one.score_from]).decode() for one in engine.requests]
        assert before == [shown + CHAT.decode()] * 2


def test_alone_it_is_the_mean_log_probability(toys) -> None:
    engine = toys.Asked(toys.table)
    (result,) = toys.rewarding(DensityRatio(alone=True), engine=engine).score([GROUP])
    for response, value in zip(GROUP.responses, result.values, strict=True):
        row = logprobs(toys.table, response.text.encode())
        assert value == pytest.approx(math.fsum(row) / len(row), abs=1e-9)
