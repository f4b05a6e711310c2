"""`judge rubric contrast`: learn criteria from preference pairs and test them on others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from judge.background import wait_at_home
from judge.cli.rubric_cost import tell_cost
from judge.cli.rubric_pairs import (
    PAIRWISE,
    Data,
    LabelsFrom,
    Limit,
    Maps,
    NewFile,
    NewId,
    PairRecipe,
    Store,
    content_of,
    new_file,
    pair_model,
    read_pairs,
)
from judge.cli.rubric_write import Budget, DryRun, Kept, Writing, tokens_of
from judge.cli.shared import EngineName, Json, Prompts, Seed, log, out, percent, print_json
from judge.config import engine_maker
from judge.engines.dry import DryEngine
from judge.recipes import load_recipe
from judge.rubrics.bare import BARE_CONTENT
from judge.rubrics.save import save_rubric
from judge.synthesis.author import Author
from judge.synthesis.contrast import POOL, Contrasted, contrast, contrast_tasks
from judge.synthesis.contrast import split_pairs as split
from judge.synthesis.drafts import Content
from judge.synthesis.evidence import Accuracy
from judge.synthesis.judging import calls_a_pair, calls_of, check_recipe, judge_with
from judge.synthesis.meta import load_meta
from judge.synthesis.purse import Purse
from judge.types import Engine, Group


@dataclass(frozen=True, slots=True)
class Plan:
    """What is learned from what."""

    id: str
    pairs: list[Group]
    baseline: Content
    most: int
    keep: int
    tau: float
    average_flips: bool
    share: float
    writing: Writing
    recipe: str
    store: Path | None
    log: Path


def contrast_command(
    name: NewId,
    data: Data,
    maps: Maps = None,
    labels_from: LabelsFrom = 0,
    limit: Limit = None,
    baseline: Annotated[
        str | None, typer.Option(help="Rubric to beat; default one question over everything.")
    ] = None,
    meta: Annotated[str, typer.Option("--meta", help="A meta-rubric, or words, or @FILE.")] = "",
    out_file: NewFile = None,
    engine: EngineName = "embedded",
    generator: Annotated[
        str | None, typer.Option(help="Engine that writes criteria; default the one that judges.")
    ] = None,
    recipe: PairRecipe = PAIRWISE,
    most: Annotated[int, typer.Option(min=1, max=8, help="Criteria asked for each pair.")] = 4,
    keep: Annotated[int, typer.Option(min=1, max=20, help="Most criteria kept.")] = 6,
    held_out: Annotated[float, typer.Option(help="Share of prompts held out.")] = 0.5,
    tau: Annotated[float, typer.Option(min=0.0, max=1.0, help="Consistency a prompt needs.")] = 0.5,
    average_flips: Annotated[
        bool, typer.Option("--average-flips", help="Keep drafts right in the orders' mean alone.")
    ] = False,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0)] = 0.7,
    budget: Budget = None,
    kept: Kept = None,
    store: Store = None,
    dry_run: DryRun = False,
    prompts: Prompts = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write criteria that separate better from worse; they must win on pairs held out."""
    path = new_file(name, out_file, dry_run=dry_run)
    pairs = read_pairs(data, maps, labels_from, limit)
    content = BARE_CONTENT if baseline is None else content_of(baseline)
    writing = Writing(1, keep, load_meta(meta), temperature, budget, seed, kept, prompts)
    log_file = path.with_suffix(".log.jsonl")
    plan = Plan(
        name,
        pairs,
        content,
        most,
        keep,
        tau,
        average_flips,
        held_out,
        writing,
        recipe,
        store,
        log_file,
    )
    if dry_run:
        _tell_cost(plan, as_json)
        return
    judging = engine_maker(engine)()
    writer = judging if generator in (None, engine) else engine_maker(str(generator))()
    found, purse = wait_at_home(_learned(plan, judging, writer))
    if found.content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_rubric(path, found.content)
    if as_json:
        print_json(_plain(found, purse, path))
    else:
        _show(found, purse, path)


async def _learned(plan: Plan, judging: Engine, writer: Engine) -> tuple[Contrasted, Purse]:
    purse = Purse(plan.writing.budget)
    writing = plan.writing
    model = pair_model(judging, plan.recipe, plan.store, writing.prompts, writing.seed)
    async with model:
        await model.start()
        if writer is not judging:
            await writer.start()
        author: Author = plan.writing.author(writer, purse)
        try:
            found = await contrast(
                author,
                judge_with(model.score_groups, purse, model.recipe),
                plan.pairs,
                id=plan.id,
                baseline=plan.baseline,
                share=plan.share,
                tau=plan.tau,
                average_flips=plan.average_flips,
                most=plan.most,
                keep=plan.keep,
                meta=plan.writing.meta,
                seed=plan.writing.seed,
                log=plan.log,
            )
        finally:
            if writer is not judging:
                await writer.aclose()
    return found, purse


def _tell_cost(plan: Plan, as_json: bool) -> None:
    train, held = split(plan.pairs, plan.share, plan.writing.seed)
    counting = DryEngine()
    author = plan.writing.author(counting)
    wait_at_home(
        counting.generate([author.request(task) for task in contrast_tasks(train, most=plan.most)])
    )
    told = {
        "training_pairs": len(train),
        "held_out_pairs": len(held),
        "calls_to_write": counting.calls,
        "prompt_tokens_estimated": counting.prompt_tokens,
        "calls_to_judge_at_most": _calls_to_judge(plan, len(train), len(held)),
    }
    tell_cost(told, as_json)


def _calls_to_judge(plan: Plan, train: int, held: int) -> int:
    """A pair's own criteria and the pool on training pairs, the rubric and its rival on others."""
    recipe = load_recipe(plan.recipe)
    check_recipe(recipe)
    own, pool, final = (
        calls_of(recipe, count) for count in (plan.most, plan.keep * POOL, plan.keep)
    )
    return train * (own + pool) + held * (final + calls_a_pair(recipe, plan.baseline))


def _show(found: Contrasted, purse: Purse, path: Path) -> None:
    table = Table(title=None, box=None, pad_edge=False)
    for heading in ("criterion", "kind", "weight", "from"):
        table.add_column(heading, overflow="fold")
    for one in found.proposals:
        weight = f"{found.weights[one.question]:.2f}"
        table.add_row(one.question, one.kind, weight, f"{len(one.sources)} pairs")
    out.print(table)
    for label, told in (("held-out pairs", found.held_out), ("baseline", found.baseline)):
        if told is not None:
            typer.echo(f"{label}: {accuracy_line(told)}")
    if found.test is not None and found.test.difference is not None:
        test = found.test
        points = [100.0 * (x or 0.0) for x in (test.difference, test.low, test.high)]
        typer.echo(
            f"difference: {points[0]:+.1f} points [{points[1]:+.1f}, {points[2]:+.1f}],"
            f" p = {test.p_value:.3f}"
        )
    typer.echo(f"{'accepted' if found.accepted else 'NOT accepted'}: {found.why}")
    log.print(
        f"{found.train_pairs} training and {found.held_out_pairs} held-out pairs,"
        f" {len(found.refused)} candidates refused, {len(found.failures)} answers failed;"
        f" {purse.usage.calls} calls, {tokens_of(purse.usage)} tokens"
    )
    if found.content is not None:
        log.print(f"written to {path} as a draft; candidates in {path.with_suffix('.log.jsonl')}")


def accuracy_line(told: Accuracy) -> str:
    """An accuracy with its interval and on how many pairs, in words."""
    return (
        f"{percent(told.value)} right in both orders joined"
        f" [{percent(told.low)}, {percent(told.high)}], {told.n} pairs,"
        f" {told.ties} ties, {told.flips} flips, {told.unjudged} unjudged"
    )


def _plain(found: Contrasted, purse: Purse, path: Path) -> dict[str, Any]:
    def told(accuracy: Accuracy | None) -> dict[str, Any] | None:
        if accuracy is None:
            return None
        return {"value": accuracy.value, "interval": [accuracy.low, accuracy.high],
                "pairs": accuracy.n, "ties": accuracy.ties, "flips": accuracy.flips}  # fmt: skip

    test = found.test
    return {
        "file": None if found.content is None else str(path),
        "accepted": found.accepted,
        "why": found.why,
        "held_out": told(found.held_out),
        "baseline": told(found.baseline),
        "difference": None if test is None else test.difference,
        "interval": None if test is None else [test.low, test.high],
        "p_value": None if test is None else test.p_value,
        "criteria": [
            {"question": p.question, "kind": p.kind, "weight": found.weights[p.question]}
            for p in found.proposals
        ],
        "refused": [{"question": r.question, "why": r.why} for r in found.refused],
        "calls": purse.usage.calls,
        "tokens": tokens_of(purse.usage),
    }
