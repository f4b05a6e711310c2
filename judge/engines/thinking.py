"""Free thinking before the grammar: the block it stands in, and what came of it.

A budget of thinking takes two stages. The first goes on from an opened block, without a grammar,
until the model closes it, ends its turn or has used the budget up. The second goes on from the
closed block, on the very tokens of the first, and is the constrained answer. So a verdict is never
read from the thinking, and one is given even where the budget cut it.

A template that opens the block itself keeps its own way of doing so; for any other the block is
opened as plain text at the start of the model's turn. Without a budget a model that would think is
handed a block that is closed already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from judge.errors import RequestRefused
from judge.types import Generation, GenerationRequest, Record, Usage


class Marks(NamedTuple):
    """The texts a model's thinking stands between."""

    opening: str
    closing: str


THINK = Marks("<think>", "</think>")
KNOWN = (THINK, Marks("[THINK]", "[/THINK]"), Marks("<seed:think>", "</seed:think>"))
"""Of most models (DeepSeek-R1, Qwen3, ...), of Mistral's and of Seed-OSS: what the reasoning
parsers of vLLM 0.32 look for."""
ALL_MARKS = frozenset(mark for marks in KNOWN for mark in marks)


def closed(thinking: str, marks: Marks = THINK) -> str:
    """What closes the block after a thinking."""
    return f"{marks.closing}\n\n" if thinking.endswith("\n") else f"\n{marks.closing}\n\n"


def check_thinks(request: GenerationRequest) -> None:
    """Raise `RequestRefused` where a request with a budget of thinking has no chat to think in."""
    alone = request.messages is None or request.score_from is not None
    if request.sampling.think_tokens and alone:
        raise RequestRefused("only an answer to messages can be thought about first")


def apart(text: str) -> tuple[str, str]:
    """The thinking and the answer of a text in which a server has left both.

    A block that is opened and not closed is thinking to its end. What a JSON answer quotes is no
    block.
    """
    start = text.lstrip()
    for opening, closing in KNOWN:
        thinking, mark, answer = start.removeprefix(opening).partition(closing)
        if start.startswith(opening) or (mark and not start.startswith("{")):
            return thinking, answer
    return "", text


class Thought(Record, frozen=True):
    """What the first stage came to; `text` is that of `ids`, without the marks."""

    text: str
    ids: tuple[int, ...]
    tokens: int
    """Tokens generated, the closing mark or the end of the turn included."""
    cut: bool
    """The budget ended it, not the model by closing the block or ending its turn."""

    def before(self, answer: Generation, prompt_tokens: int) -> Generation:
        """The answer that came after this thinking, with the cost of both."""
        spent = Usage(
            answer.usage.calls, prompt_tokens, self.tokens + answer.usage.completion_tokens
        )
        return replace(answer, thinking=self.text, thinking_cut=self.cut, usage=spent)


class Thinking:
    """A model's block of thinking, as text and as tokens.

    Args:
        control_tokens: The added tokens of its tokenizer; they tell its marks. A model without any
            gets `<think>` as plain text.
        special_ids: Its special tokens. Each ends a thinking, so that none holds a turn of its own;
            but not the opening mark, which a model may say again.
        encode: Token ids of a text.
        decode: The text of tokens, special ones left out.
    """

    def __init__(
        self,
        control_tokens: Collection[str],
        special_ids: Iterable[int],
        encode: Callable[[str], tuple[int, ...]],
        decode: Callable[[Sequence[int]], str],
    ) -> None:
        self.marks = next((marks for marks in KNOWN if marks.closing in control_tokens), THINK)
        closing = encode(self.marks.closing)
        self.stop = () if len(closing) == 1 else (self.marks.closing,)
        """Texts that end a thinking; none where a token does."""
        again = encode(self.marks.opening)
        special = set(special_ids) - (set(again) if len(again) == 1 else set())
        self.ends = frozenset(special | (set() if self.stop else set(closing)))
        """Tokens that end a thinking."""
        self._encode = encode
        self._decode = decode

    def opened(self, prompt: str) -> str:
        """A prompt that ends inside an open block."""
        is_open = prompt.rstrip().endswith(self.marks.opening)
        return prompt if is_open else f"{prompt}{self.marks.opening}\n"

    def unopened(self, prompt: str) -> str:
        """A prompt after which the answer comes: a block that its end opens is closed."""
        bare = prompt.rstrip()
        is_open = bare.endswith(self.marks.opening)
        return f"{bare}\n\n{self.marks.closing}\n\n" if is_open else prompt

    def room(self, request: GenerationRequest) -> int:
        """The most tokens that may follow a request's prompt."""
        sampling = request.sampling
        if not sampling.think_tokens:
            return sampling.max_tokens
        between = len(self._encode(closed("", self.marks))) + len(self._encode(request.prefix))
        return sampling.think_tokens + between + sampling.max_tokens

    def after(
        self, prompt: tuple[int, ...], thought: Thought, request: GenerationRequest
    ) -> tuple[int, ...]:
        """The prompt of the answer: the thinking, closed, and the request's prefix."""
        between = self._encode(closed(thought.text, self.marks))
        return prompt + thought.ids + between + self._encode(request.prefix)

    def read(self, ids: Sequence[int], budget: int) -> Thought:
        """What the tokens of the first stage say; those behind an end are left out.

        Args:
            ids: What was generated.
            budget: The most tokens there could be.
        """
        end = next((at for at, token in enumerate(ids) if token in self.ends), None)
        kept = tuple(ids[:end])
        text, mark, _ = self._decode(kept).partition(self.marks.closing)
        if mark:  # spelled in ordinary tokens, of which one may hold the end of the thinking too
            whole = len(kept)
            while not text.startswith(self._decode(kept[:whole])):
                whole -= 1
            rest = text[len(self._decode(kept[:whole])) :]
            kept = kept[:whole] + (self._encode(rest) if rest else ())
        tokens = len(ids) if end is None else end + 1
        return Thought(text, kept, tokens, end is None and not mark and tokens >= budget)
