"""`judge demo`: the whole machine on a few built-in prompts."""

from __future__ import annotations

import json
import tempfile
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from judge.cli.shared import EngineName, Json, Seed, log, out, print_json
from judge.reward_model import RewardModel
from judge.runs.dataset import Row
from judge.runs.offline import RESULTS, Run
from judge.types import Group

GROUPS = (
    Group.of(
        "In one sentence: why is the sky blue?",
        [
            "Air scatters short blue wavelengths of sunlight far more than long red ones, so"
            " scattered blue light reaches us from all over the sky.",
            "Because it reflects the colour of the oceans.",
            "I would be happy to help you with that! Please tell me more about the sky.",
        ],
        id="sky",
    ),
    Group.of(
        "What is 17 x 6?",
        ["102", "17 x 6 = 92.", "It is 102, since 10 x 6 = 60 and 7 x 6 = 42."],
        id="product",
    ),
    Group.of(
        "Name three prime numbers.",
        ["2, 3 and 5.", "4, 6 and 8 are all prime.", "..."],
        id="primes",
    ),
)
FOOTER = (
    "The embedded model (SmolLM2-135M) is no better than chance as a judge: 46 % right on the 419"
    " pairs of LLMBar (see the README). This shows the machine at work, not good taste; point"
    " --engine at a real model for that."
)


def demo(
    engine: EngineName = "embedded",
    rubric: Annotated[str, typer.Option(help="A rubric's name or file.")] = "demo/short",
    out_dir: Annotated[
        Path | None, typer.Option("--out", envvar="JUDGE_OUT", help="Folder of results.")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Judge built-in responses in every pair and both orders, and show all of it."""
    folder = out_dir or Path(tempfile.mkdtemp(prefix="judge-demo-"))
    settings = {"demo": True, "engine": engine, "rubric": rubric, "seed": seed}
    model = RewardModel.build(rubric, recipe="pairwise-win-rate", engine=engine, seed=seed)
    log.print(f"loading {engine} (about half a minute on a CPU)")
    with model:
        work = Run(model, folder, settings)
        work.judge(Row("demo", number, group, None) for number, group in enumerate(GROUPS, 1))
    rows = [json.loads(line) for line in (folder / RESULTS).read_text("utf-8").splitlines()]
    if as_json:
        print_json(rows)
        return
    by_id = {group.id: group for group in GROUPS}
    for row in rows:
        _show(by_id[row["group_id"]], row)
    out.print(f"results: {folder / RESULTS}")
    if engine == "embedded":
        out.print(Text(FOOTER, style="yellow"))


def _show(group: Group, row: dict[str, Any]) -> None:
    out.rule(Text(f"{group.prompt}", style="bold"), align="left")
    table = Table("", "response", "reward", "error", "coverage", "status", show_lines=True)
    for at, (response, reward) in enumerate(zip(group.responses, row["rewards"], strict=True), 1):
        value, error = reward["value"], reward["standard_error"]
        table.add_row(
            str(at),
            Text(str(response.text)),
            "-" if value is None else f"{value:.3f}",
            "-" if error is None else f"{error:.3f}",
            f"{reward['coverage']:.0%}",
            reward["status"],
        )
    out.print(table)
    calls = Table("shown", "P(first)", "P(tie)", "P(second)", "label mass", "critique")
    for verdict in row["verdicts"]:
        mass = verdict["label_mass"]
        calls.add_row(
            f"{verdict['first'] + 1}, {verdict['second'] + 1}",
            f"{verdict['p_first']:.3f}",
            f"{verdict['p_tie']:.3f}",
            f"{verdict['p_second']:.3f}",
            "-" if mass is None else f"{mass:.3f}",
            Text(textwrap.shorten(verdict["critique"], 120, placeholder=" ...")),
        )
    out.print(calls)
