import pytest

from judge.errors import RecipeError
from judge.recipes import json_schema, load_recipe, recipe_names
from judge.recipes.files import RECIPES

PARENT = """\
schema: recipe/v1
id: parent
judge:
  mode: pairwise
  verdict: two_way
  max_tokens: 99
group: {schedule: round_robin, reward: win_rate}
guards:
  min_coverage: 0.25
"""
CHILD = """\
schema: recipe/v1
id: child
extends: parent
judge:
  max_tokens: 7
guards: {min_label_mass: 0.5}
"""


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Write recipe files into a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JUDGE_RECIPES", raising=False)

    def write(**files: str) -> None:
        (tmp_path / "recipes").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "recipes" / f"{name}.yaml").write_text(text, encoding="utf-8")

    return write


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.bundled.glob("*.yaml")))
def test_every_bundled_recipe_loads_and_says_what_it_is(name):
    recipe = load_recipe(name)
    assert recipe.id == name
    assert recipe.about
    assert name in recipe_names()


def test_a_child_says_only_what_differs(put):
    put(parent=PARENT, child=CHILD)
    child = load_recipe("child")
    assert child.id == "child"
    assert (child.judge.verdict, child.judge.max_tokens) == ("two_way", 7)
    assert (child.guards.min_coverage, child.guards.min_label_mass) == (0.25, 0.5)


def test_a_bundled_recipe_can_be_a_parent(put):
    text = CHILD.replace("parent", "pairwise-win-rate")
    put(child=text)
    assert load_recipe("child").group.reward == "win_rate"
    assert load_recipe("recipes/child.yaml").judge.max_tokens == 7


def test_an_error_has_its_place(put):
    put(parent=PARENT.replace("verdict: two_way", "verdikt: two_way"))
    with pytest.raises(RecipeError, match="verdict") as caught:
        load_recipe("parent")
    assert (caught.value.line, caught.value.column) == (5, 3)
    assert caught.value.file.endswith("parent.yaml")


def test_a_contradiction_has_the_files_name(put):
    put(parent=PARENT.replace("round_robin", "none"))
    with pytest.raises(RecipeError, match="schedule other than none") as caught:
        load_recipe("parent")
    assert caught.value.file.endswith("parent.yaml")


@pytest.mark.parametrize("value", [".inf", ".nan", "-1", "yes"])
def test_numbers_must_be_numbers(put, value):
    put(parent=PARENT.replace("0.25", value))
    with pytest.raises(RecipeError) as caught:
        load_recipe("parent")
    assert caught.value.line == 9


def test_a_circle_is_an_error(put):
    put(parent=PARENT + "extends: child\n", child=CHILD)
    with pytest.raises(RecipeError, match="circle") as caught:
        load_recipe("child")
    assert caught.value.line


def test_too_many_parents_are_an_error(put):
    put(r0=PARENT.replace("id: parent", "id: r0"))
    for k in range(1, 6):
        put(**{f"r{k}": CHILD.replace("child", f"r{k}").replace("parent", f"r{k - 1}")})
    assert load_recipe("r4").judge.verdict == "two_way"
    with pytest.raises(RecipeError, match="4 parents"):
        load_recipe("r5")


def test_a_name_that_is_not_there_gets_a_suggestion():
    with pytest.raises(RecipeError, match="pairwise-win-rate"):
        load_recipe("pairwise-winrate")


def test_the_schema_for_editors():
    schema = json_schema()
    assert schema["required"] == ["schema", "id"]
    assert schema["properties"]["schema"]["const"] == "recipe/v1"
    judge = schema["$defs"]["JudgeSection"]
    assert judge["additionalProperties"] is False
    assert "three_way" in judge["properties"]["verdict"]["enum"]
