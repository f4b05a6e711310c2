"""The installed wheel, not only the checkout: its files, and a run from another directory."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = """
import judge
from judge import Group, RewardModel, load_recipe
from judge.engines.scripted import ScriptedEngine
from judge.recipes import recipe_names
from judge.rubrics import RUBRICS
from pathlib import Path
assert Path(judge.__file__).is_relative_to({where!r}), judge.__file__
names = RUBRICS.names()
assert "general/helpfulness" in names, names
for name in names:
    judge.load_rubric(name)
for name in recipe_names():
    load_recipe(name)
def respond(request):
    verdicts = ", ".join(marker + "2" for marker, _ in request.read_after)
    return '{{"critique": "-", ' + verdicts + "}}"
with RewardModel.build("demo/short", engine=ScriptedEngine(respond)) as rm:
    print(rm.score([Group.of("p", ["one", "two"])])[0].values)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, ROOT], check=True, capture_output=True)
    (made,) = folder.glob("judge_rm-*.whl")
    return made


def test_the_wheel_holds_the_package_its_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"judge"}
    for needed in (
        "judge/py.typed",
        "judge/bundled/rubrics/general/helpfulness.yaml",
        "judge/bundled/prompts/pairwise.jinja",
        "judge/recipes/bundled/pointwise.yaml",
        "judge/report/templates/page.html.jinja",
        "judge/challenge/names.yaml",
    ):
        assert needed in names


def test_the_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(where=str(tmp_path / "site"))],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith("[")
