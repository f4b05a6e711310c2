"""`ScalarJudge`: each response's number from a scalar reward model."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from msgspec.structs import replace

from judge.decoding import Answer
from judge.errors import ConfigError, VerdictError
from judge.judges.base import Asker, Call, Tally
from judge.judges.calls import KEY_CHARS
from judge.judges.reward_inputs import reward_messages
from judge.types import (
    Engine,
    Failure,
    Generation,
    Group,
    Message,
    Response,
    Reward,
    Sampling,
    Scalar,
    text_key,
)

NO_TEXT = Sampling(max_tokens=1)
"""Nothing is generated, so that this is the least room an answer can take."""


class _Wordless:
    """Stands where other calls have an `OutputSpec`: there is no text to read."""

    labels: tuple[str, ...] = ()
    read_after: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def read(self, generation: Generation, shown: Sequence[Message] = ()) -> Answer:
        return Answer(())


class ScalarJudge:
    """Asks a scalar reward model for one number a response, on the model's own scale.

    Args:
        engine: A started engine.
        asker: Asks it.
        reference: Whether the model compares each response with the group's reference answer.

    Raises:
        ConfigError: The engine gives no scalars, or its model needs a reference and gets none, or
            the other way round.
    """

    digest = ""
    """No template: the model's own format is part of its engine's digest."""

    def __init__(self, engine: Engine, asker: Asker, *, reference: bool) -> None:
        if not engine.abilities.scalar:
            raise ConfigError(
                f"{engine.name} is no scalar reward model",
                hint="use an engine of one, or a recipe for models that answer in words",
            )
        if reference is not engine.abilities.reference:
            needs = "needs a" if engine.abilities.reference else "takes no"
            raise ConfigError(
                f"the reward model {engine.name} {needs} reference",
                hint="`judge: {mode: scalar, reference: true}` in the recipe shows the row's",
            )
        self._engine = engine
        self._asker = asker
        self._reference = reference

    @property
    def engine_digest(self) -> str:
        """Of the engine it asks."""
        return self._engine.digest

    async def judge(self, group: Group, tally: Tally) -> list[tuple[Reward, Scalar | None]]:
        """The reward of each response, and its verdict where it has one.

        Args:
            group: The group.
            tally: Where usage and failures go.
        """
        return [
            (Reward(None, "failed", None, 0.0, reason=one), None)
            if isinstance(one, Failure)
            else (Reward(one.value, "ok", None, 1.0), one)
            for one in await self.numbers(group, group.responses, tally)
        ]

    async def numbers(
        self, group: Group, responses: Sequence[Response], tally: Tally
    ) -> list[Scalar | Failure]:
        """One item a response, in order; equal responses are asked about once.

        Args:
            group: Whose prompt and reference are shown.
            responses: The responses.
            tally: Where usage and failures go.
        """
        reference = group.reference if self._reference else None
        if self._reference and reference is None:
            missing = Failure("check", "missing_input", "the group has no reference answer")
            tally.failures.append(missing)
            return [missing] * len(responses)
        shared = hashlib.sha256(self._engine.digest.encode())
        for text in (group.prompt, reference):
            shared.update(b"\0" if text is None else hashlib.sha256(text_key(text)).digest())
        before = f"scalar.{shared.hexdigest()[:KEY_CHARS]}"
        calls = [
            Call(
                f"{before}.{response.digest[:KEY_CHARS]}",
                reward_messages(group.prompt, response, reference),
                _Wordless(),
                _verdict,
                NO_TEXT,
                None,
            )
            for response in responses
        ]
        answers = await self._asker.ask(calls, tally)
        return [
            replace(answer, response=index) if isinstance(answer, Scalar) else _failed(answer)
            for index, answer in enumerate(answers)
        ]


def _verdict(answer: Answer, generation: Generation, call: Call) -> Scalar:
    value = generation.scalar
    if value is None or not math.isfinite(value):
        raise VerdictError(f"the reward is {value} and no finite number")
    return Scalar(0, value, call.key)


def _failed(answer: object) -> Failure:
    assert isinstance(answer, Failure)  # the key of a scalar is no other verdict's
    return answer
