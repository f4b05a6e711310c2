"""The command line. Results go to stdout, progress and messages to stderr."""

from __future__ import annotations

import sys

import typer

from judge.cli import (
    bench,
    calibrate,
    challenge,
    compare,
    curate,
    demo,
    engines,
    explain,
    export,
    label,
    probe,
    prompt,
    rank,
    recipe,
    report,
    rescore,
    resume,
    rubric,
    rubric_contrast,
    rubric_diagnose,
    rubric_refine,
    rubric_weigh,
    rubric_write,
    run,
    serve,
)
from judge.cli.shared import UNEXPECTED, exit_code
from judge.errors import JudgeError
from judge.version import __version__

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Written criteria in, rewards out: judge responses against rubrics.",
)
app.command("run")(run.run)
app.command("resume")(resume.resume)
app.command("retry")(resume.retry)
app.command("rescore")(rescore.rescore)
app.command("explain")(explain.explain)
app.command("rank")(rank.rank)
app.command("compare")(compare.compare)
app.command("curate")(curate.curate_command)
app.command("label")(label.label_command)
app.command("report")(report.report)
app.command("export")(export.export)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("engines")(engines.engines)
app.command("doctor")(engines.doctor)
app.command("probe")(probe.probe_command)
app.command("calibrate")(calibrate.calibrate_command)
app.add_typer(engines.models_app, name="models")
rubric.app.command("generate")(rubric_write.generate_command)
rubric.app.command("contrast")(rubric_contrast.contrast_command)
rubric.app.command("refine")(rubric_refine.refine_command)
rubric.app.command("diagnose")(rubric_diagnose.diagnose_command)
rubric.app.command("weigh")(rubric_weigh.weigh_command)
rubric.app.command("feedback")(rubric_weigh.feedback_command)
app.add_typer(rubric.app, name="rubric")
app.add_typer(recipe.app, name="recipe")
app.add_typer(bench.app, name="bench")
app.add_typer(prompt.app, name="prompt")
app.add_typer(challenge.app, name="challenge")


@app.callback(invoke_without_command=True)
def _top(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; an error of ours is a message and an exit code, not a traceback."""
    try:
        app()
    except JudgeError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        sys.exit(UNEXPECTED)
