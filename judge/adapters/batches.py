"""A batch that may be spread over several processes: its rows as read, and the groups they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge.adapters.columns import column
from judge.adapters.grouping import Grouped, Layout, chunks, group_rows
from judge.adapters.ranks import Ranks
from judge.errors import AdapterError, JudgeError
from judge.types import GroupResult, Record, Reward

COLUMNS = ("id", "reference", "context", "rubric")
"""Columns of the data set that are used, where it has them; see `group_rows`."""


class Rows(Record, frozen=True, gc=True):
    """The rows of one process: one value a row in everything that is there."""

    prompts: list[Any]
    responses: list[dict[str, Any]]
    """As `Response.of` reads them."""
    columns: dict[str, list[Any]]
    same_prompt: bool
    """Whether the rows of a group have the same prompt."""


class Batch(Record, frozen=True, gc=True):
    """The rows of all processes as groups, and which of them are this one's."""

    grouped: Grouped
    size: int
    rows: slice
    own: tuple[int, ...]
    """The groups that begin with this process: it judges them."""


def read_rows(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    completion_ids: Sequence[Sequence[int]] | None,
    columns: Mapping[str, Any],
    *,
    same_prompt: bool,
) -> Rows:
    """The rows that a trainer hands over in this process.

    Args:
        prompts: One a row, strings or lists of chat messages.
        completions: One a row, strings or lists of chat messages; one plain turn of the assistant
            is read as its text.
        completion_ids: Their tokens.
        columns: `COLUMNS` and others.
        same_prompt: See `Rows`.

    Raises:
        AdapterError: Numbers of rows differ.
    """
    ids = [None] * len(prompts) if completion_ids is None else list(completion_ids)
    if not len(prompts) == len(completions) == len(ids):
        raise AdapterError(
            f"{len(prompts)} prompts, {len(completions)} completions, {len(ids)} lists of ids"
        )
    known = {name: columns[name] for name in COLUMNS if columns.get(name) is not None}
    return Rows(
        list(prompts),
        [_response(text, tokens) for text, tokens in zip(completions, ids, strict=True)],
        {name: column(name, given, len(prompts)) for name, given in known.items()},
        same_prompt,
    )


def batch_of(
    parts: Sequence[Rows], rank: int, sizes: Sequence[int], layout: Layout, cure: str
) -> Batch:
    """Put the rows of all processes together.

    Args:
        parts: Of each process, by rank.
        rank: This process.
        sizes: Possible sizes of groups; the first that fits is taken.
        layout: Where a group's rows stand.
        cure: What to change where none fits.

    Raises:
        AdapterError: There are no whole groups, or a row has an unusable form.
    """
    whole = _joined(parts)
    ids = whole.columns.get("id", [None] * len(whole.prompts))
    shown = whole.prompts if whole.same_prompt else [None] * len(whole.prompts)
    marks = list(zip(shown, ids, strict=True))
    fitting = [size for size in sizes if _are_whole(marks, size, layout)]
    size = (fitting or sizes)[0]
    grouped = group_rows(
        whole.prompts,
        whole.responses,
        size,
        layout=layout,
        id=whole.columns.get("id"),
        reference=whole.columns.get("reference"),
        context=whole.columns.get("context"),
        rubric=whole.columns.get("rubric"),
        same_prompt=whole.same_prompt,
        cure=cure,
    )
    start = sum([len(part.prompts) for part in parts[:rank]])
    rows = slice(start, start + len(parts[rank].prompts))
    own = [at for at, group in enumerate(grouped.rows) if rows.start <= group[0] < rows.stop]
    return Batch(grouped, size, rows, tuple(own))


async def share_rewards(
    ranks: Ranks, batch: Batch, results: Sequence[GroupResult | JudgeError]
) -> list[tuple[Reward, ...]]:
    """The rewards of all groups of a batch, whoever judged them.

    Args:
        ranks: All of which call this.
        batch: The batch.
        results: Of the groups that are this process's own; an error instead is raised everywhere.

    Raises:
        JudgeError: A setting is wrong; of another process's, its message.
    """
    wrong = [result for result in results if isinstance(result, JudgeError)]
    pairs = zip(batch.own, results, strict=True)
    own = {at: result.rewards for at, result in pairs if isinstance(result, GroupResult)}
    told = await ranks.exchange((own, [str(error) for error in wrong]))
    if wrong:
        raise wrong[0]
    for rank, (_, errors) in enumerate(told):
        if errors:
            raise AdapterError(f"process {rank}: {errors[0]}")
    rewards = {at: found for part, _ in told for at, found in part.items()}
    return [rewards[at] for at in range(len(batch.grouped.groups))]


def _response(completion: Any, tokens: Sequence[int] | None) -> dict[str, Any]:
    if isinstance(completion, list) and len(completion) == 1:
        turn = completion[0]
        plain = isinstance(turn.get("content") or "", str) and not turn.get("images")
        if turn.get("role") == "assistant" and plain and not turn.get("tool_calls"):
            completion = turn.get("content") or ""
    return {"text": completion, "token_ids": None if tokens is None else tuple(tokens)}


def _joined(parts: Sequence[Rows]) -> Rows:
    names = sorted({name for part in parts for name in part.columns})
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for part in parts:
        for name, values in columns.items():
            values += part.columns.get(name, [None] * len(part.prompts))
    return Rows(
        [prompt for part in parts for prompt in part.prompts],
        [response for part in parts for response in part.responses],
        columns,
        all(part.same_prompt for part in parts),
    )


def _are_whole(marks: Sequence[Any], size: int, layout: Layout) -> bool:
    """Whether the rows are groups of that size, told by what a group's rows have in common."""
    if len(marks) % size:
        return False
    return all(
        marks[row] == marks[rows[0]] for rows in chunks(len(marks), size, layout) for row in rows
    )
