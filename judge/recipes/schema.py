"""The recipe file as pydantic models: how to judge, while the rubric says what good is.

Only what this version can do is accepted; a name it does not know is an error with its place.
`judge.config` maps every name of `Combine`, `Schedule` and `RewardName` to a function, and a test
asserts that both sets are equal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from judge.files import fault
from judge.recipes.likelihood import LikelihoodSection
from judge.recipes.panels import BENCH_MODES, CascadeSection, Member, PanelSection, misuse
from judge.recipes.roles import GENERATOR, JUDGE, REFERENCE, SEEDER
from judge.recipes.transforms import Constrained, Transform
from judge.recipes.wordless import unused

Mode = Literal[
    "pointwise", "pairwise", "listwise", "steps", "spans", "errors", "scalar", "likelihood"
]
WORDLESS: tuple[Mode, ...] = ("scalar", "likelihood")
"""Modes in which a model says a number for each response: no template, no rubric, no checks."""
DENSE: tuple[Mode, ...] = ("steps", "spans", "errors")
"""Modes that judge parts of a response; criteria on the whole of it are judged as in pointwise."""
PartRule = Literal["mean", "min", "product", "last", "first_error"]
PairVerdict = Literal["two_way", "three_way", "five_way", "six_way", "scores", "levels"]
Reasoning = Literal["none", "brief", "critique"]
Source = Literal[
    "given", "row", "prompt", "reference", "pair", "principle", "context", "user", "routed"
]
Readout = Literal["label", "label_probability", "expectation"]
OwnRule = Literal[
    "weighted_mean",
    "layers",
    "tiers",
    "gated_product",
    "fraction",
    "penalty",
    "product",
    "min",
    "last",
    "log_and",
    "connected_fraction",
]
PairRule = Literal["weighted_mean", "overall", "layers", "tiers", "hierarchy"]
GroupRule = Literal[
    "hierarchy",
    "plurality",
    "borda",
    "dowdall",
    "copeland",
    "minimax",
    "condorcet",
    "pareto",
    "maxmin",
    "competitive_swiss",
]
Combine = OwnRule | PairRule | GroupRule
Schedule = Literal[
    "none",
    "round_robin",
    "anchor",
    "reference",
    "pool",
    "swiss",
    "single_elimination",
    "double_elimination",
    "knockout",
    "balanced",
    "active",
    "copeland",
]
RewardName = Literal[
    "score",
    "win_rate",
    "net_wins",
    "rank_quantile",
    "posterior_mean",
    "difference_matrix",
    "beats_reference",
    "reference_lean",
    "brpo",
    "mean_score",
    "best_of_n",
    "maximal_lottery",
]
AGAINST_ONE = ("beats_reference", "reference_lean", "brpo")
"""Rewards that compare every response with one fixed opponent."""
UNBOUNDED = ("posterior_mean", "difference_matrix", "mean_score")
"""Rewards without a range of their own: `output.range` cannot be set for them."""

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "weights": ("layers",),
    "gate_layer": ("gated_product",),
    "smoothing": ("gated_product",),
    "margin": ("hierarchy",),
    "reference": ("log_and",),
    "eliminate": ("competitive_swiss",),
    "root": ("connected_fraction",),
    "chain_share": ("connected_fraction",),
}
"""Settings of `criteria` and the rules they belong to."""

MODE_SETTINGS: Mapping[str, tuple[Mode, ...]] = {
    "reference": ("scalar",),
    "list_size": ("listwise",),
    "lists": ("listwise",),
    "step_ends": DENSE,
    "spans": DENSE,
    "max_parts": DENSE,
    "max_listed": DENSE,
}
"""Settings of `judge` and the modes they belong to."""

Unit = Annotated[float, Field(ge=0.0, le=1.0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class JudgeSection(_Part):
    """One call: what is asked, how it is answered, how the answer becomes probabilities."""

    mode: Mode
    """pointwise: one response against the levels of every criterion; pairwise: two responses;
    listwise: several at once, each against those levels, under masked names in a drawn order;
    steps, spans: the steps, sentences or passages of a response, by each criterion's `scope`, the
    rest as in pointwise; errors: also a list of errors for each criterion with an errors scale.
    Without a rubric: scalar, the number that a reward model gives each response; likelihood, by
    the method in the section `likelihood`."""
    reference: bool = False
    """scalar: the model is shown the row's reference answer, which every row must have (POLAR)."""
    verdict: PairVerdict = "three_way"
    """Pairs only: A or B; with a tie; five or six steps of how much better; a 1-9 score each; or
    the level of the criterion's own scale each reaches."""
    template: str | None = None
    """A name in prompts/; the mode's own template when absent."""
    calls: Literal["one", "each"] | Annotated[int, Field(ge=1)] = "one"
    """All criteria in one call, one call each, or this many at a time."""
    reasoning: Reasoning = "critique"
    """none; brief: a sentence before each verdict; critique: one text before all of them."""
    think_tokens: Annotated[int, Field(ge=0)] = 0
    """Budget of free thinking before each answer, in tokens; the grammar starts after it. 0: none,
    and a model that thinks by itself is kept from it (on a server: by the server's settings)."""
    if_cut: Literal["verdict", "fail"] = "verdict"
    """Thinking that its budget ends: the verdict is asked for all the same, or it is a failure."""
    readout: Readout = "expectation"
    """label: the argmax alone; label_probability (pairs) and expectation (levels, scores): all."""
    list_size: Annotated[int, Field(ge=2, le=20)] = 8
    """listwise: the most responses shown at once; a larger group is shown in lists that overlap."""
    lists: Annotated[int, Field(ge=1, le=16)] = 1
    """listwise: how often each response is shown, each time in another order; at least 2 where
    lists overlap."""
    step_ends: Literal["blank_line", "line"] = "blank_line"
    """Where the steps of a text end; of a list of turns each of the assistant's is a step, with
    what tools answer."""
    spans: Literal["clauses", "listed"] = "clauses"
    """What criteria of scope span are asked about: clauses, cut and numbered by the program, or
    passages that the judge picks and quotes."""
    max_parts: Annotated[int, Field(ge=1, le=100)] = 20
    """The most steps, sentences or clauses judged in one call; longer responses take several."""
    max_listed: Annotated[int, Field(ge=1, le=40)] = 8
    """The most errors or passages that one answer lists."""
    samples: Annotated[int, Field(ge=1, le=64)] = 1
    """Independent draws of a call, combined by their probabilities; needs `temperature` above 0."""
    temperature: Annotated[float, Field(ge=0.0, le=5.0)] = 0.0
    max_tokens: Annotated[int, Field(ge=1)] = 512
    """Room for the whole answer, reasoning included, but not the thinking."""
    max_reason_chars: Annotated[int, Field(ge=1)] = 400
    """The grammar ends a reason or critique at this length, so that the verdict always fits."""
    overflow: Literal["fail", "cut_middle"] = "fail"
    """A prompt too long for the engine: a failure, or the responses' middles cut with a mark."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    """How often a call is tried when its failure is one that trying again can cure."""

    @model_validator(mode="after")
    def _consistent(self) -> JudgeSection:
        if self.samples > 1 and self.temperature == 0.0:
            raise ValueError("samples above 1 are all equal at temperature 0: set a temperature")
        for name, modes in MODE_SETTINGS.items():
            changed = getattr(self, name) != type(self).model_fields[name].default
            if changed and self.mode not in modes:
                raise ValueError(f"{name} is a setting of mode: {' or '.join(modes)}")
        if self.samples > 1 and (self.mode == "errors" or self.spans == "listed"):
            raise ValueError("samples: lists of errors or passages have no mean; use 1")
        if self.if_cut != "verdict" and not self.think_tokens:
            raise ValueError("if_cut is a setting of thinking: set think_tokens")
        return self


class RubricSection(_Part):
    """Where the rubric of a group comes from."""

    source: Source = "given"
    """given: the one passed to `build`, unless a row carries its own; row: every row must. The
    engine in the role `generator` writes the others, and what is given is kept beside them: prompt
    (from the prompt, once a group), reference (from the prompt and the reference answer), pair
    (from the differences of two responses, once a pair, for both display orders), principle (a
    row's `meta.principle`), context (the given rubric under one of the row's `meta.contexts`),
    user (criteria from `meta.profile` of `meta.user`), routed (one of `among`)."""
    among: tuple[str, ...] = ()
    """routed: rubrics by name or file; the given one is for all that none of them is chosen for."""
    floor: Unit = 0.5
    """routed: the least share of the generator's draws that is trusted where keys do not decide."""
    unsure: Literal["given", "mix"] = "given"
    """routed: below the floor the given rubric, or the two with the largest shares, mixed by them;
    `GroupResult.record["routed"]` says what was chosen and how surely."""
    draws: Annotated[int, Field(ge=1, le=64)] = 3
    """routed, context: how often the generator is asked to choose."""
    meta: str | None = None
    """A meta-rubric, by name or file: which criteria may be written, their tiers, their veto."""
    least: Annotated[int, Field(ge=1, le=20)] = 3
    most: Annotated[int, Field(ge=1, le=20)] = 8
    """Criteria an answer of the generator has."""
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.0
    """Of the generator."""
    max_tokens: Annotated[int, Field(ge=1)] = 1536
    """Room for an answer of the generator."""
    trust: Literal["as_given", "verify"] = "as_given"
    """verify: of each pair the judge is asked, in both orders, whether the rubric helps there; one
    it does not trust is dropped for that pair, and the bare question is asked instead (C2)."""

    @property
    def is_written(self) -> bool:
        """Whether an engine writes the rubric, or a part of it."""
        return self.source not in ("given", "row")

    @model_validator(mode="after")
    def _ordered(self) -> RubricSection:
        if self.least > self.most:
            raise ValueError("least is above most")
        if bool(self.among) is not (self.source == "routed"):
            raise ValueError("source routed needs `among`, the rubrics to choose from; others not")
        if self.unsure != "given" and self.source != "routed":
            raise ValueError("unsure is a setting of source: routed")
        return self


class CriteriaSection(_Part):
    """How the verdicts on the criteria become one value or one preference."""

    combine: Combine = "weighted_mean"
    """Of one response: weighted_mean, layers, tiers (with veto), gated_product, fraction, penalty,
    product, min, last, log_and, connected_fraction (a chain of statements with `slots`, as far as
    it hangs together, times the right answer; CaRR). Of a pair: weighted_mean, layers, tiers,
    hierarchy, or overall (the model is asked once, with all criteria in mind). Of a group of
    responses judged alone, each against the others: hierarchy, the votes plurality, borda, dowdall,
    copeland, minimax and condorcet, pareto, maxmin (each criterion a group of users),
    competitive_swiss (criteria are rounds)."""
    weights: dict[str, Annotated[float, Field(ge=0.0)]] = Field(default_factory=dict)
    """layers: what each layer counts."""
    gate_layer: str = "bottom_line"
    """gated_product: the layer whose criteria gate the others."""
    smoothing: Annotated[float, Field(gt=0.0)] = 0.01
    """gated_product: added to each gating value, so that one zero is not the end."""
    margin: Annotated[float, Field(ge=0.0)] = 0.0
    """hierarchy: how clear a difference must be to decide; of a pair the lean in [0, 1], of a
    group the share of the criterion's standard deviation."""
    reference: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    """log_and: the value that counts as good enough; values above it hardly add."""
    eliminate: Annotated[int, Field(ge=0)] = 0
    """competitive_swiss: how many go out a round."""
    root: str = "E0"
    """connected_fraction: the slot of the answer, from which the chain is walked."""
    chain_share: Unit = 0.3
    """connected_fraction: what the chain adds to a right answer; without it that is worth 1 minus
    this."""
    parts: PartRule = "mean"
    """How a criterion's values on the steps, sentences or passages of a response become its value;
    first_error: the share of the parts before the first one below a half."""
    last_step: Literal["judged", "outcome"] = "judged"
    """outcome: the last step is worth what the rubric's criterion of scope answer is (SPARE)."""
    tiers: dict[str, Annotated[float, Field(ge=0.0)]] = Field(
        default_factory=lambda: {"critical": 8.0, "core": 5.0, "important": 2.0, "highlight": 1.0}
    )
    """The weight of a criterion that names a tier instead of a weight."""

    @model_validator(mode="after")
    def _used(self) -> CriteriaSection:
        for name, rules in SETTINGS.items():
            field = type(self).model_fields[name]
            default = field.get_default(call_default_factory=True)
            if self.combine not in rules and getattr(self, name) != default:
                raise ValueError(f"{name} is a setting of combine: {' or '.join(rules)}")
        if self.combine == "layers" and not any(self.weights.values()):
            raise ValueError("combine: layers needs `weights`, one a layer")
        return self


class TiesSection(_Part):
    """When a pair counts as a tie although the verdict leans to one side."""

    band: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """A pair with |P(i better) - P(j better)| at or below this is a tie."""
    if_longer_chars: Annotated[int, Field(ge=0)] | None = None
    """A slight win (a lean of at most 1/2) of a response that is longer by more than this many
    characters is a tie (WildBench)."""


class GroupSection(_Part):
    """Which comparisons are asked inside a group and what they are turned into."""

    schedule: Schedule = "none"
    """Which pairs are asked; reference: each response against the row's reference answer, or its
    anchor; anchor: against the row's anchor, or one drawn."""
    orders: Literal["one", "both"] = "both"
    """both: each pair is asked in both display orders; one: in one, balanced over the group."""
    reward: RewardName = "score"
    """score (responses judged alone); of comparisons: win_rate, net_wins, rank_quantile,
    posterior_mean (of the joint strengths), difference_matrix (Think-RM), mean_score,
    maximal_lottery (what it wins against the Nash mixture), best_of_n (1 for the best, 0 for the
    rest); against one opponent: beats_reference, reference_lean (how much better, -1 to 1), brpo
    (1 or -1)."""
    seeds: Literal["anchor", "given", "scalar"] | None = None
    """given: a number a response in its `meta.seed`; scalar: that of the scalar reward model in the
    role `seeder`, whose calls are not in `budget`; anchor: a round against the anchor (single
    elimination); None: what the schedule does by itself."""
    max_skew: Unit | None = None
    """brpo: a group whose |sum of rewards| / N is above this gets no rewards."""
    budget: Annotated[int, Field(ge=1)] | None = None
    """Judge calls a group may spend at most; None: what the schedule needs."""
    single: Literal["pointwise"] | None = None
    """What a group of one gets in a relative recipe: nothing (skipped), or its pointwise score."""
    agree: Literal["pointwise"] | None = None
    """A pair counts only where the responses, each judged alone too, are ordered alike (SCIR)."""
    ties: TiesSection = TiesSection()


class GuardSection(_Part):
    """Limits below which a value becomes None, with a reason, and limits on a whole run.

    Those on a run, `max_...`, change no reward: a run in which one is breached ends with exit code
    100 (see `judge.guards`).
    """

    degenerate: bool = True
    """Whether a response without content (empty, punctuation) is worth 0 before any judge."""
    min_coverage: Unit = 0.5
    """Share of the weight (or of the comparisons) that must really have been judged."""
    min_label_mass: Unit = 0.0
    """Probability the model must give to the allowed codes before the grammar masks the rest."""
    max_truncated: Unit | None = None
    """Of a run: the largest share of answers cut by their token budget, or their thinking by its
    own, whether a verdict was then forced or not."""
    max_low_mass: Unit | None = None
    """Of a run: the largest share of answers refused for `min_label_mass`."""
    max_flip_rate: Unit | None = None
    """Of a run: the largest share of pairs whose two display orders disagree."""
    max_length_correlation: Unit | None = None
    """Of a run: the largest mean, over groups, of the correlation of rewards and lengths."""
    max_false_positive: Unit | None = None
    """Of `judge probe`: the largest share of prompts on which any one attack is paid."""


class OutputSection(_Part):
    """The range rewards are mapped to, linearly from their own."""

    range: tuple[float, float] | None = None
    """[low, high]; None: the reward's own, which is [0, 1] for most."""
    segments: tuple[float, float] = (-1.0, 1.0)
    """What the worst and the best verdict on a part of a response are worth to its tokens."""

    @model_validator(mode="after")
    def _ordered(self) -> OutputSection:
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError("range must be [low, high] with low < high")
        if not self.segments[0] < self.segments[1]:
            raise ValueError("segments must be [low, high] with low < high")
        return self


class Recipe(_Part):
    """A whole recipe."""

    schema_: Literal["recipe/v1"] = Field(alias="schema")
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_/-]*$")]
    about: str = ""
    """One sentence, with the paper it comes from."""
    extends: str | None = None
    judge: JudgeSection
    rubric: RubricSection = RubricSection()
    criteria: CriteriaSection = CriteriaSection()
    group: GroupSection = GroupSection()
    likelihood: LikelihoodSection | None = None
    """The method of `mode: likelihood` and its settings."""
    panel: PanelSection | None = None
    """Several judges, each asked everything."""
    cascade: CascadeSection | None = None
    """A cheap judge, and a strong one for what the cheap one is unsure of."""
    transforms: tuple[Transform, ...] = ()
    """Applied to the rewards of a group, in this order, after `output.range`."""
    guards: GuardSection = GuardSection()
    output: OutputSection = OutputSection()

    @model_validator(mode="after")
    def _modes_agree(self) -> Recipe:
        pairs = self.judge.mode == "pairwise"
        if pairs is (self.group.schedule == "none"):
            need = "a schedule other than none" if pairs else "`schedule: none`"
            raise ValueError(f"mode {self.judge.mode} needs {need} in group")
        if pairs is (self.group.reward == "score"):
            need = "a reward other than score" if pairs else "`reward: score`"
            raise ValueError(f"mode {self.judge.mode} needs {need} in group")
        return self

    @model_validator(mode="after")
    def _reward_is_served(self) -> Recipe:
        fixed = self.group.schedule in ("anchor", "reference")
        if self.group.reward in AGAINST_ONE and not fixed:
            raise ValueError(f"reward {self.group.reward} needs `schedule: reference` or anchor")
        if self.group.reward in ("win_rate", "net_wins", "maximal_lottery") and fixed:
            raise ValueError(
                f"schedule {self.group.schedule} needs a reward against one opponent"
                f" ({', '.join(AGAINST_ONE)}), or rank_quantile, posterior_mean or mean_score"
            )
        if self.group.reward == "mean_score" and self.judge.verdict not in ("scores", "levels"):
            raise ValueError("reward mean_score needs `verdict: scores` or levels in judge")
        if self.group.seeds == "scalar" and self.judge.mode != "pairwise":
            raise ValueError("seeds: scalar needs `mode: pairwise`")
        if self.group.agree is not None and self.judge.mode != "pairwise":
            raise ValueError("group.agree needs `mode: pairwise`")
        if self.group.agree is not None and self.criteria.combine not in get_args(OwnRule):
            raise ValueError(f"group.agree: {self.criteria.combine} judges no lone response")
        dense = self.judge.mode in DENSE
        if not dense and (self.criteria.parts, self.criteria.last_step) != ("mean", "judged"):
            raise ValueError(f"parts and last_step are settings of mode: {' or '.join(DENSE)}")
        if self.group.max_skew is not None and self.group.reward != "brpo":
            raise ValueError("max_skew is a setting of `reward: brpo`")
        unbounded = self.group.reward in UNBOUNDED or self.judge.mode in WORDLESS
        boundless = unbounded or self.criteria.combine == "log_and"
        if self.output.range is not None and boundless:
            raise ValueError("output.range: this reward has no bounds that could be mapped to it")
        return self

    @model_validator(mode="after")
    def _is_wordless(self) -> Recipe:
        mode = self.judge.mode
        if (self.likelihood is not None) is not (mode == "likelihood"):
            raise ValueError("mode likelihood needs a section `likelihood`; other modes have none")
        if mode in WORDLESS:
            found = unused(self.model_dump(exclude_defaults=True))
            if found:
                at = found[0]
                raise fault(f"{'.'.join(at)} is not used in mode {mode}", *at, at_key=True)
        return self

    @model_validator(mode="after")
    def _rubric_is_served(self) -> Recipe:
        by_pair = self.rubric.source == "pair" or self.rubric.trust == "verify"
        if by_pair and self.judge.mode != "pairwise":
            raise ValueError("rubric: source pair and trust verify need `mode: pairwise`")
        return self

    @model_validator(mode="after")
    def _bench_is_served(self) -> Recipe:
        if self.panel is None and self.cascade is None:
            return self
        if self.panel is not None and self.cascade is not None:
            raise ValueError("panel and cascade: a recipe has one of them")
        judge, group = self.judge, self.group
        modes = BENCH_MODES if self.panel is None else (*BENCH_MODES, "scalar")
        if judge.mode not in modes:
            name = "cascade" if self.panel is None else "panel"
            raise ValueError(f"{name} needs mode {' or '.join(modes)}")
        if self.cascade is not None and judge.readout == "label":
            raise ValueError("cascade: `readout: label` has no margins")
        if self.panel is not None:
            both = group.single is not None or group.agree is not None
            wrong = misuse(self.panel, judge.mode, judge.verdict, both)
            if wrong is not None:
                raise ValueError(wrong)
        return self

    @model_validator(mode="after")
    def _rule_is_served(self) -> Recipe:
        pairs = self.judge.mode == "pairwise"
        known = get_args(PairRule) if pairs else (*get_args(OwnRule), *get_args(GroupRule))
        if self.criteria.combine not in known:
            raise ValueError(
                f"combine {self.criteria.combine} does not work in mode {self.judge.mode};"
                f" use one of {', '.join(known)}"
            )
        if self.criteria.combine == "overall" and self.judge.calls != "one":
            raise ValueError("combine: overall is a single call; use `calls: one`")
        if self.criteria.combine == "overall" and self.judge.verdict == "levels":
            raise ValueError("combine: overall has no levels; use another verdict")
        return self

    @cached_property
    def constrained(self) -> Constrained | None:
        """The transform that keeps a state, where there is one."""
        return next((step.constrained for step in self.transforms if step.constrained), None)

    @cached_property
    def is_group_rule(self) -> bool:
        """Whether responses judged alone are then set against each other by their criteria."""
        alone = self.judge.mode != "pairwise"
        return alone and self.criteria.combine in get_args(GroupRule)

    @property
    def roles(self) -> dict[str, bool]:
        """The roles of engines that it uses, and whether an engine must be given for each."""
        roles = {JUDGE: True}
        if self.rubric.is_written:
            roles[GENERATOR] = False
        if self.likelihood is not None and REFERENCE in self.likelihood.sides:
            roles[REFERENCE] = True
        if self.group.seeds == "scalar":
            roles[SEEDER] = True
        return roles | {member.role: True for member in self.members}

    @property
    def members(self) -> tuple[Member, ...]:
        """The judges, in order: those of the panel or the cascade, else the one."""
        if self.panel is not None:
            return self.panel.members
        if self.cascade is not None:
            return (Member(role=self.cascade.first), Member(role=self.cascade.then))
        return (Member(),)

    @property
    def calls_a_question(self) -> int:
        """The most calls that one question takes, retries apart: samples x judges."""
        return self.judge.samples * len(self.members)

    @property
    def digest(self) -> str:
        """Sha256 over all that can change a reward (not id, about, limits of a run), in hex."""
        limits = {name for name in GuardSection.model_fields if name.startswith("max_")}
        content: dict[str, Any] = self.model_dump(
            mode="json",
            exclude={"schema_": True, "id": True, "about": True, "extends": True, "guards": limits},
            exclude_defaults=True,  # a setting that a later version adds changes no old digest
        )
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
