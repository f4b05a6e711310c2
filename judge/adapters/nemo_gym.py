"""NeMo Gym 0.5.1: what its resources servers are sent and answer, as ours; pure functions.

`/verify` has one rollout a request, `/compare` a whole group. They are spoken by
`judge.adapters.nemo_gym_server`, which Gym starts as a resources server of its own, and by `judge
serve` under `/nemo_gym`.

For recipes that compare, every row must have `_ng_group_id`, `_ng_group_attempt` and
`_ng_rollout_index`, which Gym sets since its pull request 2814 (after 0.5.1). Rows that lack them
cannot be grouped: a task's index comes again every epoch, and two tasks may have the same prompt.

Where there is no reward: `on_failure` is `masked`. The answer has a placeholder 0, which the mask
keeps out of the loss, and the reason; `/compare`, which has no mask, is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from judge.adapters.failure import settle
from judge.adapters.submission import Slot
from judge.errors import AdapterError, ConfigError
from judge.records import plain
from judge.types import (
    IMAGE_PARTS,
    Group,
    GroupResult,
    Message,
    Pairwise,
    Record,
    Response,
    Reward,
    Role,
    Text,
)

FAILED = "judge_failed"
FAILURE_CLASS, FAILURE_MESSAGE = "_ng_failure_class", "_ng_failure_message"
STALE = ("reward_components", "mask_sample", FAILURE_CLASS, FAILURE_MESSAGE)
"""Fields of an answer that must not come back from an earlier one; NeMo-RL asserts that the
components sum to the reward."""
LOW, HIGH = 1.0, 5.0
"""Gym's scale of a response's score in a comparison; its ranking goes from 1 to 6."""
ROLES: Mapping[str, Role] = {"developer": "system", **{role: role for role in get_args(Role)}}
TEXTS = ("input_text", "output_text", "text", "refusal")


class Rollout(Record, frozen=True):
    """One rollout of a `/verify` request."""

    prompt: Text
    response: Response
    key: str | None = None
    """Of its group; None: the row does not say."""
    slot: Slot | None = None
    attempt: int = 0
    reference: str | None = None
    context: str | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Rollout:
        """Read a request's body.

        Raises:
            AdapterError: A part of it has another form.
        """
        params, response = body.get("responses_create_params"), body.get("response")
        if not isinstance(params, Mapping) or not isinstance(response, Mapping):
            raise AdapterError("/verify needs the objects responses_create_params and response")
        key, slot = body.get("_ng_group_id"), body.get("_ng_rollout_index")
        return cls(
            prompt_of(params.get("input", "")),
            response_of(response),
            None if key is None else str(key),
            None if slot is None else int(slot),
            int(body.get("_ng_group_attempt") or 0),
            _text(body, "reference"),
            _text(body, "context") or _text(body, "principle"),
        )


def verified(body: Mapping[str, Any], reward: Reward) -> dict[str, Any]:
    """The answer of `/verify`: the request's fields and the reward, masked where there is none."""
    kept = {name: value for name, value in body.items() if name not in STALE}
    if reward.value is not None:
        return {**kept, "reward": reward.value}
    settled = settle([reward], "masked")
    reason = reward.reason
    config = body.get("instance_config")
    return {
        **kept,
        "reward": 0.0,
        "mask_sample": settled.mask[0],
        "instance_config": {
            **(config if isinstance(config, Mapping) else {}),
            "mask_sample": settled.mask[0],
        },
        FAILURE_CLASS: FAILED,
        FAILURE_MESSAGE: "" if reason is None else f"{reason.kind}: {reason.message}",
    }


def compared_group(body: Mapping[str, Any]) -> Group:
    """The group of a `/compare` request; its principle is shown to the judge as the context.

    Raises:
        AdapterError: A part of it has another form.
    """
    responses = body.get("response_objs")
    if not isinstance(responses, list) or not responses:
        raise AdapterError("/compare needs a list response_objs")
    prompt = prompt_of(body.get("conversation_history", ""))
    return Group.of(prompt, map(response_of, responses), context=_text(body, "principle"))


def compared(result: GroupResult) -> dict[str, Any]:
    """The answer of `/compare`: rewards, comparisons in Gym's units, and the group's metrics.

    Raises:
        AdapterError: A response has no reward.
    """
    values = settle(result.rewards, "raise", group_id=result.group_id).values
    metrics = plain(result.metrics)
    return {
        "rewards": list(values),
        "comparison_results": list(_comparisons(result)),
        "metrics": {name: value for name, value in metrics.items() if value is not None},
    }


def prompt_of(raw: Any) -> Text:
    """The `input` of a Responses request: text, or a list of items.

    Raises:
        AdapterError: It has another form.
    """
    return raw if isinstance(raw, str) else tuple(_turns(raw, "input", "user"))


def response_of(raw: Any) -> Response:
    """A Responses object: its text, or its turns where tools were called; thoughts are left out.

    Raises:
        AdapterError: It has another form.
    """
    if not isinstance(raw, Mapping) or not isinstance(raw.get("output"), list):
        raise AdapterError("a response has no list `output`", hint="send a whole Responses object")
    turns = tuple(_turns(raw["output"], "output", "assistant"))
    truncated = raw.get("status") == "incomplete"
    if any(turn.role != "assistant" or turn.tool_calls or turn.images for turn in turns):
        return Response(turns, truncated=truncated)
    return Response("\n".join(turn.content for turn in turns), truncated=truncated)


def _comparisons(result: GroupResult) -> Iterator[dict[str, Any]]:
    for verdict in result.verdicts:
        if not isinstance(verdict, Pairwise):
            continue
        first = verdict.p_first + verdict.p_tie / 2.0
        yield {
            "response_i": verdict.first,
            "response_j": verdict.second,
            "judge_idx": 0,
            "score_1": LOW + (HIGH - LOW) * first,
            "score_2": HIGH - (HIGH - LOW) * first,
            "ranking": HIGH + 1.0 - HIGH * first,
        }


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value else None


def _turns(items: Any, where: str, role: Role) -> Iterable[Message]:
    if not isinstance(items, list | tuple):
        raise AdapterError(f"{where} is neither text nor a list of items")
    for at, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise AdapterError(f"{where}.{at} is not an object")
        try:
            turn = _turn(item, role)
        except AdapterError as error:
            raise AdapterError(f"{where}.{at} {error.message}") from error
        if turn is not None:
            yield turn


def _turn(item: Mapping[str, Any], role: Role) -> Message | None:
    """One item as a turn; None for what the judge is not shown."""
    kind = item.get("type") or "message"
    if kind == "message":
        said = item.get("role") or role
        known = ROLES.get(said) if isinstance(said, str) else None
        if known is None:
            raise AdapterError(f"has the unknown role {said!r}")
        return _said(known, item.get("content"))
    if kind == "function_call":
        call = f"{item.get('name', '?')}({item.get('arguments', '')})"
        return Message("assistant", "", None, (call,))
    if kind == "function_call_output":
        return _said("tool", item.get("output", ""))
    return None


def _said(role: Role, raw: Any) -> Message:
    """A turn of the texts and the images of its content; other parts are left out."""
    if raw is None or isinstance(raw, str):
        return Message(role, raw or "")
    if not isinstance(raw, list | tuple) or not all([isinstance(part, Mapping) for part in raw]):
        raise AdapterError("holds neither text nor a list of parts")
    parts = []
    for part in raw:
        kind = part.get("type", "text")
        if kind in TEXTS:
            parts.append({"type": "text", "text": str(part.get("text", part.get("refusal", "")))})
        elif kind in IMAGE_PARTS:
            parts.append(part)
    try:
        return Message.of({"role": role, "content": parts})
    except ConfigError as error:
        raise AdapterError(f"holds an image that is not shown: {error.message}") from error
