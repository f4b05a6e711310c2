"""verifiers 0.4.0 (`verifiers.v1`): a judge plug-in, and an environment that compares attempts.

verifiers loads plug-ins by the name of a module that exports one class. So write a module, say
`my_judge.py`, importable where the run is:

    from judge.adapters.verifiers import GroupEnv, RewardJudge
    __all__ = ["GroupEnv", "RewardJudge"]

Each attempt judged alone, its reward beside the task's own:

    --taskset.task.judges '[{"id": "my_judge", "rubric": "general/helpfulness"}]'

n attempts at a task set against each other, in one episode:

    --env.id my_judge --env.n 8 --env.max-concurrent-agents None
    --env.rubric general/helpfulness --env.recipe pairwise-win-rate

`--env.max-concurrent-agents` is 1 by default, so attempts would be made one after another. The
judge is set by `rubric`, `recipe`, `engine` and `url` here, or by the variables of
`judge.adapters.worker`. `model`, `sampling` and `prompt` of verifiers' own judges are not used.

Where there is no reward: `on_failure` is `raise`, so a trace (of a plug-in) or an episode (of a
group) is in error, which `--env.retries` repeats; its reward stays None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

from judge.adapters.columns import row_rubric
from judge.adapters.failure import OnFailure
from judge.adapters.worker import SettledJudge, WorkerSettings, numbers
from judge.errors import AdapterError
from judge.types import IMAGE_PARTS, Group, Message, Response

DEFAULT: OnFailure = "raise"
NAMED = ("rubric", "recipe", "engine", "url", "on_failure")
"""Settings of the judge that a plug-in's configuration has."""


def __getattr__(name: str) -> Any:
    """The classes for verifiers, made when asked for; judge itself does without verifiers."""
    make = {"RewardJudge": judge_plugin, "GroupEnv": group_env}.get(name.removesuffix("Config"))
    if make is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return make()[name.endswith("Config")]


@cache
def judge_plugin() -> tuple[type[Any], type[Any]]:
    """The judge plug-in's class, and its configuration's; needs verifiers.

    Raises:
        ImportError: verifiers is not installed.
    """
    import verifiers.v1 as vf

    class RewardJudgeConfig(vf.JudgeConfig):  # type: ignore[misc]
        """What a `judges` entry may say, beside its id, name and weight."""

        rubric: str | None = None
        recipe: str | None = None
        engine: str | None = None
        url: str | None = None
        on_failure: str | None = None
        view: Literal["last_reply", "full_trace"] = "full_trace"
        answer_field: str = "answer"
        """The task's field with a reference answer; a task without it has none."""

    class RewardJudge(vf.Judge[float, RewardJudgeConfig]):  # type: ignore[misc]
        """Judges each attempt alone."""

        async def score(self, task: Any, trace: Any) -> float:
            """The attempt's reward, in the recipe's range."""
            config = self.config
            group = group_of(task, [trace], config.view, config.answer_field)
            result, settled = await judge_from(config).judge(group)
            told = {"coverage": result.rewards[0].coverage, "failed": settled.judge_failed[0]}
            for name, value in told.items():
                trace.record_metric(f"{self.reward_name}/{name}", value)
            return numbers(settled)[0]

    return _named(RewardJudge), _named(RewardJudgeConfig)


@cache
def group_env() -> tuple[type[Any], type[Any]]:
    """The environment's class, and its configuration's; needs verifiers.

    Raises:
        ImportError: verifiers is not installed.
    """
    import asyncio

    import verifiers.v1 as vf

    class GroupEnvConfig(vf.EnvConfig):  # type: ignore[misc]
        """What `--env.` may say, beside what every environment has."""

        agent: vf.AgentConfig = vf.AgentConfig()
        n: int = 8
        """Attempts at each task."""
        rubric: str | None = None
        recipe: str | None = None
        engine: str | None = None
        url: str | None = None
        on_failure: str | None = None
        view: Literal["last_reply", "full_trace"] = "full_trace"
        answer_field: str = "answer"
        reward_name: str = "judge"
        weight: float = 1.0

    class GroupEnv(vf.Env[GroupEnvConfig]):  # type: ignore[misc]
        """n attempts at a task, judged as one group."""

        async def run(self, task: Any, agents: Any) -> None:
            """Make the attempts."""
            async with asyncio.TaskGroup() as attempts:
                for _ in range(self.config.n):
                    attempts.create_task(agents.agent.run(task))

        async def finalize(self, task: Any, episode: Any) -> None:
            """Judge them and record each one's reward."""
            config = self.config
            traces = [trace for trace in episode.traces if trace.ok]
            if not traces:
                raise AdapterError("no attempt at the task has succeeded: nothing to judge")
            group = group_of(task.data, traces, config.view, config.answer_field)
            result, settled = await judge_from(config).judge(group)
            for trace, value, reward, failed in zip(
                traces, numbers(settled), result.rewards, settled.judge_failed, strict=True
            ):
                trace.record_reward(config.reward_name, value, config.weight)
                trace.record_metric(f"{config.reward_name}/coverage", reward.coverage)
                trace.record_metric(f"{config.reward_name}/failed", failed)

    return _named(GroupEnv), _named(GroupEnvConfig)


def _named(made: type[Any]) -> type[Any]:
    """A class that pickle finds in this module: configurations go to environment servers."""
    made.__qualname__ = made.__name__
    return made


def judge_from(config: Any) -> SettledJudge:
    """The judge that a plug-in's configuration and the environment name."""
    settings = WorkerSettings.of({name: getattr(config, name) for name in NAMED})
    return SettledJudge(default=DEFAULT, settings=settings)


def group_of(data: Any, traces: Iterable[Any], view: str, answer_field: str) -> Group:
    """The attempts at a task as a group.

    Args:
        data: The task's data; a `rubric` or `context` in it is the row's own.
        traces: The attempts.
        view: `last_reply`, or all that was said and done since the prompt.
        answer_field: The field of the reference answer.
    """
    answer, context = getattr(data, answer_field or "_", None), getattr(data, "context", None)
    return Group.of(
        _prompt(data),
        [_response(trace, view) for trace in traces],
        reference=answer if isinstance(answer, str) and answer else None,
        context=context if isinstance(context, str) and context else None,
        rubric=row_rubric(getattr(data, "rubric", None)),
    )


def _prompt(data: Any) -> Any:
    if isinstance(data.prompt, str) and not data.system_prompt:
        return data.prompt
    turns = [{"role": "system", "content": data.system_prompt}] if data.system_prompt else []
    if isinstance(data.prompt, str):
        return [*turns, {"role": "user", "content": data.prompt}]
    return [Message.of(turn) for turn in turns] + [_turn(turn) for turn in data.prompt or ()]


def _response(trace: Any, view: str) -> Response:
    truncated = bool(trace.is_truncated)
    if view == "last_reply":
        return Response(trace.last_reply, truncated=truncated)
    nodes = trace.branches[-1].nodes if trace.branches else []
    # A prompt may hold assistant turns of its own; what the policy wrote is marked.
    first = next((at for at, node in enumerate(nodes) if node.sampled), len(nodes))
    said = tuple([_turn(node.message) for node in nodes[first:]])
    if len(said) == 1 and not (said[0].tool_calls or said[0].images):
        return Response(said[0].content, truncated=truncated)
    return Response(said, truncated=truncated)


def _turn(turn: Any) -> Message:
    calls = [
        {"name": call.name, "arguments": call.arguments}
        for call in getattr(turn, "tool_calls", None) or ()
    ]
    name = getattr(turn, "name", None)
    content = turn.content
    if content is not None and not isinstance(content, str):
        content = [_part(part) for part in content]
    told = {"role": turn.role, "content": content, "name": name, "tool_calls": calls}
    return Message.of(told)


def _part(part: Any) -> Mapping[str, Any]:
    """A part of a message's content: an image, or its text, which is empty for other things."""
    told = part
    if not isinstance(part, Mapping):
        told = {name: getattr(part, name, None) for name in ("type", "text", "image_url", "image")}
    if told.get("type") in IMAGE_PARTS:
        address = told.get("image_url")
        return {**told, "image_url": getattr(address, "url", address)}
    text = told.get("text")
    return {"type": "text", "text": text if isinstance(text, str) else ""}
