"""Which labelled pairs are like a pair: hashed words and pairs of words, by cosine."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from judge.checks.text import folded, words
from judge.types import Group, Text

Vector = npt.NDArray[np.float32]

WIDTH = 4096
MOST_WORDS = 1000
"""Of each text; the rest is not looked at."""


class Alike:
    """Pairs among which those like another are found.

    Args:
        groups: The pairs; each takes 16 KiB.
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        made = [features(group) for group in groups]
        self._known = np.array(made, dtype=np.float32).reshape(len(made), WIDTH)

    def near(self, group: Group, k: int) -> npt.NDArray[np.int64]:
        """The places of the k pairs most like this one, [min(k, m)]; earlier ones first if equal.

        Pairs that have nothing in common with it are left out.
        """
        cosines = self._known @ features(group)
        order = np.argsort(-cosines, kind="stable")[:k]
        return order[cosines[order] > 0.0]


def features(group: Group) -> Vector:
    """A pair's prompt and responses as a unit vector, [WIDTH].

    Words and neighbouring words are hashed with a sign (Weinberger et al. 2009), so that no
    vocabulary is kept; counts enter as 1 + log. The order of the responses makes no difference.
    """
    grams: Counter[str] = Counter()
    for text in (group.prompt, *(response.text for response in group.responses)):
        said = words(folded(_plain(text)[: 20 * MOST_WORDS], case=False))[:MOST_WORDS]
        grams.update([*said, *map(" ".join, pairwise(said))])
    vector = np.zeros(WIDTH, dtype=np.float32)
    for gram, count in sorted(grams.items()):
        code = zlib.crc32(gram.encode("utf-8", "surrogatepass"))
        sign = 1.0 if code & 1 else -1.0
        vector[(code >> 1) % WIDTH] += sign * (1.0 + np.log(count))
    length = np.linalg.norm(vector)
    return vector / length if length else vector


def _plain(text: Text) -> str:
    return text if isinstance(text, str) else "\n".join(turn.content for turn in text)
