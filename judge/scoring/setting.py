"""What the groups of one run share: engine, recipe, and what is asked about each rubric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from judge.aggregate.combine import check_combined
from judge.aggregate.segments import Decode, Encode
from judge.calibration import Calibration
from judge.judges.base import Asker
from judge.judges.case import Case
from judge.judges.plan import Form, Noun, Question, questions
from judge.judges.samples import Bench
from judge.judges.scalar import ScalarJudge
from judge.prompts import PromptTemplate
from judge.recipes import Recipe
from judge.recipes.schema import Mode
from judge.rubrics import Criterion
from judge.scoring.sources import NOBODY, Writers
from judge.types import CriterionVerdict, Engine, JudgeProfile

Checked = dict[int, dict[str, CriterionVerdict]]
"""The verdicts of a group's checks, and then of its judge, by response and criterion."""
MAX_PLANS = 1024
"""Rubrics (with a set of applicable criteria) whose prompts and grammars are kept."""


MODE_OF: Mapping[Noun, Mode] = {"error": "errors", "step": "steps"}
"""Whose template asks about these parts; the others are asked about with that of spans."""


class Plans:
    """What is asked about each rubric, made once.

    Args:
        engine: A started engine.
        recipe: How to judge.
        templates: Prompt templates by mode.
    """

    def __init__(
        self, engine: Engine, recipe: Recipe, templates: Mapping[str, PromptTemplate]
    ) -> None:
        self._engine = engine
        self._recipe = recipe
        self._templates = templates
        self._made: dict[tuple[object, ...], tuple[Question, ...]] = {}

    def of(
        self,
        case: Case,
        criteria: Sequence[Criterion],
        *,
        pairs: bool,
        listed: int = 0,
        form: Form | None = None,
    ) -> tuple[Question, ...]:
        """The calls that judge these criteria on one response, its parts, a pair, or a list.

        Raises:
            RecipeError, ConfigError, TemplateError: See `judge.judges.plan.questions`.
        """
        shown = (case.shows("reference"), case.shows("context"))
        key = (case.rubric.digest, tuple([c.id for c in criteria]), pairs, listed, form, *shown)
        plan = self._made.get(key)
        if plan is None:
            check_combined(case.rubric.enabled, self._recipe.criteria)
            plan = questions(
                case.rubric,
                criteria,
                self._recipe,
                self._templates[_mode(pairs, listed, form)],
                self._engine,
                pairs=pairs,
                has_reference=shown[0],
                has_context=shown[1],
                listed=listed,
                form=form,
            )
            if len(self._made) >= MAX_PLANS:
                self._made.clear()
            self._made[key] = plan
        return plan


def _mode(pairs: bool, listed: int, form: Form | None) -> Mode:
    if form is not None:
        return MODE_OF.get(form.noun, "spans")
    if listed:
        return "listwise"
    return "pairwise" if pairs else "pointwise"


@dataclass(frozen=True, slots=True)
class Setting:
    """What both flows, absolute and relative, judge with."""

    recipe: Recipe
    asker: Asker
    plans: Plans
    profile: JudgeProfile | None
    seed: int
    writers: Writers = NOBODY
    encode: Encode | None = None
    """Of the judge's tokenizer."""
    decode: Decode | None = None
    """Of the tokenizer of `Response.token_ids`."""
    calibration: Calibration | None = None
    """Of the judge's probabilities."""
    seeder: ScalarJudge | None = None
    """Seeds tournaments, where the recipe wants it."""
    bench: Bench | None = None
    """The panel or cascade that judges in place of `asker`."""
    others: tuple[Plans, ...] = ()
    """Of its judges after the first, in the recipe's order."""

    def asked(
        self,
        case: Case,
        criteria: Sequence[Criterion],
        *,
        pairs: bool,
        listed: int = 0,
        form: Form | None = None,
    ) -> Sequence[Question]:
        """The plan's questions, ready for the group (see `Plans.of`)."""
        first, *rest = (
            case.ready(plans.of(case, criteria, pairs=pairs, listed=listed, form=form))
            for plans in (self.plans, *self.others)
        )
        if not rest:
            return first
        rows = zip(first, *rest, strict=True)
        return [replace(question, others=tuple(others)) for question, *others in rows]
