from importlib.metadata import EntryPoint, EntryPoints

import pytest

from judge import config
from judge.config import ENGINES, STORE_NAME, engine_maker, load_engine, open_store, template_name
from judge.engines.openai import OpenAIEngine
from judge.engines.replay import ReplayEngine
from judge.engines.scalar_transformers import ScalarTransformers
from judge.engines.scalar_vllm import ScalarVLLM
from judge.engines.scripted import ScriptedEngine
from judge.errors import ConfigError, StoreError
from judge.store import FileStore, MemoryStore, SQLiteStore


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vlllm:x", "vllm"),
        ("", "unknown engine"),
        ("vllm", "vllm:MODEL"),
        ("vllm:", "vllm:MODEL"),
        ("openai", "openai:MODEL"),
        ("replay", "replay:FILE"),
        ("replay:", "replay:FILE"),
        ("embedded:x", "embedded"),
    ],
)
def test_a_name_that_is_no_engines(name, said):
    with pytest.raises(ConfigError, match=said):
        engine_maker(name)


def test_a_name_is_checked_before_anything_is_loaded():
    assert callable(engine_maker("replay:/no/such/file"))
    with pytest.raises(ConfigError, match="not a recording"):
        load_engine("replay:/no/such/file")


def test_an_option_that_is_not_the_engines_own():
    with pytest.raises(ConfigError, match="wings"):
        load_engine("openai:m@http://localhost:1?wings=2")


def test_a_served_model():
    engine = load_engine("openai:some/model@http://localhost:1/v1")
    assert isinstance(engine, OpenAIEngine)
    assert "some/model" in engine.name


def test_every_engine_has_a_maker():
    assert {"embedded", "vllm", "transformers", "openai", "replay"} <= set(ENGINES)


@pytest.mark.parametrize(
    ("kind", "made"), [("reward", ScalarTransformers), ("vllm-reward", ScalarVLLM)]
)
def test_scalar_reward_models(kind, made):
    engine = load_engine(f"{kind}:some/model?style=polar&label=1&dtype=float32")
    assert isinstance(engine, made)
    assert engine.name == f"{kind}:some/model"
    with pytest.raises(ConfigError, match="style 'essay'"):
        load_engine(f"{kind}:some/model?style=essay")
    pool = load_engine(f"pool:{kind}:a,{kind}:b?style=chat")
    assert pool.name == f"pool:{kind}:a,{kind}:b"


def test_another_package_may_add_an_engine(monkeypatch):
    point = EntryPoint("mine", "judge.engines.scripted:ScriptedEngine", "judge.engines")

    def installed(*, group):
        return EntryPoints([point] if group == "judge.engines" else [])

    monkeypatch.setattr(config.importlib.metadata, "entry_points", installed)
    with pytest.raises(ConfigError, match="mine"):
        engine_maker("mein:x")
    made = []
    monkeypatch.setattr(
        ScriptedEngine, "__init__", lambda self, rest, options: made.append((rest, options))
    )
    load_engine("mine:model?x=1&y=text&z=2.5")
    assert made == [("model", {"x": 1, "y": "text", "z": 2.5})]


def test_stores(tmp_path):
    assert isinstance(open_store(None), MemoryStore)
    mine = MemoryStore()
    assert open_store(mine) is mine
    (tmp_path / "folder").mkdir()
    for name, kind in (("a.jsonl", FileStore), ("b", SQLiteStore), ("folder", SQLiteStore)):
        for path in (tmp_path / name, str(tmp_path / name)):
            store = open_store(path)
            assert isinstance(store, kind)
            store.close()
    assert (tmp_path / "folder" / STORE_NAME).exists()
    with pytest.raises(StoreError):
        open_store(tmp_path / "b" / "c")


def test_the_template_of_a_recipe(make_recipe):
    assert template_name(make_recipe()) == "pointwise"
    assert template_name(make_recipe("pairwise-reference")) == "pairwise"
    assert template_name(make_recipe(judge={"template": "mine"})) == "mine"


def test_a_replayed_engine_is_loaded_by_name(tmp_path):
    (tmp_path / "r.jsonl").write_text(
        '{"engine": "s", "digest": "d", "abilities": {"constraints": []}, "control_tokens": []}\n'
    )
    assert isinstance(load_engine(f"replay:{tmp_path / 'r.jsonl'}"), ReplayEngine)
