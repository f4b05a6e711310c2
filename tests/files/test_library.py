from pathlib import Path

import pytest

from judge.errors import RecipeError
from judge.files import Library, bundled


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JUDGE_THINGS", raising=False)
    for place in ("given", "named", "things", "bundled"):
        (tmp_path / place / "sub").mkdir(parents=True)
    return Library("thing", "things", "JUDGE_THINGS", tmp_path / "bundled", RecipeError)


def put(*places):
    for place in places:
        Path(place, "sub", "a.yaml").write_text("x")


def test_first_of_option_variable_folder_bundled(library, tmp_path, monkeypatch):
    put("bundled")
    assert library.find("sub/a") == tmp_path / "bundled/sub/a.yaml"
    put("things")
    assert library.find("sub/a") == Path("things/sub/a.yaml")
    put("named")
    monkeypatch.setenv("JUDGE_THINGS", "named")
    assert library.find("sub/a") == Path("named/sub/a.yaml")
    put("given")
    assert library.find("sub/a", Path("given")) == Path("given/sub/a.yaml")


def test_a_path_is_taken_as_it_is(library):
    put("bundled", "given")
    assert library.find("given/sub/a.yaml") == Path("given/sub/a.yaml")
    assert library.find(Path("given/sub/a.yaml")) == Path("given/sub/a.yaml")
    with pytest.raises(RecipeError, match="no thing file"):
        library.find("sub/a.yaml")
    with pytest.raises(RecipeError, match="no thing file"):
        library.find("../secret")


def test_unknown_id_says_where_it_looked_and_what_is_near(library):
    put("things")
    with pytest.raises(RecipeError) as caught:
        library.find("sub/b")
    assert "things" in caught.value.message
    assert "bundled" in caught.value.message
    assert caught.value.hint == "did you mean 'sub/a'?"


def test_names_are_ids_of_all_places(library):
    put("things", "bundled")
    Path("bundled/top.yml").write_text("x")
    Path("bundled/Not An Id.yaml").write_text("x")
    assert library.names() == ["sub/a", "top"]


def test_bundled_folder_exists_in_a_checkout():
    assert (bundled("rubrics") / "general").is_dir()
