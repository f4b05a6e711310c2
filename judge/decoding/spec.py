"""`OutputSpec`: one object that is the grammar of an answer and its reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from judge.decoding.answers import Answer, Reading, Slot
from judge.decoding.labels import read_code
from judge.decoding.objects import last_object, unescape
from judge.decoding.wording import COMPACT, PLAIN, SPACED, spoken
from judge.errors import ConfigError, VerdictError
from judge.types import Constraint, ConstraintKind, Generation, Message

Encode = Callable[[str], tuple[int, ...]]

EVIDENCE_CHARS = 200
"""Longest quotation where no reasons are asked."""
NAME_CHARS = 80
"""Longest name of an entity."""


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
            return spoken(self.slots[0].allowed)
        return self._render(
            lambda key, chars: f'"{key}"{self.layout[0]}"<at most {chars} characters>"',
            lambda slot: (
                f'"{slot.key}"{self.layout[0]}'
                + (f'"<{spoken(slot.allowed)}>"' if slot.quoted else f"<{spoken(slot.allowed)}>")
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
                texts[key] = unescape(found[at])
            else:
                reading = read_code(slot, found[at], match.start(at + 1), generation)
                if slot.reason_chars or slot.evidence:
                    reading = _explained(reading, slot, texts)
                readings.append(reading)
        return Answer(tuple(readings), texts.get("critique", ""), (), self._named(texts))

    def _read_loose(self, generation: Generation, shown: Sequence[Message]) -> Answer:
        """Read an answer whose layout no grammar enforced: labels only, no probabilities."""
        found, said = last_object(generation.text)
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
                raise VerdictError(f"{slot.key}: {code[:60]!r} is none of {spoken(slot.allowed)}")
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


def _code_regex(slot: Slot) -> str:
    codes = f"({'|'.join(slot.allowed)})"
    return f'"{codes}"' if slot.quoted else codes


def _explained(reading: Reading, slot: Slot, texts: Mapping[str, Any]) -> Reading:
    reason, evidence = texts.get(f"{slot.key}.reason"), texts.get(f"{slot.key}.evidence")
    if not (reason or evidence):
        return reading
    return structs.replace(reading, reason=str(reason or ""), evidence=str(evidence or ""))
