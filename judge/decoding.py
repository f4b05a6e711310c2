"""What an answer may look like, and how it is read back: `OutputSpec`.

One object compiles to a JSON Schema, a regex or a choice (whatever the engine takes) and holds the
reader beside it, so that grammar and reader cannot drift apart. The answer is one flat JSON object
whose key order is the order of generation (critique or reasons first, verdicts after); where
nothing but a single verdict is wanted it is the bare code.

Verdicts are one-token codes: digits 1..9 for levels and scores (0 = does not apply), the letters
A, B and C (tie) for pairs. Every verdict stands right after a fixed text, its *marker*, such as
`"answers_question": `; the marker tells the engine where label log-probabilities are wanted and the
reader where the verdict stands. `OutputSpec.fitted` chooses the spacing in which every code is one
token of the engine's tokenizer after its marker, and refuses an engine where none is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from judge.errors import ConfigError, VerdictError
from judge.types import Constraint, ConstraintKind, Generation, Message, Record

Encode = Callable[[str], tuple[int, ...]]

NOT_APPLICABLE = "0"
PLAIN = r'[^"\\\n\r\t]'
"""A character that needs no escape inside a JSON string."""
EVIDENCE_CHARS = 200
"""Longest quotation where no reasons are asked."""
NAME_CHARS = 80
"""Longest name of an entity."""
SPACED, COMPACT = (": ", ", "), (":", ",")


@dataclass(frozen=True, slots=True)
class Slot:
    """One verdict: its key in the answer and the codes it may take, in the order they are read."""

    key: str
    codes: tuple[str, ...]
    optional: bool = False
    """Whether 0, does not apply, is allowed too."""
    reason_chars: int = 0
    """Longest reason before the verdict; 0: none is asked."""
    evidence: bool = False
    """Whether a quotation from the response comes first."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """Every code the grammar lets through."""
        return (*self.codes, NOT_APPLICABLE) if self.optional else self.codes

    @property
    def quoted(self) -> bool:
        """Whether the codes are JSON strings (letters) and not numbers."""
        return not self.codes[0].isdigit()


class Reading(Record, frozen=True):
    """One verdict as read: `index` into `Slot.codes`, None = does not apply."""

    index: int | None
    probabilities: tuple[float, ...] = ()
    """Over `Slot.codes`, sum 1; empty where the engine gave no log-probabilities there."""
    label_mass: float | None = None
    """Probability of all allowed codes before any mask, in [0, 1]; None: not known."""
    logprobs: tuple[float, ...] = ()
    """Natural logs before any mask, over `Slot.codes`; -inf where the engine named no value."""
    reason: str = ""
    evidence: str = ""


class Answer(Record, frozen=True):
    """A whole answer as read; `readings` are in the order of `OutputSpec.slots`."""

    readings: tuple[Reading, ...]
    critique: str = ""
    items: tuple[tuple[str, ...], ...] = ()
    """Of a `ListSpec`: the fields of each item, in the order of its columns."""
    names: tuple[str, ...] = ()
    """What the response calls each entity, in the order of `OutputSpec.names`."""


@dataclass(frozen=True)
class OutputSpec:
    """What one call answers."""

    slots: tuple[Slot, ...]
    critique_chars: int = 0
    """Longest critique before all verdicts; 0: none is asked."""
    layout: tuple[str, str] = SPACED
    """What stands after a key and between entries."""
    names: tuple[str, ...] = ()
    """Entities of which the answer first says what the response calls them."""
    labels: tuple[str, ...] = field(init=False)
    """All codes, for `GenerationRequest.labels`."""
    read_after: tuple[tuple[str, tuple[str, ...]], ...] = field(init=False)
    """Each slot's marker and codes, for `GenerationRequest.read_after`."""
    _entries: tuple[tuple[str, int, Slot | None], ...] = field(
        init=False, repr=False, compare=False
    )
    """Every entry in order: (key, longest text, None) or (key, 0, slot)."""
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_entries", tuple(self._listed()))
        keys = [key for key, _, _ in self._entries]
        if not self.slots or len(set(keys)) != len(keys):
            raise ConfigError(
                f"an answer needs different keys, not {keys}",
                hint=f"rename the criterion {max(keys, key=keys.count)!r}" if keys else "",
            )
        labels = tuple(dict.fromkeys(code for slot in self.slots for code in slot.allowed))
        object.__setattr__(self, "labels", labels)
        after = tuple((self._marker(slot), slot.allowed) for slot in self.slots)
        object.__setattr__(self, "read_after", after)
        object.__setattr__(self, "_pattern", re.compile(self._reader_regex(), re.DOTALL))

    @property
    def bare(self) -> bool:
        """Whether the answer is a single code and no JSON."""
        slot = self.slots[0]
        plain = not (slot.reason_chars or slot.evidence or self.critique_chars or self.names)
        return len(self.slots) == 1 and plain

    # --- what the engine is told -------------------------------------------------------------

    def constraint(self, kinds: Collection[ConstraintKind]) -> Constraint | None:
        """The strictest constraint among the kinds an engine takes; None if it takes none.

        A regex fixes the spacing too, so it is preferred to a JSON Schema.
        """
        if self.bare and "choice" in kinds:
            return Constraint(choice=self.slots[0].allowed)
        if "regex" in kinds:
            return Constraint(regex=self.regex())
        if "json_schema" in kinds and not self.bare:
            return Constraint(json_schema=self.json_schema())
        return None

    def regex(self) -> str:
        """Exactly the texts `read` accepts from a constrained engine; ASCII syntax, no anchors."""
        if self.bare:
            return f"({'|'.join(self.slots[0].allowed)})"
        return self._render(
            lambda key, chars: f'"{re.escape(key)}"{self.layout[0]}"{PLAIN}{{1,{chars}}}"',
            lambda slot: f'"{re.escape(slot.key)}"{self.layout[0]}{_code_regex(slot)}',
            (r"\{", r"\}"),
        )

    def json_schema(self) -> dict[str, Any]:
        """A closed object; property order is generation order."""
        properties: dict[str, Any] = {}
        for key, chars, slot in self._entries:
            if slot is None:
                properties[key] = {"type": "string", "minLength": 1, "maxLength": chars}
            elif slot.quoted:
                properties[key] = {"type": "string", "enum": list(slot.allowed)}
            else:
                properties[key] = {"type": "integer", "enum": [int(c) for c in slot.allowed]}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def shape(self) -> str:
        """The answer as a person would be shown it; goes into the prompt."""
        if self.bare:
            return _spoken(self.slots[0].allowed)
        return self._render(
            lambda key, chars: f'"{key}"{self.layout[0]}"<at most {chars} characters>"',
            lambda slot: (
                f'"{slot.key}"{self.layout[0]}'
                + (f'"<{_spoken(slot.allowed)}>"' if slot.quoted else f"<{_spoken(slot.allowed)}>")
            ),
            ("{", "}"),
        )

    def fitted(self, encode: Encode) -> OutputSpec:
        """This spec in a spacing in which every code is one token right after its marker.

        Raises:
            ConfigError: The tokenizer splits or merges a code in every spacing.
        """
        trouble = ""
        for layout in (SPACED, COMPACT):
            spec = replace(self, layout=layout)
            trouble = spec._trouble(encode)
            if not trouble:
                return spec
        raise ConfigError(
            f"the engine's tokenizer cannot serve one-token verdicts: {trouble}",
            hint="use a scale of at most nine levels, or another model",
        )

    def _trouble(self, encode: Encode) -> str:
        for marker, codes in self.read_after:
            before = encode(marker) if marker else ()
            seen = set()
            for code in codes:
                after = encode(marker + code)
                if after[:-1] != before:
                    return f"{code!r} after {marker!r} is not one token of its own"
                seen.add(after[-1])
            if len(seen) != len(codes):
                return f"two codes after {marker!r} are the same token"
        return ""

    # --- reading -----------------------------------------------------------------------------

    def read(self, generation: Generation, shown: Sequence[Message] = ()) -> Answer:
        """Read an answer.

        Args:
            generation: What the engine answered.
            shown: What it was asked: a verdict that stands in it is a quotation, unless it is all
                that was answered.

        Raises:
            VerdictError: `cut` if the answer ended before its last verdict, else `malformed`.
        """
        match = self._pattern.fullmatch(generation.text)
        if match is None:
            return self._read_loose(generation, shown)
        found = match.groups()
        texts: dict[str, str] = {}
        readings = []
        for at, (key, _, slot) in enumerate(self._entries):
            if slot is None:
                texts[key] = _unescape(found[at])
            else:
                reading = _read_code(slot, found[at], match.start(at + 1), generation)
                if slot.reason_chars or slot.evidence:
                    reading = _explained(reading, slot, texts)
                readings.append(reading)
        return Answer(tuple(readings), texts.get("critique", ""), (), self._named(texts))

    def _read_loose(self, generation: Generation, shown: Sequence[Message]) -> Answer:
        """Read an answer whose layout no grammar enforced: labels only, no probabilities."""
        found, said = _last_object(generation.text)
        cut = generation.finish == "length"
        # What a cut answer says before its end may be a thought of the model's, or a draft.
        torn = cut and not generation.text.rstrip().endswith(said)
        if found is None or torn or not all(slot.key in found for slot in self.slots):
            raise VerdictError(
                f"the answer {'was cut by its token budget' if cut else 'is not a verdict'}:"
                f" {generation.text[-120:]!r}",
                kind="cut" if cut else "malformed",
                hint="raise max_tokens in the recipe" if cut else "",
            )
        if any(said in turn.content for turn in shown):
            raise VerdictError(f"the only verdict is quoted from what was shown: {said[:120]!r}")
        self._refuse_unasked(found)
        readings = []
        for slot in self.slots:
            code = str(found[slot.key]).strip()
            if code not in slot.allowed:
                raise VerdictError(f"{slot.key}: {code[:60]!r} is none of {_spoken(slot.allowed)}")
            reading = Reading(slot.codes.index(code) if code in slot.codes else None)
            readings.append(_explained(reading, slot, found))
        return Answer(tuple(readings), str(found.get("critique") or ""), (), self._named(found))

    def _refuse_unasked(self, found: Mapping[str, Any]) -> None:
        """Refuse an answer with a verdict on something else: it follows another's instructions."""
        asked = {key for key, _, _ in self._entries} | {"critique"}
        for key, value in found.items():
            if key in asked or not isinstance(value, str | int):
                continue
            if str(value).strip() in self.labels:
                raise VerdictError(f"a verdict on {key[:60]!r}, which was not asked")

    # --- layout, in one place ----------------------------------------------------------------

    def _named(self, texts: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(texts.get(f"{name}.name") or "") for name in self.names)

    def _listed(self) -> Iterator[tuple[str, int, Slot | None]]:
        if self.critique_chars:
            yield "critique", self.critique_chars, None
        for name in self.names:
            yield f"{name}.name", NAME_CHARS, None
        for slot in self.slots:
            if slot.evidence:
                yield f"{slot.key}.evidence", slot.reason_chars or EVIDENCE_CHARS, None
            if slot.reason_chars:
                yield f"{slot.key}.reason", slot.reason_chars, None
            yield slot.key, 0, slot

    def _render(
        self,
        text: Callable[[str, int], str],
        verdict: Callable[[Slot], str],
        braces: tuple[str, str],
    ) -> str:
        entries = [
            text(key, chars) if slot is None else verdict(slot)
            for key, chars, slot in self._entries
        ]
        return braces[0] + self.layout[1].join(entries) + braces[1]

    def _marker(self, slot: Slot) -> str:
        if self.bare:
            return ""
        return f'"{slot.key}"{self.layout[0]}' + ('"' if slot.quoted else "")

    def _reader_regex(self) -> str:
        """Like `regex`, with groups, any JSON string and any spacing (for JSON Schema engines)."""
        if self.bare:
            return rf"\s*({'|'.join(self.slots[0].allowed)})\s*"
        entries = []
        for key, _, slot in self._entries:
            if slot is None:
                value = r'"((?:[^"\\]++|\\.)*+)"'
            else:
                codes = "|".join(slot.allowed)
                value = f'"({codes})"' if slot.quoted else f"({codes})"
            entries.append(rf'\s*"{re.escape(key)}"\s*:\s*{value}\s*')
        return r"\s*\{" + ",".join(entries) + r"\}\s*"


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
        properties[self.key] = {"type": "array", "maxItems": self.most, "items": _closed(item)}
        return _closed(properties)

    def shape(self) -> str:
        """The answer with one item, and dots for more."""
        between, comma = self.layout
        fields = comma.join(
            f'"{column.key}"{between}'
            + (f'"<{_spoken(column.choices)}>"' if column.choices else
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
        found, said = _last_object(generation.text)
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
                    f"{column.key}: {told[:60]!r} is none of {_spoken(column.choices)}"
                )
        return tuple(item[column.key] for column in self.columns)


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _code_regex(slot: Slot) -> str:
    codes = f"({'|'.join(slot.allowed)})"
    return f'"{codes}"' if slot.quoted else codes


def _spoken(codes: tuple[str, ...]) -> str:
    return codes[0] if len(codes) == 1 else ", ".join(codes[:-1]) + " or " + codes[-1]


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def _explained(reading: Reading, slot: Slot, texts: Mapping[str, Any]) -> Reading:
    reason, evidence = texts.get(f"{slot.key}.reason"), texts.get(f"{slot.key}.evidence")
    if not (reason or evidence):
        return reading
    return structs.replace(reading, reason=str(reason or ""), evidence=str(evidence or ""))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, strict=False)
_OBJECT_BEGINS = re.compile(r'\{\s*"')


def _last_object(text: str) -> tuple[dict[str, Any] | None, str]:
    """The last JSON object in a text, and how it stands there.

    None if there is none, or if one is torn or has a key twice.

    What stands before or inside a torn object is never taken in its place: it may be quoted from
    what is judged.
    """
    last, start, end = None, 0, 0
    for match in _OBJECT_BEGINS.finditer(text):
        if match.start() < end:
            continue
        start = match.start()
        try:
            last, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            return None, ""
    return last, text[start:end]


def _read_code(slot: Slot, code: str, offset: int, generation: Generation) -> Reading:
    index = slot.codes.index(code) if code in slot.codes else None
    labels = _labels_at(generation, offset, code) if generation.label_logprobs else None
    if labels is None:
        return Reading(index)
    raw = [_known(labels.get(label)) for label in slot.allowed]
    logprobs = tuple(raw[: len(slot.codes)])
    top = max(logprobs)
    if top == -math.inf:
        return Reading(index)
    mass = None if generation.masked else min(1.0, sum(map(math.exp, raw)))
    if index is None or (slot.optional and raw[-1] > top):
        return Reading(None, label_mass=mass)
    weights = [math.exp(value - top) for value in logprobs]
    total = sum(weights)
    return Reading(index, tuple(weight / total for weight in weights), mass, logprobs)


def _known(logprob: float | None) -> float:
    """A log-probability; -inf where there is none, or where it is not a number."""
    return -math.inf if logprob is None or math.isnan(logprob) else min(0.0, logprob)


def _labels_at(generation: Generation, offset: int, code: str) -> Mapping[str, float] | None:
    """The label log-probabilities at the token that is the code at a character of the text.

    None where the code is merged with what stands before or behind
    it: the distribution over that token would not be one over the codes.
    """
    start = 0
    for text, labels in zip(generation.token_texts, generation.label_logprobs, strict=False):
        if start == offset and text:
            return (labels or None) if text == code else None
        if start > offset:
            return None
        start += len(text)
    return None


@dataclass(frozen=True, slots=True)
class PairCode:
    """One verdict on a pair: its code, what the judge is told it means, and what it is worth."""

    code: str
    meaning: str
    lean: float
    """In [-1, 1]: how much better the first shown response is."""


PAIR_CODES: Mapping[str, tuple[PairCode, ...]] = {
    "two_way": (
        PairCode("A", "response A is better", 1.0),
        PairCode("B", "response B is better", -1.0),
    ),
    "three_way": (
        PairCode("A", "response A is better", 1.0),
        PairCode("B", "response B is better", -1.0),
        PairCode("C", "both are equally good", 0.0),
    ),
    "five_way": (
        PairCode("1", "response A is much better", 1.0),
        PairCode("2", "response A is slightly better", 0.5),
        PairCode("3", "both are equally good", 0.0),
        PairCode("4", "response B is slightly better", -0.5),
        PairCode("5", "response B is much better", -1.0),
    ),
    "six_way": (
        PairCode("1", "response A is much better", 1.0),
        PairCode("2", "response A is better", 2 / 3),
        PairCode("3", "response A is slightly better", 1 / 3),
        PairCode("4", "response B is slightly better", -1 / 3),
        PairCode("5", "response B is better", -2 / 3),
        PairCode("6", "response B is much better", -1.0),
    ),
}
"""five_way: WildBench's steps (WB-Reward); six_way: Think-RM's -3..3 without 0 (2505.16265)."""
PAIR_SCORES = tuple("123456789")
"""Codes of `verdict: scores`, for each side of a pair, worst to best."""
OVERALL = "overall"
"""Key of a pair's single verdict over all criteria."""
SIDES = ("A", "B")
