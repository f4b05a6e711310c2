import pytest

from judge.store import FileStore, MemoryStore, SQLiteStore, TextlessStore
from judge.types import Scalar


def verdict(value: float) -> Scalar:
    return Scalar(0, value)


def test_memory_keeps_the_latest():
    store = MemoryStore(limit=2)
    store.put("a", verdict(1))
    store.put("b", verdict(2))
    assert store.get("a") == verdict(1)
    store.put("c", verdict(3))
    assert store.get("a") is None
    assert store.get("b") == verdict(2)
    assert store.get("c") == verdict(3)
    store.close()


@pytest.fixture(params=["memory", "jsonl", "sqlite", "textless"])
def store(request, tmp_path):
    made = {
        "memory": MemoryStore,
        "jsonl": lambda: FileStore(tmp_path / "s.jsonl"),
        "sqlite": lambda: SQLiteStore(tmp_path / "s.db"),
        "textless": lambda: TextlessStore(MemoryStore()),
    }[request.param]()
    yield made
    made.close()


def test_the_first_verdict_of_a_key_stays(store):
    assert store.get("k") is None
    store.put("k", verdict(1))
    store.put("k", verdict(2))
    store.flush()
    assert store.get("k") == verdict(1)
    store.put("k", verdict(3))
    assert store.get("k") == verdict(1)
