"""`ListSpec`: an answer that is a list of errors or passages."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from judge.decoding.answers import Answer
from judge.decoding.objects import last_object
from judge.decoding.spec import Encode, OutputSpec
from judge.decoding.wording import PLAIN, closed, spoken
from judge.errors import ConfigError, VerdictError
from judge.types import Constraint, ConstraintKind, Generation, Message


@dataclass(frozen=True, slots=True)
class Column:
    """One field of an item: a text of the judge's, or one of some choices."""

    key: str
    chars: int = 0
    """Longest text."""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListSpec(OutputSpec):
    """An answer that is a list of any length up to a most: `{"errors": [{...}, ...]}`.

    It has no slots and so no probabilities; the reader gives `Answer.items`.
    """

    key: str = ""
    columns: tuple[Column, ...] = ()
    most: int = 1
    """The most items."""

    def __post_init__(self) -> None:
        keys = [column.key for column in self.columns]
        if not keys or len(set(keys)) < len(keys) or self.key in ("", "critique"):
            raise ConfigError(f"a list needs a key and different columns, not {keys}")
        for name in ("labels", "read_after", "_entries"):
            object.__setattr__(self, name, ())

    @property
    def bare(self) -> bool:
        """Never: a list is JSON."""
        return False

    def constraint(self, kinds: Collection[ConstraintKind]) -> Constraint | None:
        """A JSON Schema where the engine takes one, for it lets texts hold quotation marks."""
        if "json_schema" in kinds:
            return Constraint(json_schema=self.json_schema())
        return Constraint(regex=self.regex()) if "regex" in kinds else None

    def regex(self) -> str:
        """The texts a constrained engine may answer with; strings may hold escapes."""
        between, comma = self.layout

        def field(column: Column) -> str:
            told = "|".join(re.escape(json.dumps(c, ensure_ascii=False)) for c in column.choices)
            text = rf'"({PLAIN}|\\["\\n]){{1,{column.chars}}}"'
            return f'"{re.escape(column.key)}"{between}' + (f"({told})" if told else text)

        item = r"\{" + comma.join(map(field, self.columns)) + r"\}"
        items = rf"\[({item}({comma}{item}){{0,{self.most - 1}}})?\]"
        critique = f'"critique"{between}"{PLAIN}{{1,{self.critique_chars}}}"{comma}'
        head = critique if self.critique_chars else ""
        return rf'\{{{head}"{re.escape(self.key)}"{between}{items}\}}'

    def json_schema(self) -> dict[str, Any]:
        """A closed object with a list of closed objects."""
        item: dict[str, Any] = {
            column.key: {"type": "string", "enum": list(column.choices)}
            if column.choices
            else {"type": "string", "minLength": 1, "maxLength": column.chars}
            for column in self.columns
        }
        properties: dict[str, Any] = {}
        if self.critique_chars:
            properties["critique"] = {
                "type": "string", "minLength": 1, "maxLength": self.critique_chars
            }  # fmt: skip
        properties[self.key] = {"type": "array", "maxItems": self.most, "items": closed(item)}
        return closed(properties)

    def shape(self) -> str:
        """The answer with one item, and dots for more."""
        between, comma = self.layout
        fields = comma.join(
            f'"{column.key}"{between}'
            + (f'"<{spoken(column.choices)}>"' if column.choices else
               f'"<at most {column.chars} characters>"')
            for column in self.columns
        )  # fmt: skip
        said = f'"critique"{between}"<at most {self.critique_chars} characters>"{comma}'
        head = said if self.critique_chars else ""
        return f'{{{head}"{self.key}"{between}[{{{fields}}}{comma}...]}}'

    def fitted(self, encode: Encode) -> OutputSpec:
        """This spec: no code has to be one token."""
        return self

    def read(self, generation: Generation, shown: Sequence[Message] = ()) -> Answer:
        """Read an answer; see `OutputSpec.read`.

        Raises:
            VerdictError: `cut` if the answer ended early; `malformed` if it is not of the shape: a
                key missing, unknown or twice, a choice that is none, or too many items.
        """
        found, said = last_object(generation.text)
        cut = generation.finish == "length"
        torn = cut and not generation.text.rstrip().endswith(said)
        if found is None or torn or not isinstance(found.get(self.key), list):
            raise VerdictError(
                f"the answer {'was cut by its token budget' if cut else 'is not a list'}:"
                f" {generation.text[-120:]!r}",
                kind="cut" if cut else "malformed",
                hint="raise max_tokens in the recipe" if cut else "",
            )
        alone = said == generation.text.strip()
        if not alone and any(said in turn.content for turn in shown):
            raise VerdictError(f"the only list is quoted from what was shown: {said[:120]!r}")
        unasked = set(found) - {self.key, "critique"}
        if unasked:
            raise VerdictError(f"{min(unasked)[:60]!r} was not asked")
        if len(found[self.key]) > self.most:
            raise VerdictError(f"{len(found[self.key])} items, and {self.most} are the most")
        items = tuple(self._item(item) for item in found[self.key])
        return Answer((), str(found.get("critique") or ""), items)

    def _item(self, item: object) -> tuple[str, ...]:
        keys = {column.key for column in self.columns}
        if not isinstance(item, dict) or set(item) != keys:
            raise VerdictError(f"an item needs the keys {sorted(keys)}: {str(item)[:120]!r}")
        for column in self.columns:
            told = item[column.key]
            if not isinstance(told, str) or not told.strip():
                raise VerdictError(f"{column.key} is not a text: {str(told)[:60]!r}")
            if column.choices and told not in column.choices:
                raise VerdictError(
                    f"{column.key}: {told[:60]!r} is none of {spoken(column.choices)}"
                )
        return tuple(item[column.key] for column in self.columns)
