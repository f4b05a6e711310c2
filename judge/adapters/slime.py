"""slime 0.3.1 and qqr 0.1.3: the reward of a whole group, or of single samples.

The n samples of a prompt set against each other:

    --group-rm --custom-rm-path judge.adapters.slime.custom_rm

(qqr: beside `--rollout-function-path qqr.rollout.agent_rollout.generate_rollout`.) Each alone:

    --custom-rm-path judge.adapters.slime.custom_rm
    --rm-type remote_rm --rm-url http://HOST:PORT/slime/reward

With a recipe whose rewards are normalised already, leave them as they are:

    --custom-reward-post-process-path judge.adapters.slime.keep_rewards

The judge is named by the variables of `judge.adapters.worker`. slime does not evaluate under
`--group-rm`: give the evaluation set a `custom_rm_path` of its own, or none. With `--reward-key
KEY` each reward is a mapping of KEY, `judge_failed` and `coverage`.

A sample's `label` is the reference answer; `rubric` and `context` in its `metadata` are the row's
own; qqr's `messages` are shown with their tool calls.

Where there is no reward: `on_failure` is `group_mean`, with `judge_failed` 1 in the sample's
`metadata` and a warning; slime crashes on None, and a group that is one short is normalised with
the whole batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from judge.adapters.columns import row_rubric
from judge.adapters.failure import OnFailure
from judge.adapters.worker import SettledJudge, numbers
from judge.errors import AdapterError
from judge.types import Group, Message, Response, Reward

DEFAULT: OnFailure = "group_mean"
FLAG = "judge_failed"

Given = Any
"""A sample, the samples of a group, or the samples of each of its members (a fan-out)."""


async def custom_rm(args: Any, samples: Given, **ignored: Any) -> Any:
    """Judge what slime hands over, and set `reward` on every sample too, as qqr needs it.

    Args:
        args: slime's arguments; `group_rm` and `reward_key` are read.
        samples: One sample, or a list: under `group_rm` the samples of a prompt, else samples that
            are judged alone. A member may itself be a list, of which the last sample is judged.
        **ignored: What other versions add.

    Returns:
        The reward of one sample; of a list as many in their order; nothing of a fan-out, of which
        slime would set the rewards on lists.

    Raises:
        AdapterError: The samples of a group have different prompts, or a member is empty.
        JudgeError: The judge's settings are wrong, or it does not start.
    """
    judge = SettledJudge(default=DEFAULT)
    if not isinstance(samples, Sequence):
        return (await _rewarded(judge, args, [[samples]]))[0]
    nested = any(isinstance(member, Sequence) for member in samples)
    members = [list(member) if isinstance(member, Sequence) else [member] for member in samples]
    if getattr(args, "group_rm", False):
        rewards = await _rewarded(judge, args, members)
    else:
        told = await asyncio.gather(*(_rewarded(judge, args, [one]) for one in members))
        rewards = [reward for group in told for reward in group]
    return [] if nested else rewards


def keep_rewards(args: Any, samples: Sequence[Any]) -> tuple[list[float], list[float]]:
    """Post-process as slime asks, leaving rewards as they are.

    Returns:
        (raw rewards, rewards), the same.
    """
    values = [sample.get_reward_value(args) for sample in samples]
    return values, list(values)


def group_of(members: Sequence[Sequence[Any]]) -> Group:
    """The samples of a prompt as a group, by the last sample of each member.

    Raises:
        AdapterError: See `custom_rm`.
    """
    if not all(members):
        raise AdapterError("a member of a slime group has no sample")
    leaves = [member[-1] for member in members]
    first = leaves[0]
    asked = [_prompt(leaf) for leaf in leaves]
    if any(prompt != asked[0] for prompt in asked):
        raise AdapterError(
            "the samples of a slime group have different prompts",
            hint="without --group-rm they are judged alone",
        )
    said = first.metadata if isinstance(first.metadata, Mapping) else {}
    context = said.get("context")
    return Group.of(
        asked[0],
        [_response(leaf) for leaf in leaves],
        reference=first.label if isinstance(first.label, str) and first.label else None,
        context=context if isinstance(context, str) and context else None,
        rubric=row_rubric(said.get("rubric")),
    )


async def _rewarded(judge: SettledJudge, args: Any, members: Sequence[Sequence[Any]]) -> list[Any]:
    """The rewards of a group's members, which are set on their samples."""
    if not members:
        return []
    result, settled = await judge.judge(group_of(members))
    rewards = [
        _told(getattr(args, "reward_key", None), value, reward)
        for value, reward in zip(numbers(settled), result.rewards, strict=True)
    ]
    for member, told, failed in zip(members, rewards, settled.judge_failed, strict=True):
        for sample in member:
            sample.reward = told
            said = sample.metadata if isinstance(sample.metadata, Mapping) else {}
            sample.metadata = {**said, FLAG: failed}
    return rewards


def _told(key: str | None, value: float, reward: Reward) -> Any:
    if not key:
        return value
    return {FLAG: int(reward.value is None), "coverage": reward.coverage, key: value}


def _prompt(sample: Any) -> Any:
    if isinstance(sample.prompt, str):
        return sample.prompt
    return [Message.of(turn) for turn in sample.prompt]


def _response(sample: Any) -> Response:
    """What the policy wrote; of qqr's agents all that was said and done after the prompt."""
    truncated = getattr(sample.status, "value", sample.status) == "truncated"
    turns = [Message.of(turn) for turn in getattr(sample, "messages", None) or ()]
    said = tuple(turns[_begun(sample, turns) :])
    if not said or (len(said) == 1 and not (said[0].tool_calls or said[0].images)):
        return Response(said[0].content if said else sample.response, truncated=truncated)
    return Response(said, truncated=truncated)


def _begun(sample: Any, turns: Sequence[Message]) -> int:
    """How many of a conversation's turns are the prompt."""
    asked = _prompt(sample)
    if not isinstance(asked, str) and list(turns[: len(asked)]) == asked:
        return len(asked)
    return next((at for at, turn in enumerate(turns) if turn.role == "assistant"), len(turns))
