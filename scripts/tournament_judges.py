"""Judges for `bench_tournaments.py`: three simulated ones, and two of recorded human verdicts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from judge.types import Compare, Comparison, Failure, FloatArray, JudgeProfile

LOST = Failure("engine", "timeout", "simulated")


@dataclass(frozen=True)
class World:
    """A simulated judge: what it answers and how it errs.

    Truth x ~ N(0, 1); a pair effect u ~ N(0, pair_effect^2) fixed for each pair; `bias` for the
    first shown; fresh noise in every call. "graded": scores of both sides around 5, with a drift
    of sd .7 common to both, .8 of noise a side, rounded to .5. "probability": P(first) =
    sigmoid(1.7 (x_i - x_j + u + bias + noise)), .8 of noise a side. "binary": its sign.
    """

    kind: str = "probability"
    n: int = 16
    bias: float = 0.5
    pair_effect: float = 0.4
    noise: float = 0.8
    tie: float = 0.0
    """binary: margins within +- tie are ties."""
    failing: float = 0.0
    seed_correlation: float | None = None

    @property
    def unit(self) -> float:
        """Strength of the posterior per unit of truth."""
        probit = 1.702 / np.hypot(self.pair_effect, self.noise * 2**0.5)
        return {"graded": 1.0, "probability": 1.7, "binary": float(probit)}[self.kind]

    def known(self) -> JudgeProfile:
        """The true properties of this judge."""
        noise = self.pair_effect**2 + 2 * self.noise**2
        rounding = 2 * 0.5**2 / 12 if self.kind == "graded" else 0.0
        sums = 4 * 0.7**2 + 2 * self.noise**2 + rounding if self.kind == "graded" else None
        square = self.unit**2
        return JudgeProfile(
            square,
            square * (noise + rounding),
            self.unit * self.bias,
            sum_var=sums,
            tie_width=self.unit * self.tie,
        )

    def group(self, seed: int) -> tuple[FloatArray, Compare, list[float] | None]:
        """One group: the truth, a judge of it, and cheap seeds if this world has them."""
        rng = np.random.default_rng([seed, self.n])
        truth = rng.normal(size=self.n)
        effect = np.triu(rng.normal(size=(self.n, self.n)) * self.pair_effect, 1)
        effect -= effect.T
        cheap = None
        if self.seed_correlation is not None:
            rest = (1 - self.seed_correlation**2) ** 0.5
            cheap = (self.seed_correlation * truth + rest * rng.normal(size=self.n)).tolist()
        answers = self._scores if self.kind == "graded" else self._margins

        async def compare(pairs: list[tuple[int, int]]) -> list[Comparison | Failure]:
            i, j = np.array(pairs).T
            told = answers(truth, effect, i, j, rng)
            if not self.failing:
                return told
            lost = rng.random(len(pairs)) < self.failing
            return [LOST if gone else one for gone, one in zip(lost, told, strict=True)]

        return truth, compare, cheap

    def _scores(self, x, effect, i, j, rng):
        drift = 5 + rng.normal(size=len(i)) * 0.7
        half = (effect[i, j] + self.bias) / 2
        a = np.round(2 * (drift + x[i] + half + rng.normal(size=len(i)) * self.noise)) / 2
        b = np.round(2 * (drift + x[j] - half + rng.normal(size=len(i)) * self.noise)) / 2
        p = (1 + np.sign(a - b)) / 2
        rows = zip(i.tolist(), j.tolist(), p.tolist(), a.tolist(), b.tolist(), strict=True)
        return [Comparison(f, s, q, 0.0, 1 - q, scores=(u, v)) for f, s, q, u, v in rows]

    def _margins(self, x, effect, i, j, rng):
        gap = x[i] - x[j] + effect[i, j] + self.bias
        y = gap + rng.normal(size=len(i)) * self.noise * 2**0.5
        p = 1 / (1 + np.exp(-1.7 * y))
        told = []
        for f, s, q, margin in zip(i.tolist(), j.tolist(), p.tolist(), y.tolist(), strict=True):
            if self.kind == "probability":
                told.append(Comparison(f, s, q, 0.0, 1 - q))
            else:
                tied = abs(margin) < self.tie
                won = (0.0, 1.0, 0.0) if tied else (float(margin > 0), 0.0, float(margin <= 0))
                told.append(Comparison(f, s, *won, graded=False))
        return told


@dataclass(frozen=True)
class Recorded:
    """One group of recorded verdicts: a fresh judge a seed, and one or more truths by name."""

    cluster: str
    n: int
    truths: dict[str, FloatArray]
    judge: Callable[[int], Compare]


def at_once(compare: Compare, calls: int) -> Compare:
    """A judge that asks each pair `calls` times and averages what it hears."""

    async def asked(pairs):
        rounds = [await compare(pairs) for _ in range(calls)]
        return [_mean(answers) for answers in zip(*rounds, strict=True)]

    return asked


def _mean(answers):
    valid = [answer for answer in answers if isinstance(answer, Comparison)]
    if not valid:
        return answers[0]
    p = [float(np.mean([getattr(c, name) for c in valid])) for name in ("p_first", "p_second")]
    return replace(valid[0], p_first=p[0], p_tie=1.0 - sum(p), p_second=p[1])


def ukpconvarg(folder: Path, per_topic: int, size: int = 16) -> Iterator[Recorded]:
    """Random subgroups of each topic of UKPConvArg1; a call draws one vote without replacement.

    Truths: "rank" (minus rank_score, which is inverted) and "majority" (net votes won in the
    subgroup, all votes).
    """
    arguments, votes = defaultdict(list), defaultdict(dict)
    for line in (folder / "arguments.jsonl").read_text().splitlines():
        row = json.loads(line)
        arguments[row["topic"]].append((row["id"], -row["rank_score"]))
    for line in (folder / "pairs.jsonl").read_text().splitlines():
        row = json.loads(line)
        sign = [{"a1": 1, "equal": 0, "a2": -1}[vote[1]] for vote in row["votes"]]
        votes[row["topic"]][row["a"], row["b"]] = sign
        votes[row["topic"]][row["b"], row["a"]] = [-s for s in sign]
    for t, topic in enumerate(sorted(arguments)):
        for k in range(per_topic):
            rng = np.random.default_rng([t, k])
            chosen = rng.choice(len(arguments[topic]), size, replace=False).tolist()
            ids = [arguments[topic][c][0] for c in chosen]
            table = votes[topic]
            net = [sum(sum(table[a, b]) for b in ids if b != a) for a in ids]
            truths = {
                "rank": np.array([arguments[topic][c][1] for c in chosen]),
                "majority": np.array(net, dtype=float),
            }
            yield Recorded(topic, size, truths, _voter(ids, table))


def _voter(ids, table):
    def judge(seed):
        rng, left = np.random.default_rng(seed), {}

        async def compare(pairs):
            told = []
            for i, j in pairs:
                key = (min(i, j), max(i, j))
                if key not in left:
                    left[key] = rng.permutation(table[ids[key[0]], ids[key[1]]]).tolist()
                if not left[key]:
                    told.append(LOST)
                    continue
                sign = left[key].pop() * (1 if key == (i, j) else -1)
                won = (float(sign > 0), float(sign == 0), float(sign < 0))
                told.append(Comparison(i, j, *won, graded=False))
            return told

        return compare

    return judge


def summeval(folder: Path) -> Iterator[Recorded]:
    """Articles of SummEval with 16 summaries; a call compares them on one aspect drawn at random.

    The judge gives both sides their mean expert score (1..5) on that aspect; the truth is the
    mean over the four aspects.
    """
    for line in (folder / "summeval.jsonl").read_text().splitlines():
        row = json.loads(line)
        human = np.array([list(entry["human"].values()) for entry in row["candidates"]])
        yield Recorded(row["doc"], len(human), {"mean": human.mean(1)}, _reader(human))


def _reader(human):
    def judge(seed):
        rng = np.random.default_rng(seed)

        async def compare(pairs):
            told = []
            for (i, j), aspect in zip(pairs, rng.integers(4, size=len(pairs)), strict=True):
                a, b = human[[i, j], aspect].tolist()
                p = (1 + np.sign(a - b)) / 2
                told.append(Comparison(i, j, float(p), 0.0, float(1 - p), scores=(a, b)))
            return told

        return compare

    return judge
