import json
import threading

import pytest

from judge.errors import StoreError
from judge.store import FileStore
from judge.types import CriterionVerdict, Pointwise, Scalar


def verdict(value: float) -> Scalar:
    return Scalar(0, value)


def test_a_file_gives_back_what_was_put(tmp_path):
    path = tmp_path / "deep" / "down" / "s.jsonl"
    full = Pointwise(
        3, (CriterionVerdict("a", 1, 0.1 + 0.2, (0.7, 0.3)),), "\ud800\n\u2028é", "k", "raw", "", 7
    )
    store = FileStore(path)
    store.put("k", full)
    store.put("l", verdict(0.5))
    assert path.read_bytes().count(b"\n") == 2  # flushed before it is closed
    store.close()
    again = FileStore(path)
    assert again.get("k") == full
    assert again.get("l") == verdict(0.5)
    assert again.get("m") is None
    again.close()


def test_a_second_put_writes_nothing(tmp_path):
    store = FileStore(tmp_path / "s")
    for value in (1, 2):
        store.put("k", verdict(value))
    store.close()
    assert len((tmp_path / "s").read_text().splitlines()) == 1


@pytest.mark.parametrize("torn", [b'{"key": "b", "verd', b"\xff\xfe", b" "])
def test_a_torn_last_line_is_dropped_and_written_anew(tmp_path, torn):
    path = tmp_path / "s"
    store = FileStore(path)
    store.put("a", verdict(1))
    store.close()
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    store = FileStore(path)
    assert store.get("a") == verdict(1)
    assert store.get("b") is None
    assert path.read_bytes() == whole
    store.put("b", verdict(2))
    store.close()
    assert FileStore(path).get("b") == verdict(2)


def test_a_file_of_nothing_but_a_torn_line(tmp_path):
    path = tmp_path / "s"
    path.write_text('{"key"')
    store = FileStore(path)
    assert path.read_bytes() == b""
    store.close()


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        "7",
        "{}",
        '{"key": "a"}',
        '{"key": "a", "verdict": []}',
        '{"key": "a", "verdict": {"kind": "poem"}}',
        '{"key": "a", "verdict": {"kind": "scalar"}}',
    ],
)
def test_a_whole_line_that_is_no_verdict_is_an_error_with_its_place(tmp_path, line):
    path = tmp_path / "s"
    good = json.dumps({"key": "g", "verdict": {"kind": "scalar", "response": 0, "value": 1.0}})
    path.write_text(f"{good}\n{line}\n{good}\n")
    with pytest.raises(StoreError, match=r"s:2: not a stored verdict"):
        FileStore(path)


def test_a_place_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "s", tmp_path):
        with pytest.raises(StoreError):
            FileStore(path)


def test_a_closed_file_takes_nothing(tmp_path):
    store = FileStore(tmp_path / "s")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.put("k", verdict(1))


def test_two_stores_may_append_to_one_file(tmp_path):
    path = tmp_path / "s"
    stores = [FileStore(path) for _ in range(2)]

    def fill(store, name):
        for k in range(200):
            store.put(f"{name}{k}", verdict(k))

    threads = [threading.Thread(target=fill, args=(s, n)) for s, n in zip(stores, "ab")]  # noqa: B905
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    again = FileStore(path)
    assert all(again.get(f"{name}{k}") == verdict(k) for name in "ab" for k in range(200))
    again.close()
