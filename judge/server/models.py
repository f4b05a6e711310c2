"""What requests look like; unknown fields and wrong types are errors with their place."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from judge.errors import JudgeError
from judge.files import is_id
from judge.server.answers import Refused
from judge.server.limits import (
    MAX_COMPARISONS,
    MAX_GROUPS,
    MAX_ITEMS,
    MAX_NUMBER,
    MAX_RESPONSES,
)
from judge.types import Comparison, Group, Role

Number = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]
Chance = Annotated[float, Field(ge=0.0, le=1.0)]
Index = Annotated[int, Field(ge=0, lt=2**31)]


class Body(BaseModel):
    """Strict: "1" is not 1, and nothing unknown is let through."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class FunctionBody(Body):
    """The function of a tool call."""

    name: str
    arguments: str | dict[str, Any] = ""


class ToolCallBody(Body):
    """A tool call in the usual wire form."""

    id: str | None = None
    type: str = "function"
    function: FunctionBody


class MessageBody(Body):
    """One chat turn."""

    role: Role
    content: str | list[dict[str, Any]] | None = None
    """Text, or parts: `{"type": "text", "text": ...}` and `{"type": "image_url", ...}`."""
    name: str | None = None
    tool_calls: list[str | ToolCallBody] | None = None
    images: list[str] = []
    """Addresses (http, https) or data:image/... URIs; files are never read."""


class ResponseBody(Body):
    """One candidate answer."""

    text: str | list[MessageBody]
    id: str | None = None
    token_ids: list[Index] | None = None
    truncated: bool = False
    meta: dict[str, Any] = {}


class GroupBody(Body):
    """A group: one prompt and its responses."""

    prompt: str | list[MessageBody]
    responses: Annotated[
        list[str | list[MessageBody] | ResponseBody],
        Field(min_length=1, max_length=MAX_RESPONSES),
    ]
    id: str | None = None
    reference: str | None = None
    context: str | None = None
    rubric: str | dict[str, Any] | None = None
    """An id, such as general/helpfulness, or the content of a rubric file."""
    anchor: Index | None = None
    attempt: Index = 0
    meta: dict[str, Any] = {}

    def group(self) -> Group:
        """It as a group.

        Raises:
            Refused: A part of it is unusable (422).
        """
        if isinstance(self.rubric, str) and not is_id(self.rubric):
            raise Refused(
                422,
                f"rubric: {self.rubric!r} is not a rubric's id",
                "give an id such as general/helpfulness, or a rubric's content",
            )
        try:
            return Group.of(
                _plain(self.prompt),
                [_response(response) for response in self.responses],
                id=self.id,
                reference=self.reference,
                context=self.context,
                rubric=self.rubric,
                anchor=self.anchor,
                attempt=self.attempt,
                meta=self.meta,
            )
        except JudgeError as error:
            raise Refused(422, error.message, error.hint) from error


class ScoreGroupBody(GroupBody):
    """A group, and the recipe to judge it by."""

    recipe: str | None = None
    """A name among those served; None: the first."""


class JudgeBody(Body):
    """Several groups."""

    groups: Annotated[list[GroupBody], Field(min_length=1, max_length=MAX_GROUPS)]
    recipe: str | None = None


class ComparisonBody(Body):
    """One judged pair, as shown; see `judge.types.Comparison`."""

    first: Index
    second: Index
    p_first: Chance
    p_tie: Chance
    p_second: Chance
    log_odds: Number | None = None
    scores: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = None
    weight: Annotated[float, Field(ge=0.0, le=MAX_NUMBER)] = 1.0
    graded: bool = True
    lean: Annotated[float, Field(ge=-1.0, le=1.0)] | None = None

    def comparison(self) -> Comparison:
        """It as a comparison.

        Raises:
            ConfigError: The probabilities do not sum to 1, or both sides are the same.
        """
        scores = None if self.scores is None else (self.scores[0], self.scores[1])
        return Comparison(
            self.first,
            self.second,
            self.p_first,
            self.p_tie,
            self.p_second,
            self.log_odds,
            scores,
            self.weight,
            self.graded,
            self.lean,
        )


class RankBody(Body):
    """Items to be ranked by comparisons already made."""

    n: Annotated[int, Field(ge=0, le=MAX_ITEMS)]
    comparisons: Annotated[list[ComparisonBody], Field(max_length=MAX_COMPARISONS)]
    method: str = "strengths"
    """strengths: by the joint posterior over all comparisons; or a schedule's name: by its rule,
    the comparisons answering what it asks."""
    orders: Literal["one", "both"] = "both"
    """Of a schedule: whether it asks each pair in both orders."""
    seeds: list[Number] | None = None
    """A cheap score an item."""
    anchor: Index | None = None
    seed: Index = 0


def _response(part: str | list[MessageBody] | ResponseBody) -> Any:
    if not isinstance(part, ResponseBody):
        return _plain(part)
    ids = part.token_ids
    return {**_plain(part), "token_ids": None if ids is None else tuple(ids)}


def _plain(part: Any) -> Any:
    if isinstance(part, BaseModel):
        return part.model_dump(exclude_none=True, exclude_defaults=True)
    if isinstance(part, list):
        return [_plain(item) for item in part]
    return part
