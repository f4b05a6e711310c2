import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.report.figure import Figure, Table

plain = st.text(st.characters(exclude_categories=["Cs", "Cc"])).map(lambda t: f"x{t}")


@given(st.lists(st.tuples(plain, st.floats(allow_nan=False), st.none() | st.integers())))
def test_csv_gives_back_what_is_in_the_table(rows):
    table = Table.of(("name", "number", "count"), rows)
    back = list(csv.reader(io.StringIO(table.csv)))
    assert back[0] == ["name", "number", "count"]
    assert [row[0] for row in back[1:]] == [name for name, _, _ in rows]
    assert [float(row[1]) for row in back[1:]] == [number for _, number, _ in rows]
    assert [row[2] for row in back[1:]] == ["" if n is None else str(n) for _, _, n in rows]


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_text_cannot_become_a_formula_and_a_number_stays_one(text):
    back = list(csv.reader(io.StringIO(Table.of(("n", "v"), [(text, -1.0)]).csv)))
    assert back[1] == [f"'{text}", "-1.0"]


def test_half_a_letter_can_be_written():
    assert Table.of(("n",), [("\ud800",)]).csv.encode() == b"n\n?\n"


def test_the_name_of_a_figure_is_that_of_its_file():
    assert Figure("rewards", "Rewards").csv_name == "rewards.csv"
