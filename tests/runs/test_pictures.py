import base64
import json

import pytest

from judge.errors import ConfigError
from judge.runs import pictures
from judge.runs.dataset import Columns, read_rows
from judge.runs.pictures import with_pictures

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
URI = "data:image/png;base64," + base64.b64encode(PNG).decode()


@pytest.fixture
def folder(tmp_path):
    home = tmp_path / "data"
    (home / "pics").mkdir(parents=True)
    (home / "pics" / "a.png").write_bytes(PNG)
    (home / "b.webp").write_bytes(b"RIFF0000WEBPVP8 ")
    (home / "sound.png").write_bytes(b"RIFF0000WAVEfmt ")
    (home / "secret.txt").write_text("SECRET")
    (tmp_path / "outside.png").write_bytes(PNG)
    (home / "link.png").symlink_to(tmp_path / "outside.png")
    return home


def row(*names):
    parts = [{"type": "image_url", "image_url": {"url": name}, "text": None} for name in names]
    return {
        "role": "user",
        "content": [{"type": "text", "text": "What?", "image_url": None}, *parts],
    }


@pytest.mark.parametrize(
    "turn",
    [
        row("pics/a.png"),
        {"role": "user", "content": "What?", "images": ["pics/a.png"]},
        {"role": "user", "content": [{"type": "image", "image": "pics/a.png"}]},
        {"role": "user", "content": [{"type": "input_image", "image_url": "pics/a.png"}]},
        {"role": "user", "content": [{"type": "image", "url": "./pics/../pics/a.png"}]},
    ],
)
def test_a_file_beside_the_data_becomes_a_data_uri(folder, turn, tmp_path):
    file = folder / "rows.jsonl"
    made = {"prompt": [turn], "responses": [[{**turn, "role": "assistant"}], {"text": [turn]}, "x"]}
    file.write_text(json.dumps(made))
    (found,) = read_rows(file)
    assert found.group.prompt[0].images == (URI,)
    assert [r.text[0].images for r in found.group.responses[:2]] == [(URI,), (URI,)]
    (flat,) = read_rows(_flat(folder, turn), Columns.of([], group_by="id"))
    assert flat.group.responses[0].text[0].images == (URI,)


def _flat(folder, turn):
    file = folder / "flat.jsonl"
    file.write_text(json.dumps({"id": "g", "prompt": "p", "response": [turn]}))
    return file


def test_addresses_texts_and_other_values_stay(folder):
    kept = row("https://a.org/x.png", URI)
    assert with_pictures([kept], folder)[0]["content"][1]["image_url"] == {
        "url": "https://a.org/x.png"
    }
    assert with_pictures([kept], folder)[0]["content"][2]["image_url"] == {"url": URI}
    for value in ("text", 7, None, {"score": 1}):
        assert with_pictures(value, folder) == value


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../outside.png", "outside"),
        ("/etc/passwd", "outside"),
        ("link.png", "outside"),
        ("file:///etc/passwd", "is no file"),
        ("secret.txt", "no image"),
        ("sound.png", "no image"),
        ("gone.png", "is no file"),
        ("pics", "is no file"),
        ("a\0b.png", "cannot be read"),
    ],
)
def test_nothing_else_is_read(folder, name, why):
    (folder / "rows.jsonl").write_text(json.dumps({"prompt": [row(name)], "responses": ["x"]}))
    with pytest.raises(ConfigError, match=why) as caught:
        list(read_rows(folder / "rows.jsonl"))
    assert "row 1" in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_an_image_that_is_too_large(folder, monkeypatch):
    (turn,) = with_pictures([row("b.webp")], folder)
    assert turn["content"][1]["image_url"]["url"].startswith("data:image/webp;base64,")
    monkeypatch.setattr(pictures, "MOST_BYTES", len(PNG) - 1)
    with pytest.raises(ConfigError, match="bytes"):
        with_pictures([row("pics/a.png")], folder)
