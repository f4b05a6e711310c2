import pytest

from judge.report.collected import Collected
from judge.report.systems import systems, wins
from judge.runs.standings import Game


def figures(make_source, rows):
    source = make_source(rows)
    return systems(source, Collected.of(rows), bootstrap=50, seed=0)


def test_a_better_system_is_first_and_equal_ones_share_a_rank(make_row, make_source):
    named = {"systems": ["low", "same", "twin", "top"]}
    rows = [make_row(k, [0.1, 0.5, 0.5, 0.9], **named) for k in range(12)]
    board, _ = figures(make_source, rows)
    ranks = {row[1]: row[0] for row in board.table.rows}
    assert ranks["top"] == 1
    assert ranks["same"] == ranks["twin"] == 2
    assert ranks["low"] == 4


def test_who_beats_whom_adds_up_to_one(make_row, make_source):
    rows = [make_row(k, [0.1, (k % 3) / 2], systems=["a", "b"]) for k in range(12)]
    _, beaten = figures(make_source, rows)
    shares = {(row[0], row[1]): row[2] for row in beaten.table.rows}
    assert shares["a", "b"] + shares["b", "a"] == pytest.approx(1.0)
    assert shares["b", "a"] == pytest.approx(2 / 3)


def test_without_names_there_is_no_leaderboard(make_row, make_source):
    for figure in figures(make_source, [make_row(1, [0.1, 0.9])]):
        assert "no names" in figure.missing


def test_systems_that_never_meet_are_an_answer_and_no_error(make_row, make_source):
    for figure in figures(make_source, [make_row(1, [0.1, None], systems=["a", "b"])]):
        assert "no two systems" in figure.missing


def test_a_tie_counts_half():
    figure = wins([Game("a", "b", 0.5, "g")], ["a", "b"])
    assert {row[2] for row in figure.table.rows} == {0.5}
