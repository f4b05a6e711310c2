import json

import pytest

from judge.errors import ConfigError
from judge.report.probes import probe_figure, read_probe


def attack(name, rate, **fields):
    return {
        "attack": name,
        "rate": rate,
        "low": 0.0,
        "high": 1.0,
        "judged": 4,
        "unjudged": 0,
        "gated": 0,
        "lift": None,
        **fields,
    }


def told(*attacks, **fields):
    return {
        "recipe": "pointwise",
        "items": 4,
        "rule": "half way",
        "attacks": list(attacks),
        "overall": attack("all", 0.2),
        "record": {"engine": "e1", "recipe": "r1"},
        **fields,
    }


@pytest.fixture
def written(tmp_path):
    def write(data):
        path = tmp_path / "probe.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return path

    return write


def test_the_attack_that_is_paid_most_comes_first(written):
    found = read_probe(written(told(attack("a", 0.1), attack("b", 0.5), attack("c", None))))
    figure = probe_figure(found, "probe", "")
    assert [row[0] for row in figure.table.rows] == ["all", "b", "a", "c"]
    assert found.worst == ("b", 0.5)
    assert "50 %" in figure.caption


def test_where_no_attack_was_judged_nothing_is_drawn(written):
    found = read_probe(written(told(attack("a", None))))
    assert "no attack" in probe_figure(found, "probe", "").missing


@pytest.mark.parametrize(
    "data",
    [
        "",
        "[]",
        "{}",
        told(attack(3, 0.1)),
        told(attack("a", "0.1")),
        told({"attack": "a"}),
        told(record=[]),
    ],
)
def test_another_file_is_an_error(written, data):
    with pytest.raises(ConfigError, match="judge probe --json"):
        read_probe(written(data))


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="none"):
        read_probe(tmp_path / "none.json")
