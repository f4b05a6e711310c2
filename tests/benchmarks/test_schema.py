import pytest
from pydantic import ValidationError

from judge.benchmarks.schema import FlatRow, Metric


def test_flat_rows_have_one_truth():
    kept = {"kind": "flat", "by": "n", "prompt": "p", "response": "r"}
    assert FlatRow(**kept, dimensions=("u",)).right is None
    for both in ({}, {"dimensions": ("u",), "right": ("k", "v")}):
        with pytest.raises(ValidationError, match="either dimensions or right"):
            FlatRow(**kept, **both)


@pytest.mark.parametrize("wrong", [{"tie": 1.5}, {"failed": -0.1}, {"overall": "sections"}])
def test_a_metric_is_checked(wrong):
    with pytest.raises(ValidationError):
        Metric(rule="pair", **wrong)
