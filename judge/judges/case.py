"""One group made ready for judging: its texts fenced once, its checks run, its digests taken."""

from __future__ import annotations

import asyncio
import copy
import hashlib
from collections.abc import Sequence

from msgspec.structs import replace

from judge.aggregate.criteria import gates, settled
from judge.checks import CHECKS, Inputs, run_check
from judge.errors import CheckError
from judge.fence import ControlTokens, Fence
from judge.judges.plan import Question
from judge.recipes import Recipe
from judge.rubrics import Criterion, Rubric
from judge.types import (
    CriterionVerdict,
    Failure,
    Group,
    Message,
    Response,
    Text,
    has_images,
    text_key,
)

DEGENERATE = "guard.degenerate"
"""Name of the part that says a response has no content; no criterion can have it."""
UNWRITTEN = str.maketrans("", "", '"\\\u201c\u201d')
"""Quotation marks and backslashes, which answers are asked to leave out."""
NOT_SHOWN = "(not shown)"
"""Stands for a prompt that the rubric hides."""
Checked = tuple[dict[str, CriterionVerdict], list[Failure]]
"""The verdicts of the checks on a response, and the checks that could not run."""
_CONTENT = CHECKS["degenerate"].params()


class Case:
    """A group under a rubric.

    Args:
        group: The group.
        rubric: Its rubric, resolved.
        seed: The run's seed.
        control_tokens: The engine's chat-control tokens.
    """

    def __init__(
        self, group: Group, rubric: Rubric, seed: int, control_tokens: ControlTokens | None
    ) -> None:
        self.group = group
        self.fence = Fence(seed, group.id, group.attempt, control_tokens, shows_images=True)
        self.responses: list[Response] = list(group.responses)
        self.digests = [response.digest for response in self.responses]
        inputs = hashlib.sha256()
        for text in (group.prompt, group.reference, group.context):
            inputs.update(b"\0" if text is None else hashlib.sha256(text_key(text)).digest())
        self.inputs_digest = inputs.digest()
        self._fenced: dict[str, str] = {}
        self._contestant = False
        self._take(rubric)

    def _take(self, rubric: Rubric) -> None:
        self.rubric = rubric
        self.criteria = [
            criterion
            for criterion in rubric.enabled
            if all(self._has(name) for name in criterion.needs)
            and not (self._contestant and "reference" in criterion.needs)
        ]
        """The enabled criteria whose inputs the group has."""
        checked = [c for c in self.criteria if c.check is not None]
        self._checked = sorted(checked, key=_starts_process)
        self._ready: dict[str, Question] = {}

    def under(self, rubric: Rubric) -> Case:
        """The same group under another rubric; fenced texts are shared."""
        other = copy.copy(self)
        other._take(rubric)
        return other

    def with_reference(self) -> int:
        """Add the reference answer as one more response to compare with; its index.

        The judge is no longer shown it as an answer known to be good, and criteria that need one
        do not apply.
        """
        self._contestant = True
        self._take(self.rubric)
        self.responses.append(Response(self.group.reference or ""))
        self.digests.append(self.responses[-1].digest)
        return len(self.responses) - 1

    def ready(self, questions: Sequence[Question]) -> list[Question]:
        """Questions with the texts all calls of the group share in prompt and key; made once."""
        for question in questions:
            if question.key not in self._ready:
                self._ready[question.key] = replace(
                    question,
                    skeleton=question.skeleton.filled(self._shared_texts()),
                    key=hashlib.sha256(question.key.encode() + self.inputs_digest).hexdigest(),
                )
        return [self._ready[question.key] for question in questions]

    def _shared_texts(self) -> dict[str, str]:
        texts = {"prompt": self.fence(self.group.prompt if self.shows("prompt") else NOT_SHOWN)}
        for name, text in (("reference", self.group.reference), ("context", self.group.context)):
            if text is not None and self.shows(name):
                texts[name] = self.fence(text)
        return texts

    def fenced(self, index: int) -> str:
        """A response in its fence; made once for equal responses."""
        digest = self.digests[index]
        text = self._fenced.get(digest)
        if text is None:
            text = self._fenced[digest] = self.fence(self.responses[index].text)
        return text

    def missing_inputs(self) -> list[str]:
        """Inputs the rubric requires and the group lacks."""
        return [name for name in self.rubric.inputs.required if not self._has(name)]

    def shows(self, name: str) -> bool:
        """Whether the group has an input and the model may see it."""
        if name == "reference" and self._contestant:
            return False
        return self._has(name) and name not in self.rubric.inputs.hidden

    def _has(self, name: str) -> bool:
        if name == "reference":
            return self.group.reference is not None
        if name == "context":
            return self.group.context is not None
        return name in ("prompt", "response") or name in self.group.meta

    async def checks(self, indices: Sequence[int], recipe: Recipe) -> list[Checked]:
        """As `checked`, of several responses; in threads where a check starts a process."""
        if self._checked and _starts_process(self._checked[-1]):
            slow = (asyncio.to_thread(self.checked, index, recipe) for index in indices)
            return list(await asyncio.gather(*slow))
        return [self.checked(index, recipe) for index in indices]

    def checked(self, index: int, recipe: Recipe) -> Checked:
        """The verdicts of the checks on one response, and the checks that could not run.

        A check that cannot tell gives no verdict. Those that start a process come last, and not at
        all where a gate has settled the response by then.
        """
        parts: dict[str, CriterionVerdict] = {}
        failures = []
        text = said(self.responses[index].text)
        # A response that begins with a letter or a digit, or has an image, has content.
        wordless = not (text[:1].isalnum() or has_images(self.responses[index].text))
        if recipe.guards.degenerate and wordless:
            found = _CONTENT.run(text, Inputs(""))
            if found.value == 0.0:
                parts[DEGENERATE] = _verdict(DEGENERATE, 0.0, found.evidence)
        for criterion in self._checked:
            assert criterion.check is not None
            if _starts_process(criterion) and (
                DEGENERATE in parts or settled(gates(self.criteria, parts)) is not None
            ):
                break
            try:
                found = run_check(
                    criterion.check.name,
                    criterion.check.params,
                    text,
                    prompt=said(self.group.prompt, "user"),
                    reference=self.group.reference,
                    context=self.group.context,
                )
            except CheckError as error:
                failures.append(Failure("check", "malformed", f"{criterion.id}: {error}"))
                continue
            if found.value is not None:
                parts[criterion.id] = _verdict(criterion.id, found.value, found.evidence)
        return parts, failures


def _starts_process(criterion: Criterion) -> bool:
    return criterion.check is not None and criterion.check.params.starts_process


def _verdict(name: str, value: float, evidence: str) -> CriterionVerdict:
    return CriterionVerdict(name, int(value == 1.0), value, evidence=evidence, by="check")


def said(text: Text, role: str = "assistant") -> str:
    """A text as one string; of a list of turns, what that role said."""
    if isinstance(text, str):
        return text
    turns: list[Message] = [turn for turn in text if turn.role == role and turn.content]
    return "\n".join(turn.content for turn in turns)


def quoted_in(evidence: str, *texts: Text) -> bool:
    """Whether a quotation occurs verbatim in one of the texts.

    Spaces, case and what a grammar keeps a judge from writing (`UNWRITTEN`) are left aside.
    """
    wanted = _flat(evidence)
    sources = (said(t) if isinstance(t, str) else "\n".join(m.content for m in t) for t in texts)
    return bool(wanted) and any(wanted in _flat(source) for source in sources)


def _flat(text: str) -> str:
    return " ".join(text.translate(UNWRITTEN).split()).casefold()
