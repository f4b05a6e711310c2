import json

import pytest

from judge.curation.pairs import read_labelled, relabelled
from judge.errors import ConfigError
from judge.runs.dataset import Columns


@pytest.fixture
def file(tmp_path):
    def write(*rows):
        path = tmp_path / "pairs.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


BASE = {"prompt": "ask", "responses": ["x", "y"]}
CHOSEN = {"prompt": "ask", "chosen": "x", "rejected": "y"}


@pytest.mark.parametrize(
    ("row", "maps", "start", "better"),
    [
        ({**BASE, "label": 1}, (), 0, 1),
        ({**BASE, "label": 1}, (), 1, 0),
        ({**BASE, "ranking": [1, 0]}, (), 0, 1),
        ({**BASE, "ranking": [[0, 1]]}, (), 0, None),
        (BASE, (), 0, None),
        ({"prompt": "ask", "A": "x", "B": "y", "label": "B"}, ("responses=A,B",), 0, 1),
        ({**BASE, "winner": 0}, ("label=winner",), 0, 0),
        (CHOSEN, (), 0, 0),
        ({**CHOSEN, "label": 1}, (), 0, 1),
    ],
)
def test_what_a_row_says_and_the_same_row_with_either_label(file, row, maps, start, better):
    columns = Columns.of(maps, labels_from=start)
    (read,) = read_labelled(file(row), columns)
    assert read.better == better
    for wanted in (0, 1):
        changed = relabelled(read, wanted)
        (again,) = read_labelled(file(changed), columns)
        said = again.group.responses[again.better].text
        assert said == read.group.responses[wanted].text
        assert set(row) <= set(changed)


def test_an_exchange_takes_with_it_what_is_said_of_either_side(file):
    row = {**CHOSEN, "score_chosen": 3, "score_rejected": 1, "margin": 2, "chosen_by": "me"}
    (read,) = read_labelled(file(row))
    assert relabelled(read, 1) == {
        "prompt": "ask",
        "rejected": "x",
        "chosen": "y",
        "score_rejected": 3,
        "score_chosen": 1,
        "margin": 2,
        "chosen_by": "me",
        "label": 0,
    }
    assert relabelled(read, 0) == {**row, "label": 0}


def test_what_is_no_pair_is_an_error(file):
    with pytest.raises(ConfigError, match="row 2 has 3 responses, not two"):
        list(read_labelled(file(BASE, {"prompt": "ask", "responses": ["x", "y", "z"]})))
    with pytest.raises(ConfigError, match="one row each"):
        next(read_labelled(file(BASE), Columns(group_by="prompt")))
