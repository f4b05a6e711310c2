import errno
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from judge.errors import StoreError
from judge.store import SQLiteStore
from judge.store import sqlite as module
from judge.store.rows import key_digest
from judge.types import (
    CriterionVerdict,
    ErrorFound,
    ErrorReport,
    Listing,
    Pairwise,
    Pointwise,
    Scalar,
    Spans,
    SpanVerdict,
)

PART = CriterionVerdict("a", 1, 0.1 + 0.2, (0.7, 0.3), "why\n\u2028é", log_odds=-3.5, scores=(1, 2))
KINDS = [
    Pointwise(3, (PART,), "said", "k", "raw", "", 7),
    Pointwise(0, (PART,), "\ud800 alone"),
    Pairwise(1, 0, 0.5, 0.2, 0.3, (PART,), 0.1, (1.5, 2.0), False, 0.9, lean=0.25, rubric="r"),
    Listing((1, 0), ((PART,), ())),
    ErrorReport(0, "a", (ErrorFound(0, 4, "grammar", "minor", 0.5),)),
    Spans(0, (SpanVerdict(2, 9, PART),), dropped=1),
    Scalar(2, 1e-300),
]


def verdict(value: float) -> Scalar:
    return Scalar(0, value)


def rows(path) -> dict[bytes, bytes]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT key, verdict FROM verdicts"))


def digests(*keys: str) -> set[bytes]:
    return set(map(key_digest, keys))


@pytest.mark.parametrize("full", KINDS, ids=lambda v: v.kind)
def test_every_kind_of_verdict_comes_back_equal(tmp_path, full):
    path = tmp_path / "deep" / "down" / "s.db"
    with closing(SQLiteStore(path)) as store:
        store.put("k", full)
        assert store.get("k") == full
        store.flush()
        assert store.get("k") == full
    with closing(SQLiteStore(path)) as again:
        assert again.get("k") == full
        assert again.get("other") is None


def test_what_is_flushed_is_in_the_file_before_it_is_closed(tmp_path):
    with closing(SQLiteStore(tmp_path / "s")) as store:
        for k in range(1000):
            store.put(str(k), verdict(k))
        store.flush()
        assert len(rows(tmp_path / "s")) == 1000


KILLED = """
import os, signal, sys
from judge.store import SQLiteStore
from judge.types import Scalar
store = SQLiteStore(sys.argv[1])
for k in range(10**6):
    store.put(str(k), Scalar(0, k))
    if k % 50 == 49:
        store.flush()
        print(k + 1, flush=True)
"""


def test_a_kill_loses_nothing_that_was_flushed(tmp_path):
    path = tmp_path / "s.db"
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    reported = [int(child.stdout.readline()) for _ in range(5)]
    child.send_signal(signal.SIGKILL)
    reported += [int(line) for line in child.stdout.read().splitlines()]
    child.wait()
    with closing(SQLiteStore(path)) as store:
        for k in range(reported[-1]):
            assert store.get(str(k)) == verdict(k)


def test_two_processes_share_a_store(tmp_path):
    path = tmp_path / "s.db"
    code = (
        "import sys; from judge.store import SQLiteStore; from judge.types import Scalar\n"
        "store = SQLiteStore(sys.argv[1])\n"
        "for k in range(300):\n"
        "    store.put(f'{sys.argv[2]}{k}', Scalar(0, k)); store.put(f'both{k}', Scalar(0, k))\n"
        "    k % 20 or store.flush()\n"
        "store.close()\n"
    )
    others = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "ab"]
    assert [other.wait() for other in others] == [0, 0]
    with closing(SQLiteStore(path)) as store:
        for name in ("a", "b", "both"):
            assert all(store.get(f"{name}{k}") == verdict(k) for k in range(300))
    assert len(rows(path)) == 900


def test_many_threads_may_put_the_same_keys(tmp_path):
    with closing(SQLiteStore(tmp_path / "s")) as store:

        def fill():
            for k in range(200):
                if store.get(str(k)) is None:
                    store.put(str(k), verdict(k))
                if k % 25 == 0:
                    store.flush()
            store.flush()

        threads = [threading.Thread(target=fill) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
        assert len(rows(tmp_path / "s")) == 200


def test_threads_may_share_one_store(tmp_path):
    with closing(SQLiteStore(tmp_path / "s")) as store:

        def fill(name):
            for k in range(300):
                store.put(f"{name}{k}", verdict(k))
                assert store.get(f"{name}{k}") == verdict(k)
                if k % 40 == 0:
                    store.flush()

        threads = [threading.Thread(target=fill, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.flush()
        assert len(rows(tmp_path / "s")) == 900


def test_a_locked_store_waits_and_then_says_so_and_loses_nothing(tmp_path):
    path = tmp_path / "s.db"
    store = SQLiteStore(path, wait_s=0.05)
    store.put("a", verdict(1))
    store.flush()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.put("b", verdict(2))
        with pytest.raises(StoreError, match=r"locked[\s\S]*another process"):
            store.flush()
        assert store.get("a") == verdict(1)  # reading goes on
        assert store.get("b") == verdict(2)
        other.execute("ROLLBACK")
    store.flush()
    store.close()
    assert set(rows(path)) == digests("a", "b")


def test_it_waits_for_a_lock_that_is_given_back(tmp_path):
    path = tmp_path / "s.db"
    with closing(SQLiteStore(path, wait_s=30.0)) as store:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.1, lambda: other.execute("COMMIT"))
        release.start()
        store.put("a", verdict(1))
        store.flush()
        release.join()
        other.close()
    assert set(rows(path)) == digests("a")


def test_a_full_disk_is_an_error_at_every_flush_and_loses_nothing(tmp_path, monkeypatch):
    full = True
    real = module.put_all

    def put_all(connection, given):
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(connection, given)

    monkeypatch.setattr(module, "put_all", put_all)
    store = SQLiteStore(tmp_path / "s")
    store.put("a", verdict(1))
    with pytest.raises(StoreError, match="No space left"):
        store.flush()
    with pytest.raises(StoreError, match="No space left"):
        store.flush()
    assert store.get("a") == verdict(1)
    full = False
    store.flush()
    store.put("b", verdict(2))
    store.close()
    assert set(rows(tmp_path / "s")) == digests("a", "b")


def test_closing_on_a_full_disk_is_an_error_and_ends(tmp_path, monkeypatch):
    def put_all(connection, given):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "put_all", put_all)
    for k in range(40):
        store = SQLiteStore(tmp_path / str(k))
        store.put("a", verdict(1))
        if k % 3 == 0:  # at other moments of the writer's
            with pytest.raises(StoreError):
                store.flush()
        elif k % 3 == 1:
            time.sleep(2 * module.GATHER_S)
        with pytest.raises(StoreError, match="No space left"):
            store.close()
        store.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_ends_is_an_error_and_nobody_waits_for_it(tmp_path, monkeypatch):
    def put_all(connection, given):
        raise SystemExit  # ends a thread without a word

    monkeypatch.setattr(module, "put_all", put_all)
    store = SQLiteStore(tmp_path / "s")
    store.put("a", verdict(1))
    with pytest.raises(StoreError, match="writer has ended"):
        store.flush()
    with pytest.raises(StoreError, match="writer has ended"):
        store.close()


def test_a_real_limit_on_the_file_corrupts_nothing(tmp_path):
    path = tmp_path / "s.db"
    store = SQLiteStore(path)
    store.put("a", verdict(1))
    store.close()
    store = SQLiteStore(path)
    with closing(sqlite3.connect(path)) as other:
        (pages,) = other.execute("PRAGMA page_count").fetchone()
    monkey = module.connected

    def limited(where, wait_s):
        connection = monkey(where, wait_s)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    module.connected = limited
    try:
        store.put("big", Pointwise(0, (), "x" * 50_000))
        with pytest.raises(StoreError, match=r"full[\s\S]*free some space"):
            store.close()
    finally:
        module.connected = monkey
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert set(rows(path)) == digests("a")


def test_a_closed_store_takes_and_gives_nothing(tmp_path):
    store = SQLiteStore(tmp_path / "s")
    assert store.get("k") is None
    store.close()
    store.close()
    for use in (lambda: store.put("k", verdict(1)), lambda: store.get("k"), store.flush):
        with pytest.raises(StoreError, match="closed"):
            use()


def test_a_pickled_store_opens_the_same_file(tmp_path):
    with closing(SQLiteStore(tmp_path / "s")) as store:
        store.put("k", verdict(1))
        store.flush()
        with closing(pickle.loads(pickle.dumps(store))) as copy:
            assert copy.get("k") == verdict(1)


def test_a_forked_process_is_told_to_open_its_own(tmp_path, monkeypatch):
    with closing(SQLiteStore(tmp_path / "s")) as store, monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        with pytest.raises(StoreError, match="forked"):
            store.get("k")


def test_a_row_that_is_no_verdict_is_an_error(tmp_path):
    path = tmp_path / "s"
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as other:
        for key, kind, data in (("a", "poem", "{}"), ("b", "scalar", "{}"), ("c", "scalar", "x")):
            other.execute(
                "INSERT INTO verdicts VALUES (?, ?, ?)", (key_digest(key), kind, data.encode())
            )
        other.commit()
    with closing(SQLiteStore(path)) as store:
        for key in "abc":
            with pytest.raises(StoreError, match=f"under the key {key} there is no verdict"):
                store.get(key)
