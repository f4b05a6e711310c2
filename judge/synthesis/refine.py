"""A search over edits of a rubric, on labelled pairs it may learn from and pairs it never sees.

After the refinement of OpenRS (arXiv 2602.14069), in an executable form: beam search; a candidate's
fitness is its both-order accuracy on a slice of pairs fresh to its generation, minus a price for
criteria and for flips. A frozen test slice decides in the end whether anything was gained.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from judge.errors import ConfigError, RubricError
from judge.rubrics import parse_rubric
from judge.statistics import PairedTest, paired_test
from judge.synthesis.author import Author, Written
from judge.synthesis.contrast import ALPHA, Judge, contrast_tasks, split_pairs
from judge.synthesis.drafts import read_drafts
from judge.synthesis.edits import Edit, applied, criteria_of, weight_of
from judge.synthesis.evidence import Accuracy, PairOutcome, accuracy, rightness
from judge.synthesis.generate import screened
from judge.types import Group, Record

SIZE_PRICE = 0.02
"""Of ten criteria."""
FLIP_PRICE = 0.1
"""Of a flip rate of 1."""
FACTORS = (0.5, 2.0)
GAIN = 1e-9
MOST_TOGETHER = 6
"""Free edits made at once in one child."""
PATIENCE = 2
"""The search ends after so many generations whose gain is below one standard error."""
LESSONS = 4
"""Misjudged pairs a parent learns from in a generation."""


class Candidate(Record, frozen=True):
    """One rubric the search looked at."""

    content: Mapping[str, Any]
    edits: tuple[Edit, ...]
    """From the rubric the search began with."""
    fitness: float
    """On its generation's slice."""


class Refined(Record, frozen=True):
    """What the search came to."""

    content: Mapping[str, Any]
    edits: tuple[Edit, ...]
    accepted: bool
    why: str
    test: PairedTest
    """Against the rubric the search began with, on the frozen slice."""
    before: Accuracy
    after: Accuracy
    generations: int
    tried: int


def fitness(outcomes: Sequence[PairOutcome], criteria: int) -> float:
    """Accuracy - .02 (criteria / 10) - .1 flip rate; ties count 1/2, unjudged pairs nothing."""
    rights = [right for outcome in outcomes if (right := rightness(outcome.lead)) is not None]
    if not rights:
        return -1.0
    flips = sum(outcome.flipped is True for outcome in outcomes) / len(rights)
    return sum(rights) / len(rights) - SIZE_PRICE * criteria / 10.0 - FLIP_PRICE * flips


def slices(pairs: Sequence[Group], count: int, seed: int) -> list[list[Group]]:
    """The pairs in `count` parts, one a generation; pairs of a prompt stay together."""
    parts: list[list[Group]] = [[] for _ in range(count)]
    prompts: dict[str, list[Group]] = {}
    for pair in pairs:
        prompts.setdefault(str(pair.prompt), []).append(pair)
    order = sorted(
        prompts, key=lambda text: hashlib.sha256(f"{seed}|{text}".encode()).hexdigest()
    )
    for at, prompt in enumerate(order):
        parts[at % count] += prompts[prompt]
    return parts


def foreseen(
    content: Mapping[str, Any], outcomes: Sequence[PairOutcome]
) -> list[PairOutcome]:
    """The outcomes if the criteria's own leads were summed with this content's weights."""
    weights = {c["id"]: weight_of(c) for c in criteria_of(content)}
    made = []
    for outcome in outcomes:
        known = {name: lead for name, lead in outcome.leads.items() if weights.get(name)}
        total = sum(weights[name] for name in known)
        lead = None
        if total:
            lead = sum(weights[name] * value for name, value in known.items()) / total
        made.append(
            PairOutcome(outcome.pair_id, outcome.cluster, lead, outcome.flipped, outcome.leads)
        )
    return made


async def refine(
    author: Author | None,
    judge: Judge,
    content: Mapping[str, Any],
    pairs: Sequence[Group],
    *,
    beam: int = 4,
    edits: int = 6,
    generations: int = 5,
    share: float = 0.3,
    seed: int = 0,
    alpha: float = ALPHA,
    log: Path | None = None,
) -> Refined:
    """Search for edits that make a rubric agree more with labelled pairs.

    Args:
        author: Who writes new criteria from misjudged pairs; None: only deletions and weights.
        judge: Who judges pairs, in both orders.
        content: The rubric's own content.
        pairs: Labelled pairs, the better response first.
        beam: Candidates kept from one generation to the next.
        edits: Candidates tried for each parent.
        generations: Most rounds; each is judged on pairs that no earlier one saw.
        share: Of the prompts that is frozen for the test.
        seed: Of all draws.
        alpha: Level of the final one-sided test.
        log: Where every candidate and its fitness are written.

    Raises:
        ConfigError: There are too few pairs for so many generations.
        RubricError: The content is not a rubric.
    """
    parse_rubric(content)
    search, frozen = split_pairs(pairs, share, seed)
    parts = slices(search, generations, seed)
    if any(not part for part in parts):
        raise ConfigError(
            f"generations: {generations} rounds need as many prompts to learn from",
            hint="give more pairs or fewer --generations",
        )
    best = [Candidate(dict(content), (), 0.0)]
    lines: list[dict[str, Any]] = []
    rounds = stalled = 0
    for number, part in enumerate(parts):
        parents = await _judged(judge, best, part)
        children = [
            child
            for parent, outcomes in parents
            for child in await _children(author, parent, outcomes, part, edits)
        ]
        told = parents + await _judged(judge, _distinct(children, best), part)
        ranked = sorted(told, key=lambda one: (-one[0].fitness, len(one[0].edits)))
        lines += [_line(number, candidate) for candidate, _ in ranked]
        rounds = number + 1
        gained = _gain(ranked[0][1], parents[0][1], seed)
        best = [candidate for candidate, _ in ranked[:beam]]
        stalled = 0 if gained >= 1.0 else stalled + 1
        if stalled == PATIENCE:
            break
    winner = best[0]
    before, after = await asyncio.gather(judge(content, frozen), judge(winner.content, frozen))
    test = paired_test(
        [rightness(outcome.lead) for outcome in after],
        [rightness(outcome.lead) for outcome in before],
        clusters=[outcome.cluster for outcome in before],
        seed=seed,
    )
    accepted = bool(winner.edits) and test.n > 0 and test.p_value <= alpha
    why = "no edit helped" if not winner.edits else f"p = {test.p_value:.3f} on {test.n} pairs"
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        every = [*lines, {"accepted": accepted, "why": why}]
        log.write_text("".join(json.dumps(line) + "\n" for line in every), encoding="utf-8")
    return Refined(
        winner.content,
        winner.edits,
        accepted,
        why,
        test,
        accuracy(before),
        accuracy(after),
        rounds,
        len(lines),
    )


async def _judged(
    judge: Judge, candidates: Sequence[Candidate], part: Sequence[Group]
) -> list[tuple[Candidate, list[PairOutcome]]]:
    told = await asyncio.gather(*(judge(one.content, part) for one in candidates))
    pairs = zip(candidates, told, strict=True)
    return [(_rated(one, outcomes), outcomes) for one, outcomes in pairs]


def _rated(one: Candidate, outcomes: Sequence[PairOutcome]) -> Candidate:
    return replace(one, fitness=fitness(outcomes, len(criteria_of(one.content))))


async def _children(
    author: Author | None,
    parent: Candidate,
    outcomes: Sequence[PairOutcome],
    part: Sequence[Group],
    count: int,
) -> list[Candidate]:
    """The parent's most promising edits: free ones by what they would do, then additions."""
    free = _free(parent, outcomes)
    together = _together(parent, outcomes)
    if together is not None:
        free = [together, *free]
    additions = [] if author is None else await _additions(author, parent, outcomes, part)
    room = max(count - len(additions), count // 2)
    return free[:room] + additions[: count - min(room, len(free))]


def _free(parent: Candidate, outcomes: Sequence[PairOutcome]) -> list[Candidate]:
    """All deletions and reweighings, the most promising first."""
    made = []
    for criterion in criteria_of(parent.content):
        name = criterion["id"]
        made.append(_made(parent, Edit("delete", (name,))))
        made += [_made(parent, Edit("reweigh", (name,), factor=by)) for by in FACTORS]
    rated = [_rated(one, foreseen(one.content, outcomes)) for one in made if one is not None]
    return sorted(rated, key=lambda one: -one.fitness)


def _together(parent: Candidate, outcomes: Sequence[PairOutcome]) -> Candidate | None:
    """The free edits one after the other while they promise a gain, as one child."""
    best = _rated(parent, foreseen(parent.content, outcomes))
    taken = 0
    while taken < MOST_TOGETHER:
        options = _free(best, outcomes)
        if not options or options[0].fitness <= best.fitness + GAIN:
            break
        best, taken = options[0], taken + 1
    return best if taken > 1 else None


async def _additions(
    author: Author, parent: Candidate, outcomes: Sequence[PairOutcome], part: Sequence[Group]
) -> list[Candidate]:
    """Criteria written from pairs that the parent gets wrong."""
    wrong = [
        pair
        for pair, outcome in zip(part, outcomes, strict=True)
        if rightness(outcome.lead) not in (1.0, None)
    ][:LESSONS]
    made: list[Candidate] = []
    for answer in await author.write(contrast_tasks(wrong, most=2)):
        if not isinstance(answer, Written):
            continue
        pair = next(pair for pair in wrong if pair.id == answer.task)
        better, worse = (response.text for response in pair.responses)
        drafts, _ = read_drafts(answer.data, answer.task)
        kept, _ = screened(
            drafts, quoted=better, allowed=[pair.prompt, worse], given=[pair.prompt]
        )
        for proposal in kept:
            edit = Edit("add", proposals=(proposal,), evidence=(pair.id,))
            child = _made(parent, edit)
            if child is not None:
                made.append(child)
    return made


def _made(parent: Candidate, edit: Edit) -> Candidate | None:
    try:
        content = applied(parent.content, edit)
        parse_rubric(content)
    except (ConfigError, RubricError):
        return None
    return Candidate(content, (*parent.edits, edit), 0.0)


def _distinct(children: Sequence[Candidate], known: Sequence[Candidate]) -> list[Candidate]:
    """Each content once."""
    seen = {json.dumps(one.content, sort_keys=True) for one in known}
    kept = []
    for child in children:
        key = json.dumps(child.content, sort_keys=True)
        if key not in seen:
            seen.add(key)
            kept.append(child)
    return kept


def _gain(ours: Sequence[PairOutcome], theirs: Sequence[PairOutcome], seed: int) -> float:
    """The gain in accuracy on the same pairs, in standard errors."""
    gaps = np.array(
        [
            (rightness(a.lead) or 0.0) - (rightness(b.lead) or 0.0)
            for a, b in zip(ours, theirs, strict=True)
            if a.lead is not None and b.lead is not None
        ]
    )
    if len(gaps) < 2 or not gaps.any():
        return 0.0
    mean, error = float(gaps.mean()), float(gaps.std(ddof=1)) / len(gaps) ** 0.5
    return mean / error if error else math.copysign(math.inf, mean)


def _line(generation: int, candidate: Candidate) -> dict[str, Any]:
    return {
        "generation": generation,
        "fitness": round(candidate.fitness, 6),
        "edits": [edit.sentence() for edit in candidate.edits],
        "criteria": len(criteria_of(candidate.content)),
    }
