"""The texts and verdict answers every overhead benchmark uses, ours and the peers'.

Standard library only: the peers run in an environment of their own, which has no `judge`.
"""

from __future__ import annotations

import json
import random

RESPONSE_CHARS = 1300
"""Length of every response, in ASCII characters (1.3 kB)."""

CRITERION = "The response answers the question that was asked, correctly and without padding."
"""Requirement text of the one criterion."""

CRITIQUE = (
    "The response names the cause and the remedy in its first paragraph and supports both with "
    "figures, but its last paragraph repeats what was said before."
)
"""The reason inside every verdict, in front of the verdict itself."""

_QUESTIONS = (
    "How should a small town decide between repairing its old reservoir and building a new one?",
    "Why does my sourdough rise well on the first day and stay flat on the second?",
    "Explain to a new colleague why our nightly import job sometimes writes a row twice.",
    "What should I check before I sign the lease of a workshop on the ground floor?",
    "Which of two statistical tests fits a survey whose answers run from one to five?",
)

_SENTENCES = (
    "The first thing to settle is how much of the loss comes from leaks and how much from use.",
    "A careful measurement over fourteen days costs less than a single wrong repair.",
    "Most people start with the visible part, although the cause usually lies one step earlier.",
    "If the figure stays below 3.5 per cent, nothing needs to change before the summer.",
    "Write the value down before and after; a difference of two units is within the noise.",
    "For example, a run started at 23:50 may finish after midnight and count for both days.",
    "That is why the key has to hold the date of the order, not the date of the import.",
    "You can try this with `retry=0` and compare the two logs line by line.",
    'The manual calls this "a soft limit", which hides that the data are gone afterwards.',
    "Temperature matters more than time: at 19 degrees the dough needs nearly twice as long.",
    "There are three options, and only the second keeps the old pipes in service.",
    "Ask for the written report, because an oral promise does not bind the next owner.",
    "Ordered answers are not numbers, so a test on ranks is the safer choice here.",
    "With fewer than thirty answers per group, report the interval and not only the p-value.",
    "None of this helps if the sensor itself drifts, so calibrate it once a month.",
    "The cheaper plan pays for itself in six years; the larger one needs eleven.",
    "In short, repair first, measure again, and decide about the new building next spring.",
    "Two neighbours did exactly that and now save about 400 cubic metres a year.",
)


def make_texts(n: int, seed: int) -> list[tuple[str, str]]:
    """Make prompts and responses, the same for the same arguments on every machine.

    Args:
        n: Number of pairs.
        seed: Seed; another seed gives other texts throughout.

    Returns:
        `n` pairs (prompt, response). No two prompts and no two responses are equal, within a
        call or between seeds; every response is `RESPONSE_CHARS` characters long.
    """
    rng = random.Random(seed)
    sentences = RESPONSE_CHARS // min(map(len, _SENTENCES)) + 1  # enough, however short they are
    texts = []
    for index in range(n):
        body = " ".join(rng.choices(_SENTENCES, k=sentences))
        half = body.index(". ", RESPONSE_CHARS // 2) + 1
        response = f"Answer {seed}-{index}. {body[:half]}\n\n{body[half + 1 :]}"
        texts.append((f"Case {seed}-{index}. {rng.choice(_QUESTIONS)}", response[:RESPONSE_CHARS]))
    return texts


def make_groups(n: int, size: int, seed: int) -> list[tuple[str, list[str]]]:
    """Cut the texts of `make_texts` into groups of responses to one prompt.

    Args:
        n: Number of groups.
        size: Responses in a group.
        seed: Seed of `make_texts`.

    Returns:
        `n` pairs (prompt, responses): the responses are `make_texts(n * size, seed)` in order,
        and a group's prompt is that of its first text.
    """
    texts = make_texts(n * size, seed)
    return [
        (texts[start][0], [response for _, response in texts[start : start + size]])
        for start in range(0, len(texts), size)
    ]


def verdict_json(reason_key: str, verdict_key: str, verdict: object) -> str:
    """Write a judge's answer: the common critique first, then the verdict, as JSON text."""
    return json.dumps({reason_key: CRITIQUE, verdict_key: verdict})


VERDICT_JSON = {
    "openjudge-pointwise": tuple(verdict_json("reason", "score", score) for score in (1, 0)),
    "openjudge-pairs": tuple(verdict_json("reason", "rank", rank) for rank in ([1, 2], [2, 1])),
    "autorubric": tuple(
        verdict_json("explanation", "criterion_status", status) for status in ("MET", "UNMET")
    ),
    "rubric": tuple(
        verdict_json("explanation", "criterion_status", status) for status in ("MET", "UNMET")
    ),
}
"""The two answers a peer's fake engine gives in turn, in that peer's own schema.

In turn means for swapped pairs that both orders agree on a winner, so that the comparison counts.
"""
