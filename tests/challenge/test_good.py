import json

import pytest

from judge.challenge.good import good_groups
from judge.errors import ConfigError
from judge.runs.dataset import Columns


@pytest.mark.parametrize(
    ("row", "maps", "good"),
    [
        ({"response": "x"}, (), "x"),
        ({"completion": "x", "score": 1}, (), "x"),
        ({"chosen": "x", "rejected": "y"}, (), "x"),
        ({"responses": ["x"]}, (), "x"),
        ({"responses": ["y", "x"], "label": 1}, (), "x"),
        ({"A": "y", "B": "x", "best": "B"}, ("responses=A,B", "label=best"), "x"),
        ({"responses": ["y", "x"], "ranking": [1, 0]}, (), "x"),
    ],
)
def test_the_good_response_of_a_row(tmp_path, row, maps, good):
    path = tmp_path / "good.jsonl"
    path.write_text(json.dumps({"prompt": "ask", "reference": "r", "id": "g", **row}) + "\n")
    (group,) = good_groups(path, Columns.of(maps))
    assert [response.text for response in group.responses] == [good]
    assert (group.id, group.reference, group.prompt) == ("g", "r", "ask")


def test_a_row_that_does_not_say_is_an_error(tmp_path):
    path = tmp_path / "good.jsonl"
    path.write_text(json.dumps({"prompt": "ask", "responses": ["x", "y"]}))
    with pytest.raises(ConfigError, match="row 1 does not say which response is good"):
        list(good_groups(path))
