import importlib
import json
import subprocess
import sys

import pytest

import judge

HEAVY = ("torch", "vllm", "transformers", "outlines", "datasets", "pyarrow", "ray", "fastapi")
MOST_NAMES = 25


def test_the_public_surface():
    assert sorted(judge.__all__) == [
        "Comparison",
        "Constraint",
        "Engine",
        "Failure",
        "Generation",
        "GenerationRequest",
        "Group",
        "GroupResult",
        "JudgeError",
        "JudgeProfile",
        "Message",
        "Preference",
        "Ranking",
        "Recipe",
        "Response",
        "Reward",
        "RewardModel",
        "Rubric",
        "Sampling",
        "Score",
        "Verdict",
        "__version__",
        "load_engine",
        "load_recipe",
        "load_rubric",
    ]
    assert len(judge.__all__) <= MOST_NAMES
    assert dir(judge) == judge.__all__


@pytest.mark.parametrize("name", judge.__all__)
def test_every_name_resolves(name):
    value = getattr(judge, name)
    assert getattr(judge, name) is value
    if name not in ("Verdict", "__version__"):
        assert getattr(importlib.import_module(value.__module__), name) is value


def test_other_names_do_not():
    with pytest.raises(AttributeError, match="no attribute 'Judge'"):
        _ = judge.Judge


def loaded_after(code: str) -> set[str]:
    """The modules a fresh interpreter has loaded after running a line of code."""
    tell = "import json, sys; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_importing_the_package_loads_next_to_nothing():
    loaded = loaded_after("import judge")
    for name in (*HEAVY, "numpy", "pydantic", "jinja2", "httpx", "typer", "rich", "asyncio"):
        assert name not in loaded, name
    assert {name for name in loaded if name.startswith("judge")} == {"judge"}


def test_using_it_loads_no_engine():
    code = """
import judge
from judge.engines.scripted import ScriptedEngine
model = judge.RewardModel.build(
    "general/helpfulness",
    engine=ScriptedEngine(lambda request: "{}"),
)
model.score([judge.Group.of("p", ["a"])])
for name in judge.__all__:
    getattr(judge, name)
"""
    loaded = loaded_after(code)
    assert "judge.engines.vllm" in loaded
    for name in HEAVY:
        assert name not in loaded, name
