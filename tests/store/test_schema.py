import json
import sqlite3
from contextlib import closing

import pytest

from judge.errors import StoreError
from judge.store import SQLiteStore, schema
from judge.types import Scalar

UPGRADE = "ALTER TABLE verdicts ADD COLUMN added REAL"


def filled(path, n=3):
    with closing(SQLiteStore(path)) as store:
        for k in range(n):
            store.put(str(k), Scalar(0, k))


def value(path, sql):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchone()[0]


def test_an_older_table_is_brought_up_to_date_and_kept_beside(tmp_path, monkeypatch):
    path = tmp_path / "s.db"
    filled(path)
    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, UPGRADE))
    with closing(SQLiteStore(path)) as store:
        assert [store.get(str(k)) for k in range(3)] == [Scalar(0, k) for k in range(3)]
        store.put("new", Scalar(0, 9.0))
    assert value(path, "PRAGMA user_version") == 2
    assert value(path, "SELECT count(*) FROM verdicts WHERE added IS NULL") == 4
    copy = tmp_path / "s.db.v1.bak"
    assert value(copy, "PRAGMA user_version") == 1
    assert value(copy, "SELECT count(*) FROM verdicts") == 3


def test_an_upgrade_that_breaks_changes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "s.db"
    filled(path)
    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, UPGRADE, "CREATE nonsense"))
    with pytest.raises(StoreError, match="syntax error"):
        SQLiteStore(path)
    monkeypatch.undo()
    with closing(SQLiteStore(path)) as store:
        assert store.get("2") == Scalar(0, 2)
    assert value(path, "PRAGMA user_version") == 1


def test_a_newer_table_is_refused_and_left_alone(tmp_path, monkeypatch):
    path = tmp_path / "s.db"
    with monkeypatch.context() as patch:
        patch.setattr(schema, "UPGRADES", (*schema.UPGRADES, UPGRADE))
        filled(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"has version 2; this program knows 1[\s\S]*newer judge"):
        SQLiteStore(path)
    assert path.read_bytes() == before


def line(key, number):
    row = {"key": key, "verdict": {"kind": "scalar", "response": 0, "value": number}}
    return json.dumps(row) + "\n"


def test_a_jsonl_store_of_an_older_version_is_taken_over_with_a_copy(tmp_path):
    path = tmp_path / "verdicts"
    old = line("a", 1.0) + line("b", 2.0) + '{"key": "torn'
    path.write_text(old)
    with closing(SQLiteStore(path)) as store:
        assert (store.get("a"), store.get("b")) == (Scalar(0, 1.0), Scalar(0, 2.0))
        store.put("c", Scalar(0, 3.0))
    assert (tmp_path / "verdicts.v0.bak").read_text() == old
    with closing(SQLiteStore(path)) as store:
        assert store.get("c") == Scalar(0, 3.0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["verdicts", "verdicts.v0.bak"]


def test_a_jsonl_file_that_is_no_store_stays_as_it_is(tmp_path):
    path = tmp_path / "data.json"
    path.write_text('{"prompt": "p"}\n')
    with pytest.raises(StoreError, match="not a stored verdict"):
        SQLiteStore(path)
    assert path.read_text() == '{"prompt": "p"}\n'


def test_other_files_are_refused(tmp_path):
    text, foreign = tmp_path / "notes.txt", tmp_path / "app.db"
    text.write_text("hello, this is no database at all")
    with closing(sqlite3.connect(foreign)) as other:
        other.execute("CREATE TABLE verdicts (x)")
    with pytest.raises(StoreError, match=r"not a database[\s\S]*ends in .jsonl"):
        SQLiteStore(text)
    with pytest.raises(StoreError, match="database of another program"):
        SQLiteStore(foreign)


def test_places_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "s", tmp_path):
        with pytest.raises(StoreError, match="the verdict store"):
            SQLiteStore(path)
