import json
import math
import random

import pytest
from typer.testing import CliRunner

from judge.calibration import Calibration, ProbabilityMap
from judge.cli import app
from judge.errors import ConfigError
from judge.runs.folder import MANIFEST

RUBRIC = """\
schema: rubric/v1
id: my/own
version: 1.0.0
criteria:
  - id: good
    question: Is it good?
    scale: {scale}
"""
HEAT, EFFECT = 3.0, 1.2
"""How much too loud the scripted judge is, and what it adds to the response shown first."""


def expit(x):
    return 1.0 / (1.0 + math.exp(-x))


def logit(p):
    return math.log(p / (1.0 - p))


def strength(text):
    return float(text.split()[-1])


def pair_judge(heat, effect):
    """Knows P(first is better), and says its logit times `heat`, plus `effect`."""

    def chances(texts, key, codes):
        told = heat * (strength(texts[0]) - strength(texts[1])) + effect
        first = expit(told)
        row = {"A": 0.9 * first, "B": 0.9 * (1.0 - first), "C": 0.1}
        return {code: row[code] for code in codes}

    return chances


def level_judge(heat):
    """Knows the level of a text up to noise of one logit, and says it `heat` times as surely."""

    def chances(texts, key, codes):
        at = strength(texts[0])
        above = [expit(heat * (at - cut)) for cut in range(len(codes) - 1)]
        ends = [1.0, *above, 0.0]
        return {code: ends[k] - ends[k + 1] for k, code in enumerate(codes)}

    return chances


def labelled_pairs(n, seed=0):
    draw = random.Random(seed)
    rows = []
    for k in range(n):
        a, b = (round(draw.gauss(0.0, 1.0), 3) for _ in range(2))
        first = draw.random() < expit(a - b)
        texts = [f"text {k} is {a}", f"other {k} is {b}"]
        rows.append({"prompt": f"Prompt {k}.", "responses": texts, "label": int(not first)})
    return rows


def labelled_levels(n, levels=4, seed=0):
    draw = random.Random(seed)
    rows = []
    for k in range(n):
        at = [round(draw.uniform(-1.0, levels - 1.0), 3) for _ in range(2)]
        heard = [a + logit(draw.random()) for a in at]
        right = [1 + sum(a > cut for cut in range(levels - 1)) for a in heard]
        texts = [f"text {k} {i} is {a}" for i, a in enumerate(at)]
        rows.append({"prompt": f"Prompt {k}.", "responses": texts, "levels": right})
    return rows


@pytest.fixture
def invoke(monkeypatch, tmp_path, coded_engine):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, judge=None, name="judge"):
        engine = coded_engine(judge or pair_judge(HEAT, EFFECT), name=name)
        monkeypatch.setattr("judge.reward_model.engine_maker", lambda name: lambda: engine)
        return CliRunner().invoke(app, [*map(str, arguments)]), engine

    return run


@pytest.fixture
def write(tmp_path):
    def make(rows, name="rows.jsonl", scale="yes_no"):
        (tmp_path / "own.yaml").write_text(RUBRIC.format(scale=scale))
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)))

    return make


PAIRS = ("calibrate", "rows.jsonl", "--rubric", "own.yaml")


def test_a_loud_judge_with_an_order_effect_is_set_right(invoke, write, tmp_path):
    write(labelled_pairs(500))
    done, engine = invoke(*PAIRS, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    told = json.loads(done.stdout)
    assert told["better"] is True
    assert told["calls"] == len(engine.requests) == 1000
    made = Calibration.from_json((tmp_path / "calibration.json").read_text())
    assert made.order_effect == pytest.approx(EFFECT, abs=0.2)
    assert 1.0 / made.pairs.slope == pytest.approx(HEAT, abs=0.8)
    assert made.n_pairs == 1000
    for name in ("ece", "brier", "log_loss"):
        assert told["figures"][name]["high"] < 0.0


def test_what_was_fitted_sets_new_pairs_right(invoke, write, tmp_path):
    write(labelled_pairs(400))
    invoke(*PAIRS)
    write(labelled_pairs(60, seed=1), "new.jsonl")
    words = ["run", "new.jsonl", "--rubric", "own.yaml", "--recipe", "pairwise-win-rate"]
    raw, _ = invoke(*words, "--out", "raw")
    done, _ = invoke(*words, "--out", "set-right", "--calibration", "calibration.json")
    assert (raw.exit_code, done.exit_code) == (0, 0), (done.output, done.exception)
    off = {}
    for name in ("raw", "set-right"):
        lines = (tmp_path / name / "results.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        texts = [row["responses"] for row in labelled_pairs(60, seed=1)]
        true = [expit(strength(a) - strength(b)) for a, b in texts]
        told = [row["values"][0] for row in rows]
        off[name] = sum(abs(a - b) for a, b in zip(told, true, strict=True)) / len(true)
    assert off["set-right"] < 0.07 < off["raw"]
    manifest = json.loads((tmp_path / "set-right" / MANIFEST).read_text())
    made = Calibration.from_json((tmp_path / "calibration.json").read_text())
    assert manifest["calibration"] == rows[0]["record"]["calibration"] == made.digest
    assert "calibration" not in json.loads((tmp_path / "raw" / MANIFEST).read_text())


def test_a_judge_that_knows_its_doubt_is_left_alone(invoke, write, tmp_path):
    write(labelled_pairs(300, seed=1))
    done, _ = invoke(*PAIRS, judge=pair_judge(1.0, 0.0))
    assert done.exit_code == 0, (done.output, done.exception)
    assert "NOT better" in done.stdout
    assert "nothing is written" in done.stdout
    assert not (tmp_path / "calibration.json").exists()
    done, _ = invoke(*PAIRS, "--force", "--json", judge=pair_judge(1.0, 0.0))
    told = json.loads(done.stdout)
    assert (told["better"], told["written"]) == (False, "calibration.json")
    made = Calibration.from_json((tmp_path / "calibration.json").read_text())
    assert made.first_share([0.2, 0.5, 0.8]) == pytest.approx([0.2, 0.5, 0.8], abs=0.06)


def test_the_table_says_what_changes(invoke, write):
    write(labelled_pairs(200))
    done, _ = invoke(*PAIRS)
    for said in ("log loss", "Brier score", "ECE", "accuracy", "order effect", "is better"):
        assert said in done.stdout
    assert "400 labelled events of 200 prompts" in done.stdout
    assert "written: calibration.json" in done.stdout


def test_another_judge_is_refused_by_name(invoke, write):
    write(labelled_pairs(200))
    invoke(*PAIRS)
    words = ["run", "rows.jsonl", "--rubric", "own.yaml", "--recipe", "pairwise-win-rate"]
    words += ["--calibration", "calibration.json"]
    done, engine = invoke(*words, name="other")
    assert isinstance(done.exception, ConfigError)
    assert "fitted on judge, recipe pairwise-win-rate, rubric my/own" in str(done.exception)
    assert "the judge is other, recipe" in str(done.exception)
    assert "judge calibrate" in done.exception.hint
    assert engine.requests == []


def test_no_profile_is_fitted_beside_it(invoke, write, tmp_path):
    write(labelled_pairs(4))
    (tmp_path / "c.json").write_text(Calibration(order_effect=1.0).to_json())
    words = ["run", "rows.jsonl", "--rubric", "own.yaml", "--recipe", "pairwise-win-rate"]
    done, engine = invoke(*words, "--calibration", "c.json", "--profile", "fit")
    assert "subtracted twice" in str(done.exception)
    assert engine.requests == []
    assert not (tmp_path / "out").exists()


def test_a_file_is_not_written_over(invoke, write, tmp_path):
    write(labelled_pairs(40))
    (tmp_path / "calibration.json").write_text("mine")
    done, engine = invoke(*PAIRS)
    assert isinstance(done.exception, ConfigError)
    assert engine.requests == []
    assert (tmp_path / "calibration.json").read_text() == "mine"


def test_the_cost_is_told_and_the_budget_kept(invoke, write, tmp_path):
    write(labelled_pairs(40))
    done, engine = invoke(*PAIRS, "--dry-run", "--json")
    assert json.loads(done.stdout) == {"groups": 40, "calls_to_judge_at_most": 80}
    done, engine = invoke(*PAIRS, "--budget", "79")
    assert isinstance(done.exception, ConfigError)
    assert "80 calls, of 79" in str(done.exception)
    assert engine.requests == []
    done, engine = invoke(*PAIRS, "--budget", "80", "--store", "kept.jsonl")
    assert (done.exit_code, len(engine.requests)) == (0, 80)
    done, engine = invoke(*PAIRS, "--store", "kept.jsonl", "--force")
    assert (done.exit_code, len(engine.requests)) == (0, 0)


@pytest.mark.parametrize("has_labels", [True, False])
def test_a_finished_run_says_the_same_without_a_call(invoke, write, tmp_path, has_labels):
    rows = labelled_pairs(150)
    ids = [{**row, "id": f"row {k}"} for k, row in enumerate(rows)]
    write(ids)
    done, _ = invoke("calibrate", "rows.jsonl", "--rubric", "own.yaml", "--method", "temperature")
    assert done.exit_code == 0, (done.output, done.exception)
    before = Calibration.from_json((tmp_path / "calibration.json").read_text())
    given = ids if has_labels else [{**row, "label": None} for row in ids]
    write(given, "judged.jsonl")
    words = ["--rubric", "own.yaml", "--recipe", "pairwise-win-rate"]
    done, _ = invoke("run", "judged.jsonl", *words, "--out", "done")
    assert done.exit_code == 0, (done.output, done.exception)
    more = [] if has_labels else ["--labels", "rows.jsonl"]
    words = ["calibrate", "done", *more, "--method", "temperature", "--out", "again.json"]
    told, engine = invoke(*words)
    assert told.exit_code == 0, (told.output, told.exception)
    assert engine.requests == []
    after = Calibration.from_json((tmp_path / "again.json").read_text())
    assert after.judge == before.judge
    assert after.about == before.about
    assert after.order_effect == pytest.approx(before.order_effect)
    assert after.pairs.slope == pytest.approx(before.pairs.slope)


def test_a_run_by_another_recipe_is_refused(invoke, write):
    write(labelled_pairs(4))
    words = ["--rubric", "own.yaml", "--recipe", "pairwise-win-rate"]
    invoke("run", "rows.jsonl", *words, "--out", "done")
    done, _ = invoke("calibrate", "done", "--recipe", "pairwise-verdicts")
    assert "another recipe" in str(done.exception)
    done, _ = invoke("calibrate", "done", "--rubric", "demo/short")
    assert "another rubric" in str(done.exception)
    done, _ = invoke("calibrate", "done")
    assert "too few" in str(done.exception)


LEVELS = ("calibrate", "rows.jsonl", "--rubric", "own.yaml", "--recipe", "pointwise")


def test_levels_of_a_loud_judge_are_set_right(invoke, write, tmp_path):
    write(labelled_levels(250), scale="1..4")
    done, engine = invoke(*LEVELS, "--json", judge=level_judge(HEAT))
    assert done.exit_code == 0, (done.output, done.exception)
    told = json.loads(done.stdout)
    assert told["better"] is True
    assert len(engine.requests) == 500
    assert "order_effect" not in told["figures"]
    made = Calibration.from_json((tmp_path / "calibration.json").read_text())
    assert (made.n_levels, made.n_pairs) == (500, 0)
    assert made.levels.apply([expit(HEAT)]) == pytest.approx([expit(1.0)], abs=0.08)


def test_levels_of_a_run_need_labels_and_one_rubric(invoke, write, tmp_path):
    write([{**row, "id": str(k)} for k, row in enumerate(labelled_levels(100))], scale="1..4")
    judge = level_judge(HEAT)
    invoke("run", *LEVELS[1:], "--out", "done", judge=judge)
    (tmp_path / "own.yaml").unlink()
    done, _ = invoke("calibrate", "done")
    assert "no labelled verdict" in str(done.exception)
    done, engine = invoke("calibrate", "done", "--labels", "rows.jsonl")
    assert done.exit_code == 0, (done.output, done.exception)
    assert engine.requests == []
    assert (tmp_path / "calibration.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (LEVELS, "no row says in 'levels'"),
        (("calibrate", "rows.jsonl", "--recipe", "pointwise"), "those of one rubric"),
        ((*LEVELS[:-1], "tigerscore"), "on whole responses"),
        ((*PAIRS, "--recipe", "joint-strengths"), "made of the scores"),
        (("calibrate", "rows.jsonl", "--recipe", "pairwise-win-rate"), "no labelled verdict"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(invoke, write, words, said):
    write(labelled_pairs(4))
    done, _ = invoke(*words)
    assert isinstance(done.exception, ConfigError)
    assert said in str(done.exception)


def test_there_is_no_order_among_single_responses(invoke, write):
    write(labelled_levels(40), scale="1..4")
    done, engine = invoke(*LEVELS, "--method", "order-only", judge=level_judge(1.0))
    assert "no pairs" in str(done.exception)
    assert engine.requests == []


def test_the_order_alone(invoke, write, tmp_path):
    write(labelled_pairs(200))
    done, _ = invoke(*PAIRS, "--method", "order-only", judge=pair_judge(1.0, EFFECT))
    assert done.exit_code == 0, (done.output, done.exception)
    made = Calibration.from_json((tmp_path / "calibration.json").read_text())
    assert made.pairs == ProbabilityMap()
    assert made.order_effect == pytest.approx(EFFECT, abs=0.15)
