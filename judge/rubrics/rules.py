"""The rules of `judge rubric lint`, each a generator of hits over one rubric."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from judge.rubrics import case_rules
from judge.rubrics.describe import shares
from judge.rubrics.files import RUBRICS, Source
from judge.rubrics.hit import Hit, enabled
from judge.rubrics.wording import overlap, remarks

_TOO_ALIKE = 0.6
_TOO_HEAVY = 0.8
_TEXTS = {"question", "description", "title", "prompt", "response", "better", "worse", "name"}


def _wording(source: Source) -> Iterator[Hit]:
    for path, criterion in enabled(source.rubric):
        for remark in remarks(criterion):
            yield Hit(remark.code, (*path, "question"), remark.message, remark.suggestion)


def _weights(source: Source) -> Iterator[Hit]:
    weights = [c.weight for _, c in enabled(source.rubric) if c.weight > 0.0]
    total = sum(weights)
    looks_like_shares = len(weights) > 1 and all(weight < 1.0 for weight in weights)
    looks_like_percent = min(weights) >= 5 and 80 <= total <= 120
    for whole, looks in ((1.0, looks_like_shares), (100.0, looks_like_percent)):
        if looks and abs(total - whole) > 0.005 * whole and shares(source.rubric):
            yield Hit(
                "R005",
                ("criteria",),
                f"the weights add up to {total:g}, not {whole:g}",
                "mend the sum, or use plain ratios such as 1, 2 and 3",
            )
    for path, criterion in enabled(source.rubric):
        if criterion.weight == 0.0 and criterion.gate is None:
            yield Hit(
                "R006",
                (*path, "weight"),
                "with weight 0 and no gate it never counts",
                "give it a weight or a gate, or set enabled: false",
            )


def _outweighed(source: Source) -> Iterator[Hit]:
    share = {name: part for name, part in shares(source.rubric).items() if part > 0.0}
    for path, criterion in enabled(source.rubric):
        if len(share) > 1 and share.get(criterion.id, 0.0) > _TOO_HEAVY:
            yield Hit(
                "R021",
                (*path, "weight"),
                f"it has {share[criterion.id]:.0%} of all weight, so the others hardly count",
                "weigh it less, split it, or make it a gate",
            )


def _gates(source: Source) -> Iterator[Hit]:
    for path, criterion in enabled(source.rubric):
        gate, levels = criterion.gate, range(len(criterion.levels))
        if gate and not any(gate.fires(criterion, level) for level in levels):
            other = criterion.levels[0 if criterion.is_pitfall else -1].name
            yield Hit(
                "R007",
                (*path, "gate", "below"),
                f"no level is worse than {gate.below!r}",
                f"name the lowest level that is good enough, such as {other}",
            )
        elif gate and gate.at == 1.0:
            yield Hit(
                "R007",
                (*path, "gate", "at"),
                "a cap of 1 takes nothing from any total",
                "lower the cap, or drop the gate",
            )


def _levels(source: Source) -> Iterator[Hit]:
    for path, criterion in enabled(source.rubric):
        bare = [level.name for level in criterion.levels if not level.meaning]
        if len(criterion.levels) > 2 and bare:
            yield Hit(
                "R008",
                (*path, "scale"),
                f"without a meaning: {', '.join(bare)}",
                "say for each level what a response at it looks like",
            )
        seen: dict[str, str] = {}
        for level in criterion.levels:
            meaning = " ".join(level.meaning.casefold().split())
            if meaning and meaning in seen:
                yield Hit(
                    "R017",
                    (*path, "scale"),
                    f"{seen[meaning]!r} and {level.name!r} mean the same",
                    "say what separates them, or merge them",
                )
            seen[meaning] = level.name


def _overlaps(source: Source) -> Iterator[Hit]:
    asked = [(path, c) for path, c in enabled(source.rubric) if c.question]
    for index, (path, criterion) in enumerate(asked):
        for _, other in asked[:index]:
            share = overlap(criterion.question or "", other.question or "")
            if share >= _TOO_ALIKE:
                yield Hit(
                    "R010",
                    (*path, "question"),
                    f"it asks nearly the same as {other.id} ({share:.0%} of the words)",
                    "drop one of the two, or say where they differ",
                )


def _cut_texts(source: Source) -> Iterator[Hit]:
    for path, node in source.node.walk():
        is_text = bool(path) and (path[-1] in _TEXTS or "scale" in path)
        if node.noted and is_text and isinstance(node.content, str) and " " in node.content:
            yield Hit(
                "R014",
                path,
                "a # after an unquoted text starts a comment",
                "if the # belongs to the text, put the text in quotes",
            )


def _file_name(source: Source) -> Iterator[Hit]:
    for place in RUBRICS.directories():
        if source.path.resolve().is_relative_to(place.resolve()):
            name = source.path.resolve().relative_to(place.resolve()).with_suffix("").as_posix()
            if name != source.rubric.id:
                yield Hit("R015", ("id",), f"the file is found as {name!r}", f"write id: {name}")
            return


def _inputs(source: Source) -> Iterator[Hit]:
    for path, criterion in enabled(source.rubric):
        for name in ("reference", "context"):
            words = (criterion.question or "").casefold().split()
            if name in [word.strip("?,.") for word in words] and name not in criterion.needs:
                yield Hit(
                    "R019",
                    (*path, "question"),
                    f"it speaks of the {name}, which may be absent",
                    f"add needs: [{name}]",
                )


def _slots(source: Source) -> Iterator[Hit]:
    for path, criterion in enabled(source.rubric):
        asked = criterion.question or ""
        missing = [slot for slot in criterion.slots if f"<{slot}>" not in asked]
        if missing:
            yield Hit(
                "R023",
                (*path, "slots"),
                f"the question has no <{missing[0]}>",
                "say in the question where the entity stands, as in: Did <E0> direct <E1>?",
            )


RULES: tuple[Callable[[Source], Iterator[Hit]], ...] = (
    _wording,
    case_rules.tests,
    case_rules.expectations,
    case_rules.leaks,
    _weights,
    _outweighed,
    _gates,
    _levels,
    _overlaps,
    _cut_texts,
    _file_name,
    _inputs,
    _slots,
)
