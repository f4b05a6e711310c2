import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from judge.errors import ConfigError
from judge.recipes import load_recipe, recipe_names
from judge.rubrics import load_rubric
from judge.rubrics.files import RUBRICS
from judge.runs.dataset import Columns
from judge.runs.folder import Folder
from judge.runs.plan import Options, Plan, data_digest, read_plan


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "d.jsonl"
    rows = [{"id": k, "input": f"p{k}", "a": "x", "b": "y"} for k in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def plan(data: Path) -> Plan:
    columns = Columns.of(["prompt=input", "responses=a,b"], labels_from=1)
    return Plan(
        (str(data),),
        columns,
        load_rubric("demo/short"),
        load_recipe("pairwise-win-rate"),
        {"judge": "embedded"},
        seed=7,
        options=Options(limit=3, in_flight=2),
    )


def kept(plan: Plan, folder: Path) -> Path:
    Folder(folder, plan.settings()).close()
    return folder


def test_a_plan_comes_back_as_it_was(plan: Plan, tmp_path: Path) -> None:
    again = read_plan(kept(plan, tmp_path / "run"))
    assert again.settings() == plan.settings()
    assert [row.group for row in again.rows()] == [row.group for row in plan.rows()]
    assert len(list(again.rows())) == 3
    assert again.options == plan.options


def test_every_bundled_recipe_and_rubric_can_be_kept(plan: Plan, tmp_path: Path) -> None:
    for at, name in enumerate(recipe_names()):
        whole = replace(plan, recipe=load_recipe(name))
        again = read_plan(kept(whole, tmp_path / f"recipe{at}"))
        assert again.recipe.digest == whole.recipe.digest, name
    for at, name in enumerate(RUBRICS.names()):
        whole = replace(plan, rubric=load_rubric(name))
        rubric = read_plan(kept(whole, tmp_path / f"rubric{at}")).rubric
        assert rubric is not None
        assert rubric.digest == load_rubric(name).digest, name


def test_rows_with_their_own_rubrics_need_none(plan: Plan, tmp_path: Path) -> None:
    assert read_plan(kept(replace(plan, rubric=None), tmp_path / "run")).rubric is None


def test_secrets_are_not_kept_and_other_engines_refused(plan: Plan, tmp_path: Path) -> None:
    engines = {"judge": "openai:m@http://u:hunter2@h/v1", "generator": "openai:g?api_key=k1"}
    secret = replace(plan, engines=engines)
    folder = kept(secret, tmp_path / "run")
    assert "hunter2" not in (folder / "plan.json").read_text()
    assert read_plan(folder, engines, to_judge=True).engines == engines
    read_plan(folder)  # to look at it, none is needed
    with pytest.raises(ConfigError, match="keeps no secrets"):
        read_plan(folder, to_judge=True)
    with pytest.raises(ConfigError, match="was judged by"):
        read_plan(folder, {"judge": "embedded"})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"engines": {}}'])
def test_what_is_no_plan_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(ConfigError, match="is not the plan of a run"):
        read_plan(tmp_path)


def test_a_digest_is_that_of_the_contents(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a").write_text("1")
    digests = {data_digest(folder), data_digest(folder / "a")}
    (folder / "b").write_text("")
    digests.add(data_digest(folder))
    (folder / "a").write_text("2")
    digests |= {data_digest(folder), data_digest(folder / "a")}
    assert len(digests) == 5
    with pytest.raises(ConfigError, match="there is no data set"):
        data_digest(tmp_path / "none")
