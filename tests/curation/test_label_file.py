import json

import pytest

from judge.curation.label_file import LabelFile
from judge.errors import ConfigError, StoreError


def lines(path):
    return [json.loads(line)["key"] for line in path.read_text().splitlines()]


def test_labels_are_appended_and_known_again(tmp_path):
    path = tmp_path / "new" / "labels.jsonl"
    with LabelFile(path) as file:
        file.append({"key": "a", "text": "\ud800 ü"})
        file.append({"key": "b"})
        assert file.done == {"a", "b"}
    before = path.read_bytes()
    with LabelFile(path) as file:
        assert file.done == {"a", "b"}
        file.append({"key": "c"})
    assert path.read_bytes().startswith(before)
    assert lines(path) == ["a", "b", "c"]


def test_each_label_is_on_the_disk_before_the_next(tmp_path, monkeypatch):
    synced = []
    path = tmp_path / "labels.jsonl"
    with LabelFile(path) as file:
        monkeypatch.setattr("os.fsync", lambda number: synced.append(path.read_bytes()))
        file.append({"key": "a"})
        assert synced == [b'{"key": "a"}\n']


def test_undo_takes_back_this_sittings_labels_alone(tmp_path):
    path = tmp_path / "labels.jsonl"
    with LabelFile(path) as file:
        file.append({"key": "a"})
    with LabelFile(path) as file:
        file.append({"key": "b"})
        file.append({"key": "c"})
        file.undo()
        file.undo()
        assert file.done == {"a"}
        with pytest.raises(IndexError):
            file.undo()
        file.append({"key": "d"})
    assert lines(path) == ["a", "d"]


@pytest.mark.parametrize("torn", [b'{"key"', b'{"key": "b"}', b"\xff"])
def test_a_torn_last_line_is_cut_off(tmp_path, torn):
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b'{"key": "a"}\n' + torn)
    with LabelFile(path) as file:
        assert file.done == {"a"}
        file.append({"key": "c"})
    assert lines(path) == ["a", "c"]


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "labels.jsonl"

    def full(number):
        raise OSError(28, "No space left on device")

    with LabelFile(path) as file:
        file.append({"key": "a"})
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            file.append({"key": "b"})
        assert file.done == {"a"}
    assert lines(path) == ["a"]


@pytest.mark.parametrize("wrong", [b"not json\n", b'{"id": 1}\n', b"[1]\n"])
def test_another_file_is_left_alone(tmp_path, wrong):
    path = tmp_path / "labels.jsonl"
    path.write_bytes(wrong)
    with pytest.raises(ConfigError, match="line 1 is no label"):
        LabelFile(path)
    assert path.read_bytes() == wrong


def test_two_people_cannot_write_one_file(tmp_path):
    path = tmp_path / "labels.jsonl"
    with LabelFile(path), pytest.raises(StoreError, match="another process holds"):
        LabelFile(path)
    with LabelFile(path) as file:
        assert file.done == set()
