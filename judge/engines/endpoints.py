"""The endpoints of a pool: what is under way there, who rests, and which requests prefer which.

A request's order of preference comes from rendezvous hashing (Thaler and Ravishankar 1998) of its
*head*, the text it shares with the other calls of its group: the system turns, which hold the
rubric, and the first user turn up to the end of its first fenced text, which is the prompt. So the
calls of a group prefer one endpoint, whose prefix cache then holds all but the responses; and an
endpoint that joins or leaves moves only the groups that prefer it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from judge.errors import ConfigError
from judge.types import Abilities, Engine, Failure, Generation, GenerationRequest, Record

HEAD_CHARS = 256
"""How much of the first user turn counts where nothing in it is fenced."""
HEAD_TOKENS = 64
_FURTHER_ADDRESS = re.compile(r"https?://")
_FENCED = re.compile(r"^(`{3,}[0-9a-f]{8})\n.*?^\1$", re.MULTILINE | re.DOTALL)


class EndpointFigures(Record, frozen=True):
    """What one endpoint has done; `failures` are calls that were, or could be, tried elsewhere."""

    name: str
    calls: int
    failures: int
    in_flight: int
    rests: int
    """How often in a row it was rested since it last answered; 0: it is in use."""


@dataclass(eq=False, slots=True)
class Endpoint:
    """An engine of a pool and its state; times are those of the event loop, in seconds."""

    name: str
    engine: Engine
    calls: int = 0
    failures: int = 0
    in_flight: int = 0
    streak: int = 0
    """Failures since it last answered."""
    rests: int = 0
    rest_until: float = 0.0
    probed: bool = False
    """A request is under way that shows whether it is back."""

    def is_resting(self, now: float) -> bool:
        """Whether requests should go elsewhere; once a rest is over, one request finds out."""
        return self.rests > 0 and (self.probed or now < self.rest_until)

    def enter(self, now: float) -> None:
        """A request goes there."""
        self.in_flight += 1
        if self.rests and now >= self.rest_until:
            self.probed = True

    def leave(self) -> None:
        """A request is over, whatever became of it."""
        self.in_flight -= 1
        self.probed = False

    def note(
        self,
        answer: Generation | Failure,
        now: float,
        *,
        rest_after: int,
        rest_s: float,
        most_rest_s: float,
    ) -> None:
        """Take an answer as news of the endpoint's state; a refusal shows that it is there."""
        if not (isinstance(answer, Failure) and answer.retryable):
            self.streak = self.rests = 0
            return
        self.failures += 1
        self.streak += 1
        if self.streak >= rest_after and now >= self.rest_until:
            self.rest_until = now + min(most_rest_s, rest_s * 2.0 ** min(self.rests, 60))
            self.rests += 1

    def figures(self) -> EndpointFigures:
        """Its figures as a record."""
        return EndpointFigures(self.name, self.calls, self.failures, self.in_flight, self.rests)


def head(request: GenerationRequest) -> bytes:
    """A digest of what a request shares with the other calls of its group (see the module)."""
    digest = hashlib.blake2b(digest_size=16)
    for turn in request.messages or ():
        text = turn.content
        if turn.role != "system":
            fenced = _FENCED.search(text)
            text = text[: fenced.end() if fenced else HEAD_CHARS]
        digest.update(f"{turn.role}\0{text}\0".encode("utf-8", "surrogatepass"))
        if turn.role != "system":
            break
    digest.update(repr((request.token_ids or ())[:HEAD_TOKENS]).encode())
    return digest.digest()


def preferred(endpoints: Iterable[Endpoint], key: bytes) -> list[Endpoint]:
    """The endpoints in a key's order of preference: the highest hash of name and key first."""

    def weight(endpoint: Endpoint) -> bytes:
        name = endpoint.name.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(name, key=key, digest_size=8).digest()

    return sorted(endpoints, key=weight, reverse=True)


# --- endpoints that are one model ------------------------------------------------------------


def endpoint_specs(text: str) -> tuple[str, ...]:
    """The engines' names in a pool's: what follows a comma is an address of the name before.

    `openai:M@http://a/v1,http://b/v1` is `openai:M@http://a/v1` and `openai:M@http://b/v1`; a part
    that is not an address is a name of its own.

    Raises:
        ConfigError: A part is empty, or an address follows a name without one.
    """
    specs: list[str] = []
    for part in text.split(","):
        if not part:
            raise ConfigError(f"a pool's endpoints: {text!r} has an empty part")
        if not _FURTHER_ADDRESS.match(part):
            specs.append(part)
            continue
        model, at, _ = specs[-1].partition("@") if specs else ("", "", "")
        if not at:
            raise ConfigError(
                f"a pool's endpoints: no model goes before {part!r}",
                hint="such as pool:openai:MODEL@http://a:8000/v1,http://b:8000/v1",
            )
        specs.append(f"{model}@{part}")
    return tuple(specs)


def named(engines: Sequence[Engine]) -> list[Endpoint]:
    """Endpoints under their engines' names, numbered where a name comes again."""
    seen: dict[str, int] = {}
    endpoints = []
    for engine in engines:
        seen[engine.name] = number = seen.get(engine.name, 0) + 1
        name = engine.name if number == 1 else f"{engine.name}#{number}"
        endpoints.append(Endpoint(name, engine))
    return endpoints


def common_digest(engines: Sequence[Engine]) -> str:
    """The engines' digest without the address that is a part of a server's name.

    Raises:
        ConfigError: They differ.
    """
    digests = [
        engine.digest.replace(engine.name, engine.name.partition("@")[0]) for engine in engines
    ]
    for engine, digest in zip(engines, digests, strict=True):
        if digest != digests[0]:
            raise ConfigError(
                f"{engines[0].name} and {engine.name} are not the same engine",
                hint="all endpoints of a pool run one model with the same settings",
            )
    return digests[0]


def common_abilities(abilities: Sequence[Abilities]) -> Abilities:
    """What all endpoints can do; of the known context lengths the shortest."""
    known = [one.context_tokens for one in abilities if one.context_tokens is not None]
    return Abilities(
        context_tokens=min(known, default=None),
        label_logprobs=all(one.label_logprobs for one in abilities),
        prompt_logprobs=all(one.prompt_logprobs for one in abilities),
        constraints=frozenset.intersection(*(one.constraints for one in abilities)),
        spaced_json=any(one.spaced_json for one in abilities),
        scalar=all(one.scalar for one in abilities),
        images=all(one.images for one in abilities),
        reference=all(one.reference for one in abilities),
        thinking=all(one.thinking for one in abilities),
    )
