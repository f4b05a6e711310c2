import pytest

from judge.benchmarks.files import load_benchmark
from judge.errors import ConfigError

TEXT = """\
schema: benchmark/v1
id: own
about: a set of my own
paper: none
licence: mine
source: here
checked: by me
files: {test: rows.jsonl}
row: {kind: chosen, prompt: p, chosen: c, rejected: r}
metric: {rule: pair}
"""


@pytest.fixture
def written(tmp_path):
    def write(old="", new=""):
        assert old in TEXT
        path = tmp_path / "own.yaml"
        path.write_text(TEXT.replace(old, new))
        return path

    return write


def test_a_file_of_ones_own(written):
    benchmark = load_benchmark(written())
    assert (benchmark.id, benchmark.row.kind, benchmark.metric.overall) == (
        "own",
        "chosen",
        "items",
    )


def test_a_folder_of_ones_own(written, monkeypatch):
    monkeypatch.setenv("JUDGE_BENCHMARKS", str(written().parent))
    assert load_benchmark("own").about == "a set of my own"


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("rule: pair", "rule: pairs", ":10:", "'pairs' is not one of"),
        ("kind: chosen, ", "", ":9:", "kind"),
        ("paper: none", "papers: none", ":4:", "unknown key 'papers'"),
        ("files: {test: rows.jsonl}\n", "", ":", "files and row go together"),
        ("rule: pair", "rule: pair, overall: sections", ":10:", "needs sections"),
        ("{rule: pair}", "{rule: pair}\ntotal: 1\ncounts: {a: 2}", ":", "less than the counts"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(written, old, new, place, said):
    with pytest.raises(ConfigError) as caught:
        load_benchmark(written(old, new))
    assert f"own.yaml{place}" in caught.value.message
    assert said in caught.value.message


def test_an_unknown_name_has_a_cure():
    with pytest.raises(ConfigError, match="no benchmark 'rewardbench3'") as caught:
        load_benchmark("rewardbench3")
    assert "rewardbench" in caught.value.hint
