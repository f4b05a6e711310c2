"""Who writes rubrics, by the name in a recipe's `rubric: source:`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from judge.errors import RubricError
from judge.judges.base import Tally
from judge.recipes import Recipe, RubricSection
from judge.rubrics import Rubric, load_rubric
from judge.scoring import RubricSource, RubricWriter, Writers
from judge.synthesis import adaptive, contexts, generate, routes, users, verify
from judge.synthesis.author import Author
from judge.synthesis.meta import Meta, load_meta
from judge.synthesis.principles import PrincipleRubrics
from judge.synthesis.trust import Trusted
from judge.types import Group


@dataclass(frozen=True, slots=True)
class Desk:
    """What rubrics are written with.

    Args:
        section: The recipe's section `rubric`.
        meta: Its meta-rubric.
        author: Writes: the engine in the role `generator`.
        private: The same, but it keeps nothing.
        folder: Where users' rubrics are kept; None: in memory.
    """

    section: RubricSection
    meta: Meta
    author: Author
    private: users.ForgetfulAuthor
    folder: Path | None = None


def sourced(make: Callable[[Rubric | None], RubricSource]) -> RubricWriter:
    """A rubric source, made once for each rubric that is given.

    What the source spends is in the author's purse, and not in the group's usage.
    """
    made: dict[str, RubricSource] = {}

    async def write(group: Group, base: Rubric | None, tally: Tally) -> Rubric:
        key = "" if base is None else base.digest
        if key not in made:
            made[key] = make(base)
        rubric = await made[key](group)
        if base is None or rubric.digest != base.digest:
            tally.written[rubric.digest] = rubric
        return rubric

    return write


def by_prompt(desk: Desk) -> RubricWriter:
    """See `PromptRubrics`."""
    return adaptive.PromptRubrics(desk.author, desk.section, desk.meta)


def by_reference(desk: Desk) -> RubricWriter:
    """See `PromptRubrics`."""
    return adaptive.PromptRubrics(desk.author, desk.section, desk.meta, with_reference=True)


def by_principle(desk: Desk) -> RubricWriter:
    """See `PrincipleRubrics`; a rubric that is given is not used."""
    source = PrincipleRubrics()
    return sourced(lambda base: source)


def by_context(desk: Desk) -> RubricWriter:
    """See `ContextRubrics`."""
    return sourced(
        lambda base: contexts.ContextRubrics(
            desk.author, _given(base, "context"), draws=desk.section.draws
        )
    )


def by_route(desk: Desk) -> RubricWriter:
    """See `RoutedRubrics`."""
    section = desk.section
    among = [load_rubric(name) for name in section.among]
    made: dict[str, routes.RoutedRubrics] = {}

    def source(base: Rubric | None) -> RubricSource:
        given = _given(base, "routed")
        made[given.digest] = routes.RoutedRubrics(
            among,
            given,
            desk.author,
            draws=section.draws,
            floor=section.floor,
            mix=section.unsure == "mix",
        )
        return made[given.digest]

    choose = sourced(source)

    async def write(group: Group, base: Rubric | None, tally: Tally) -> Rubric:
        rubric = await choose(group, base, tally)
        assert isinstance(rubric, Rubric)
        chosen = made["" if base is None else base.digest].decisions[group.id]
        tally.routed = json.dumps(
            {"rubric": rubric.id, "by": chosen.by, "confidence": chosen.confidence}
        )
        return rubric

    return write


def by_user(desk: Desk) -> RubricWriter:
    """See `UserRubrics`."""
    section = desk.section
    return sourced(
        lambda base: users.UserRubrics(
            desk.private, base, directory=desk.folder, least=section.least, most=section.most
        )
    )


def by_pair(desk: Desk) -> RubricWriter:
    """See `PairRubrics`."""
    return adaptive.PairRubrics(desk.author, desk.section, desk.meta)


def _given(base: Rubric | None, source: str) -> Rubric:
    if base is None:
        raise RubricError(f"source {source} needs a rubric", hint="pass one to build()")
    return base


GROUP_WRITERS: Mapping[str, Callable[[Desk], RubricWriter]] = {
    "prompt": by_prompt,
    "reference": by_reference,
    "principle": by_principle,
    "context": by_context,
    "routed": by_route,
    "user": by_user,
}
"""Those that write once a group."""
PAIR_WRITERS: Mapping[str, Callable[[Desk], RubricWriter]] = {"pair": by_pair}
"""Those that write once a pair."""
TEMPLATES: Mapping[str, str] = {
    "prompt": generate.TEMPLATE,
    "reference": generate.TEMPLATE,
    "context": contexts.TEMPLATE,
    "routed": routes.TEMPLATE,
    "user": users.TEMPLATE,
    "pair": adaptive.TEMPLATE,
}
"""The templates they use."""


def writers_of(recipe: Recipe, desk: Desk, checker: Author) -> Writers:
    """Who writes for a recipe.

    Args:
        recipe: How to judge.
        desk: What is written with.
        checker: Says whether a rubric helps: the judge.

    Raises:
        RubricError: One of the rubrics to choose from is wrong or not found.
    """
    section = recipe.rubric
    group: RubricWriter | None = None
    pair: RubricWriter | None = None
    if section.source in GROUP_WRITERS:
        group = GROUP_WRITERS[section.source](desk)
    elif section.source in PAIR_WRITERS:
        pair = PAIR_WRITERS[section.source](desk)
    if section.trust == "verify":
        pair = Trusted(checker, pair)
    if group is None and pair is None:
        return Writers()
    template = TEMPLATES.get(section.source)
    facts = [
        desk.author.digest([] if template is None else [template]),
        checker.digest([verify.TEMPLATE]) if section.trust == "verify" else "",
        msgspec.to_builtins(desk.meta),
    ]
    return Writers(group, pair, hashlib.sha256(json.dumps(facts).encode()).hexdigest())


def load_desk(
    section: RubricSection, author: Author, private: users.ForgetfulAuthor, folder: Path | None
) -> Desk:
    """The desk of a recipe.

    Raises:
        RubricError: There is no such meta-rubric.
    """
    return Desk(section, load_meta(section.meta or ""), author, private, folder)
