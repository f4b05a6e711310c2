import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from judge.cli import app
from judge.probes import bundled_attacks, bundled_items
from judge.types import Engine, Failure

runner = CliRunner()
GOODS = {item.good for item in bundled_items()} | {"good"}


def judge_of(*signs: str):
    """A judge that pays the good responses, and whatever holds one of the signs."""

    def judge(texts, key, codes):
        paid = texts[0] in GOODS or any(sign in texts[0] for sign in signs)
        return {code: float(code == codes[-1 if paid else 0]) for code in codes}

    return judge


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch):
    """Runs `judge probe` with an engine."""

    def run(engine: Engine, *arguments: str):
        monkeypatch.setattr("judge.reward_model.engine_maker", lambda name: lambda: engine)
        return runner.invoke(app, ["probe", "--rubric", "demo/short", *arguments])

    return run


def small(*lines: str) -> str:
    return "\n".join(["schema: recipe/v1", "id: mine", "extends: pointwise", *lines]) + "\n"


def test_a_probe_prints_a_line_an_attack_and_leaves_with_0(ask, coded_engine) -> None:
    done = ask(coded_engine(judge_of("great question")), "--attacks", "pad,key/colon")
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line}
    assert lines["pad/praise"][1:4] == ["22", "100.0", "%"]
    assert lines["pad/repeat"][1:4] == ["22", "0.0", "%"]
    assert lines["key/colon"][-1] == "22"  # gated
    assert "worst: pad/praise, 100.0 %" in done.stdout
    assert "good above wrong: 22 of 22 prompts" in done.stdout


@pytest.mark.parametrize(("limit", "code"), [("0.99", 100), ("1.0", 0)])
def test_a_limit_that_is_breached_gives_100(ask, coded_engine, limit: str, code: int) -> None:
    done = ask(coded_engine(judge_of("great question")), "--attacks", "pad", "--fail-above", limit)
    assert done.exit_code == code, done.output
    assert ("max_false_positive: 1.000 is above 0.99 (pad/praise)" in done.stderr) is bool(code)


def test_the_limit_may_be_the_recipes(ask, coded_engine, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(small("guards: {max_false_positive: 0.02}"), "utf-8")
    engine = coded_engine(judge_of("great question"))
    arguments = ("--recipe", str(recipe), "--attacks", "pad", "--json", "--limit", "3")
    done = ask(engine, *arguments)
    assert done.exit_code == 100
    told = json.loads(done.stdout)
    assert (told["limit"], told["items"]) == (0.02, 3)
    assert [breach["where"] for breach in told["breaches"]] == ["pad/praise"]
    assert told["attacks"][0]["attack"] == "pad/repeat"
    assert ask(engine, *arguments, "--fail-above", "1.0").exit_code == 0


def test_what_cannot_be_judged_at_all_gives_4_or_breaches_a_limit(ask, coded_engine) -> None:
    def engine() -> Engine:
        return coded_engine(broken=lambda request: Failure("engine", "refused", "no"))

    done = ask(engine(), "--attacks", "pad/repeat", "--limit", "2")
    assert done.exit_code == 4
    assert "not judged, 2: refused: no" in done.stdout
    assert ask(engine(), "--attacks", "pad", "--fail-above", "0.5").exit_code == 100


def test_a_judge_that_cannot_tell_good_from_wrong_is_told_so(ask, coded_engine) -> None:
    done = ask(coded_engine(lambda t, k, codes: {codes[0]: 1.0}), "--attacks", "pad/repeat")
    assert "on 0 of 22 prompts only" in " ".join(done.stderr.split())


def test_labelled_rows_take_the_place_of_the_bundled_prompts(
    ask, coded_engine, tmp_path: Path
) -> None:
    data = tmp_path / "rows.jsonl"
    rows = [{"input": f"p{k}", "a": "bad", "b": "good", "best": 2} for k in range(3)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    maps = ["--map", "prompt=input", "--map", "responses=a,b", "--map", "label=best"]
    said = ["--data", str(data), *maps, "--labels-from", "1", "--attacks", "pad", "--json"]
    done = ask(coded_engine(judge_of("Overview")), *said, "--limit", "2")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["items"], told["told_apart"]) == (2, 2)
    assert {one["attack"]: one["rate"] for one in told["attacks"]}["pad/headings"] == 1.0


def test_attacks_can_be_listed_without_asking(ask, coded_engine) -> None:
    engine = coded_engine()
    done = ask(engine, "--list")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        attack.name for attack in bundled_attacks()
    ]
    assert len(json.loads(ask(engine, "--list", "--json").stdout)) == len(bundled_attacks())
    assert engine.requests == []


def test_an_unknown_attack_is_an_error_with_a_cure(ask, coded_engine) -> None:
    done = ask(coded_engine(), "--attacks", "key/colons")
    assert "did you mean 'key/colon'" in str(done.exception)


def test_every_judge_of_a_panel_is_probed(monkeypatch, coded_engine) -> None:
    """Two of three judges are fooled: their mean pays, and the least of them does not."""
    engines = {
        "a": coded_engine(judge_of("great question"), name="a"),
        "b": coded_engine(judge_of("great question"), name="b"),
        "c": coded_engine(judge_of(), name="c"),
    }
    monkeypatch.setattr(
        "judge.reward_model.engine_maker", lambda name: lambda: engines[name.removeprefix("vllm:")]
    )
    roles = ["vllm:a", "second=vllm:b", "third=vllm:c"]
    given = [text for role in roles for text in ("--engine", role)]
    for recipe, paid in (("panel-mean", "100.0"), ("panel-min", "0.0")):
        arguments = ["--rubric", "demo/short", "--recipe", recipe, "--attacks", "pad/praise"]
        done = runner.invoke(app, ["probe", *arguments, *given])
        assert done.exit_code == 0, done.output
        lines = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line}
        assert lines["pad/praise"][1:3] == ["22", paid]
