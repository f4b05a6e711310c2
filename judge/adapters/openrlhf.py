"""OpenRLHF 0.11.2: rewards of single samples (a function or a URL), and of groups (an agent).

Each response judged alone, in the rollout workers or by a server (`judge serve`):

    --reward.remote_url FILE
    --reward.remote_url http://HOST:PORT/openrlhf/get_reward

The n responses of a prompt set against each other:

    --train.agent_func_path FILE

FILE is this module's own, `python -c "import judge.adapters.openrlhf as m; print(m.__file__)"`.
The judge is named by the variables of `judge.adapters.worker`, which Ray's workers must see:

    ray job submit --runtime-env-json='{"env_vars": {"JUDGE_RUBRIC": "general/helpfulness"}}' ...

Labels are reference answers. A FILE of your own may say more: call `use_judge`, and import
`reward_func` or make `AgentExecutor = executor_class(judge)`, or a subclass with a `group` of its
own.

A group's samples are told from others by the sampling parameters they share: OpenRLHF starts the n
samples of a prompt together in one process with one such object, so equal prompts, retries and
evaluation with another n are kept apart, and n needs no setting. The reward function runs in few
threads, so groups never wait for each other there.

Where there is no reward: `on_failure` is `group_mean` with `judge_failed` 1 in `extra_logs`, since
OpenRLHF swallows exceptions and then crashes on the None it has put in their place. A judge that
cannot work at all (a wrong setting, an engine that does not start) is logged as an error and
raised, and OpenRLHF stops.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from judge.adapters.circles import Circles
from judge.adapters.failure import OnFailure
from judge.adapters.worker import SettledJudge, numbers
from judge.background import wait_at_home
from judge.errors import AdapterError, JudgeError
from judge.types import Group, Response, Reward, Text

_log = logging.getLogger("judge")

DEFAULT: OnFailure = "group_mean"
TAIL = 32
"""How many of the prompt's last characters must be in a query to be taken for it."""
TRIES = 64
LOGGED = ("judge_failed", "coverage")
FIELDS = ("reward", *LOGGED)
"""What each response is told."""


def reward_func(
    queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **ignored: Any
) -> dict[str, Any]:
    """Judge each response alone; not `async`, which OpenRLHF would take for an answer.

    Args:
        queries: Prompt and response in one text, special tokens included; OpenRLHF sends one.
        prompts: As many prompts.
        labels: As many reference answers.
        **ignored: What other versions add.

    Returns:
        `rewards`, `scores` and `extra_logs` (`judge_failed`, `coverage`): numbers for one query,
        so that tensors have the same shape whoever makes them, and lists for several.

    Raises:
        JudgeError: The judge cannot work at all.
    """
    judge = SettledJudge(default=DEFAULT)
    groups = [
        alone(prompt, response_of(query, prompt), label)
        for query, prompt, label in zip(queries, prompts, labels, strict=True)
    ]
    try:
        told = wait_at_home(_all_told(judge, groups))
    except JudgeError as error:
        _log.error("no rewards for OpenRLHF: %s", error)
        raise
    answers = told[0] if len(told) == 1 else {key: [one[key] for one in told] for key in FIELDS}
    logs = {key: answers[key] for key in LOGGED}
    return {"rewards": answers["reward"], "scores": answers["reward"], "extra_logs": logs}


def response_of(query: str, prompt: str) -> str:
    """The response in a query that is prompt and response in one.

    Prompts that are too long are cut on the left, so a query may begin inside its prompt.

    Returns:
        What follows the prompt; the whole query where the prompt is not found in it.
    """
    if query.startswith(prompt):
        return query[len(prompt) :]
    tail, end, at = prompt[-TAIL:], 0, -1
    for _ in range(TRIES):
        at = query.find(tail, at + 1)
        if at < 0:
            break
        if prompt.endswith(query[: at + len(tail)]):
            end = at + len(tail)
    return query[end:]


def alone(prompt: Text, response: str, label: Any) -> Group:
    """A group of one response."""
    return Group.of(prompt, [response], reference=reference_of(label))


def reference_of(label: Any) -> str | None:
    """A label as a reference answer; OpenRLHF's empty label is none."""
    return label if isinstance(label, str) and label else None


def __getattr__(name: str) -> Any:
    """`AgentExecutor`, made when OpenRLHF asks for it; judge itself does without OpenRLHF."""
    if name == "AgentExecutor":
        return executor_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def executor_class(judge: SettledJudge | None = None) -> type[Any]:
    """An agent executor that generates as OpenRLHF does and judges whole groups; needs OpenRLHF.

    Args:
        judge: None: the one that the environment names.

    Raises:
        ImportError: OpenRLHF is not installed.
    """
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    class AgentExecutor(SingleTurnAgentExecutor):  # type: ignore[misc]
        """The n samples of a prompt get their rewards together."""

        text_alone = False
        """Whether prompts with images may be judged without them."""

        def __init__(self) -> None:
            super().__init__()
            self._judge = judge or SettledJudge(default=DEFAULT)
            self._circles = Circles(self._told)

        def group(self, prompt: str, label: Any, responses: Sequence[Response]) -> Group:
            """What is judged; override it to read rubrics or contexts out of prompts or labels."""
            return Group.of(prompt, responses, reference=reference_of(label))

        async def execute(
            self,
            prompt: Any,
            label: Any,
            sampling_params: Any,
            max_length: int,
            hf_tokenizer: Any,
            llm_engine: Any,
            images: Any = None,
        ) -> dict[str, Any]:
            """Generate one sample, wait for its siblings, and put its reward in."""
            if images and not self.text_alone:
                raise AdapterError(
                    "OpenRLHF's images do not reach the judge",
                    hint="text_alone = True in a subclass judges such prompts without them",
                )
            with self._circles.joined(sampling_params, prompt, label) as ask:
                output: dict[str, Any] = await super().execute(
                    prompt, label, sampling_params, max_length, hf_tokenizer, llm_engine, images
                )
                text = await asyncio.to_thread(_decoded, output, hf_tokenizer)
                response = Response(text, truncated=bool(output.get("truncated")))
                told = await ask(response)
            output.update(
                reward=told["reward"],
                scores=told["reward"],
                extra_logs={key: told[key] for key in LOGGED},
            )
            return output

        async def _told(
            self, shared: tuple[Any, ...], responses: Sequence[Response]
        ) -> list[dict[str, float]]:
            try:
                return await told_of(self._judge, self.group(shared[0], shared[1], responses))
            except JudgeError as error:
                _log.error("no rewards for OpenRLHF: %s", error)
                raise

    return AgentExecutor


async def told_of(judge: SettledJudge, group: Group) -> list[dict[str, float]]:
    """What each response of a group gets: `FIELDS`, all of them numbers."""
    result, settled = await judge.judge(group)
    return [_fields(*pair) for pair in zip(numbers(settled), result.rewards, strict=True)]


def _fields(value: float, reward: Reward) -> dict[str, float]:
    counted = (value, float(reward.value is None), float(reward.coverage))
    return dict(zip(FIELDS, counted, strict=True))


async def _all_told(judge: SettledJudge, groups: Sequence[Group]) -> list[dict[str, float]]:
    told = await asyncio.gather(*(told_of(judge, group) for group in groups))
    return [one for group in told for one in group]


def _decoded(output: Mapping[str, Any], tokenizer: Any) -> str:
    """The text of what the policy wrote, without special tokens."""
    tokens = output["observation_tokens"]
    start, end = output["action_ranges"][-1]
    text: str = tokenizer.decode(tokens[start:end], skip_special_tokens=True)
    return text
