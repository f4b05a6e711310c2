"""What the tests of the core share: an engine that answers any grammar, and short ways to write
rubrics, recipes and groups."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from judge.decoding import PLAIN
from judge.engines.scripted import ScriptedEngine
from judge.recipes import Recipe, load_recipe
from judge.reward_model import RewardModel
from judge.rubrics import Rubric, parse_rubric
from judge.types import Abilities, Failure, Generation, GenerationRequest, Group, Usage

Chances = Callable[[tuple[str, ...], str, tuple[str, ...]], Mapping[str, float]]
"""(responses shown, key of the verdict, codes) -> probability of each code."""
Broken = Callable[[GenerationRequest], Any]

_FREE_TEXT = re.compile(re.escape(PLAIN) + r"\{1,(\d+)\}")
_CODES = re.compile(r"\(([^()]*)\)")
_BLOCK = re.compile(r"^(`{3,}[0-9a-f]{8})\n(.*?)\n\1$", re.MULTILINE | re.DOTALL)


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


def blocks(request: GenerationRequest) -> list[str]:
    """The fenced texts of a request, in order."""
    return [found[2] for turn in request.messages for found in _BLOCK.finditer(turn.content)]


def shown(request: GenerationRequest) -> tuple[str, ...]:
    """The responses a request shows."""
    named = re.findall(r"^Response [A-T]:$", request.messages[-1].content, re.MULTILINE)
    return tuple(blocks(request)[-(len(named) or 1) :])


def quality(text: str, key: str = "") -> float:
    """A number in [0, 1) that depends on the text (and a criterion) alone."""
    digest = hashlib.sha256(f"{key}|{text}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


def chances(texts: tuple[str, ...], key: str, codes: tuple[str, ...]) -> dict[str, float]:
    """The default judge: levels around a text's quality; pairs by its difference, first ahead."""
    if codes[0] == "A":
        lead = 4.0 * (quality(texts[0], key) - quality(texts[1], key)) + 0.3
        logits = {"A": lead, "B": 0.0, "C": -0.5}
        weights = {code: math.exp(logits[code]) for code in codes}
    else:
        side = 1 if key.endswith(".B") else 0
        at = quality(texts[min(side, len(texts) - 1)], key.removesuffix(".A").removesuffix(".B"))
        levels = [code for code in codes if code != "0"]
        spread = {
            code: math.exp(-((k - at * (len(levels) - 1)) ** 2)) for k, code in enumerate(levels)
        }
        weights = {**spread, "0": 0.01} if "0" in codes else spread
    total = sum(weights.values())
    return {code: 0.9 * weight / total for code, weight in weights.items()}


class CodedEngine(ScriptedEngine):
    """A scripted engine that answers every grammar; it keeps the requests and counts them.

    Args:
        judge: The probability of each code.
        broken: A request's failure, a text or a generation in place of its answer, an exception to
            raise, or None.
        kinds: The constraints it takes.
        logprobs: Whether it tells them.
        pause: Awaited inside every `generate`.
    """

    def __init__(
        self,
        judge: Chances = chances,
        *,
        broken: Broken = lambda request: None,
        kinds: Sequence[str] = ("json_schema", "regex", "choice"),
        logprobs: bool = True,
        masked: bool = False,
        pause: Callable[[], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(self._answer, **options)
        self.abilities = Abilities(
            context_tokens=self.abilities.context_tokens,
            label_logprobs=logprobs,
            constraints=frozenset(kinds),
            thinking=True,
        )
        self.judge, self.broken, self.logprobs, self.masked = judge, broken, logprobs, masked
        self.pause = pause
        self.requests: list[GenerationRequest] = []
        self.in_flight = self.most_in_flight = self.starts = self.closes = 0

    async def start(self) -> None:
        self.starts += 1

    async def aclose(self) -> None:
        self.closes += 1

    async def generate(self, requests):
        self.in_flight += len(requests)
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.pause is not None:
                await self.pause()
            answers = await super().generate(requests)
        finally:
            self.in_flight -= len(requests)
        return [answer for answer in answers if answer is not None]

    def _answer(self, request: GenerationRequest) -> str | Generation | Failure:
        self.requests.append(request)
        instead = self.broken(request)
        if isinstance(instead, BaseException):
            raise instead
        if instead is not None:
            return None if instead == "short" else instead
        return coded(request, self.judge, logprobs=self.logprobs, masked=self.masked)


def coded(
    request: GenerationRequest,
    judge: Chances = chances,
    *,
    logprobs: bool = True,
    masked: bool = False,
) -> Generation:
    """A right answer to a request: each code the likeliest, its token alone, as the judge says."""
    texts = shown(request)
    rows = []
    for marker, codes in request.read_after:
        key = marker.split('"')[1] if marker else ""
        rows.append(dict(judge(texts, key, codes)))
    best = [max(row, key=row.__getitem__) for row in rows]
    answer = _filled(request, best)
    pieces, labels, done = [], [], 0
    for (marker, _), row, code in zip(request.read_after, rows, best, strict=True):
        at = answer.index(marker, done) + len(marker)
        assert answer.startswith(code, at)
        pieces += [answer[done:at], code]
        labels += [{}, {label: math.log(p) for label, p in row.items() if p}]
        done = at + len(code)
    pieces.append(answer[done:])
    labels.append({})
    told = (tuple(pieces), "stop", Usage(1, 10, 5), tuple(labels)) if logprobs else ()
    return Generation(request.id, answer, "", *told, masked=masked)


def _filled(request: GenerationRequest, codes: Sequence[str]) -> str:
    constraint = request.constraint
    if constraint is not None and constraint.choice is not None:
        return codes[0]
    if constraint is not None and constraint.json_schema is not None:
        return _from_schema(constraint.json_schema, codes)
    if request.read_after[0][0] == "":
        return codes[0]
    left = iter(codes)
    said = "Because of the things it says; see above."
    text = constraint.regex if constraint is not None else _shape(request)
    text = _FREE_TEXT.sub(lambda found: said[: int(found[1])], text)
    text = _CODES.sub(lambda found: next(left), text)
    text = re.sub(r"\\(.)", r"\1", text)
    if constraint is not None:
        assert re.fullmatch(constraint.regex, text), (constraint.regex, text)
    return text


def _from_schema(schema: Mapping[str, Any], codes: Sequence[str]) -> str:
    left = iter(codes)
    answer = {}
    for key, part in schema["properties"].items():
        if "enum" in part:
            code = next(left)
            answer[key] = int(code) if part["type"] == "integer" else code
        else:
            answer[key] = 'Said with "quotes".'[: part["maxLength"]]
    return json.dumps(answer)


def _shape(request: GenerationRequest) -> str:
    """The form the prompt asks for, as a regex like that of a constraint."""
    system = request.messages[0].content
    line = next(line for line in system.splitlines() if line.startswith("{"))
    line = re.sub(r"<at most (\d+) characters>", lambda m: f"{PLAIN}{{1,{m[1]}}}", line)
    return re.sub(r"<[^<>]*>", "(x)", line)


@pytest.fixture(scope="session")
def coded_engine() -> type[CodedEngine]:
    """Makes an engine that answers every grammar; see `CodedEngine`."""
    return CodedEngine


@pytest.fixture(scope="session")
def answer():
    """`coded`: the right answer to a request."""
    return coded


@pytest.fixture(scope="session")
def fenced_texts():
    """`blocks`: the fenced texts of a request."""
    return blocks


@pytest.fixture(scope="session")
def responses_of():
    """`shown`: the responses a request shows."""
    return shown


@pytest.fixture(scope="session")
def quality_of():
    """`quality`: what the default judge thinks of a text."""
    return quality


@pytest.fixture(scope="session")
def writing():
    """What answers an author's requests in place of the judge, for `CodedEngine.broken`.

    Takes a function (fenced texts, request) -> the criteria's questions (or (question, fields)),
    a word for "rubric" (helpful, misleading), a number for "choice", a Failure, or whole data.
    """

    def make(respond: Callable[[list[str], GenerationRequest], Any]) -> Broken:
        def answer(request: GenerationRequest) -> Any:
            schema = request.constraint and request.constraint.json_schema
            if not schema or not {"analysis", "choice", "contexts"} & set(schema["properties"]):
                return None
            told = respond(blocks(request), request)
            if isinstance(told, str):
                told = {"analysis": "so", "rubric": told}
            elif isinstance(told, int):
                told = {"reason": "so", "choice": str(told)}
            elif isinstance(told, list):
                told = {"analysis": "so", "criteria": [_drafted(one) for one in told]}
            return json.dumps(told) if isinstance(told, dict) else told

        return answer

    return make


def _drafted(one: Any) -> dict[str, Any]:
    question, fields = (one, {}) if isinstance(one, str) else one
    return {"reason": "so", "question": question, "kind": "principle", "tier": "core", **fields}


@pytest.fixture(scope="session")
def make_rubric() -> Callable[..., Rubric]:
    """A rubric of criteria, each a mapping or an id."""

    def make(*criteria: str | Mapping[str, Any], **fields: Any) -> Rubric:
        listed = [
            {"id": c, "question": f"Is it {c}?"} if isinstance(c, str) else dict(c)
            for c in criteria or ("good",)
        ]
        for criterion in listed:
            if "check" not in criterion:
                criterion.setdefault("question", f"Is it {criterion['id']}?")
        return parse_rubric(
            {"schema": "rubric/v1", "id": "test/rubric", "criteria": listed, **fields}
        )

    return make


@pytest.fixture(scope="session")
def make_recipe() -> Callable[..., Recipe]:
    """A bundled recipe with some of its sections changed."""

    def make(base: str = "pointwise", **sections: Mapping[str, Any]) -> Recipe:
        raw = load_recipe(base).model_dump(mode="json", by_alias=True)
        for name, changes in sections.items():
            merged = {**(raw[name] or {}), **changes} if isinstance(changes, Mapping) else changes
            raw[name] = merged
        return Recipe.model_validate(raw)

    return make


@pytest.fixture(scope="session")
def make_group() -> Callable[..., Group]:
    """A group with some texts for responses."""

    def make(*responses: Any, id: str = "g", prompt: str = "Say it.", **fields: Any) -> Group:
        return Group.of(prompt, responses, id=id, **fields)

    return make


@pytest.fixture
def build(make_rubric):
    """`RewardModel.build` with a rubric of one criterion; closed at the test's end.

    One engine takes every role that the recipe needs.
    """
    made: list[RewardModel] = []

    def make(engine: Any, rubric: Any = None, **options: Any) -> RewardModel:
        if not isinstance(engine, Mapping):
            recipe = options.get("recipe", "pointwise")
            recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
            engine = {role: engine for role, must in recipe.roles.items() if must}
        model = RewardModel.build(rubric or make_rubric(), engine=engine, **options)
        made.append(model)
        return model

    yield make
    for model in made:
        model.close()
