from collections.abc import Sequence

import pytest

from judge.errors import ConfigError
from judge.runs.dataset import Row
from judge.runs.ids import distinct
from judge.types import Group


def rows(ids: Sequence[tuple[str, str, bool]]) -> list[Row]:
    return [
        Row(source, number, Group.of(f"p{number}", ["x"], id=name), None, None, named)
        for number, (source, name, named) in enumerate(ids, 1)
    ]


def test_rows_of_one_file_with_the_same_id_are_an_error() -> None:
    passed = distinct(rows([("a", "1", True), ("a", "2", True), ("a", "1", True)]))
    assert [next(passed).number, next(passed).number] == [1, 2]
    with pytest.raises(ConfigError, match="a: row 3: an earlier row has the id '1' too"):
        next(passed)


def test_other_files_and_rows_without_an_id_of_their_own_may_repeat_it() -> None:
    given_ = [("a", "1", True), ("b", "1", True), ("a", "h", False), ("a", "h", False)]
    assert len(list(distinct(rows(given_)))) == 4
