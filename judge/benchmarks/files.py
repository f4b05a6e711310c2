"""Benchmark files: found by name, and wrong in a helpful way."""

from __future__ import annotations

from pathlib import Path

from judge.benchmarks.schema import Benchmark
from judge.errors import ConfigError, FileError
from judge.files import Library, read_file, validate

BENCHMARKS = Library(
    "benchmark", "benchmarks", "JUDGE_BENCHMARKS", Path(__file__).parent / "sets", FileError
)


def load_benchmark(name: str | Path) -> Benchmark:
    """A benchmark by name, such as llmbar, or by file.

    Raises:
        ConfigError: There is none, or something in it is wrong; with its place.
    """
    try:
        path = BENCHMARKS.find(name)
        _, node = read_file(path, FileError)
        return validate(Benchmark, node, file=str(path), error=FileError)
    except FileError as error:
        place = ":".join(str(p) for p in (error.file, error.line, error.column) if p is not None)
        said = f"{place}: {error.message}" if place else error.message
        raise ConfigError(said, hint=error.hint) from error


def benchmark_names() -> list[str]:
    """The names of all benchmarks that can be found, sorted."""
    return BENCHMARKS.names()
