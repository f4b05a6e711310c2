import pytest

from judge.checks import run_check
from judge.checks.content import OPENERS


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\t",
        ".",
        ",",
        ":",
        "...",
        "?!",
        "—",
        "```\n```",
        "\u200b",
        "\u3164",
        "\u2800",
        "\x00",
        "\ud800",
        "。",
    ],
)
def test_no_content_in_any_language(text):
    assert run_check("degenerate", {}, text).value == 0.0


@pytest.mark.parametrize("text", ["7", "A", "是", "é", "😀", "∞", "∅", "...x...", "Solution", "ก"])
def test_any_letter_digit_or_symbol_is_content(text):
    assert run_check("degenerate", {}, text).value == 1.0


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("form", ["{}", "{}:", " **{}**\n", "# {}..."])
def test_lone_openers_fail_where_asked(opener, form):
    text = form.format(opener.upper())
    assert run_check("degenerate", {"openers": True}, text).value == 0.0
    assert run_check("degenerate", {}, text).value == 1.0


def test_an_opener_with_an_answer_passes():
    assert run_check("degenerate", {"openers": True}, "Solution: 42").value == 1.0
    assert (
        run_check(
            "degenerate", {"openers": True}, "Let\u2019s solve this problem step by step"
        ).value
        == 0.0
    )


def test_more_characters_can_be_asked_for():
    assert run_check("degenerate", {"min_characters": 3}, "a-b").value == 0.0
    assert run_check("degenerate", {"min_characters": 3}, "a-b-c").value == 1.0


def test_repetition_is_the_share_of_distinct_ngrams():
    assert run_check("repetition", {"n": 1}, "a b a b").value == 0.5
    assert run_check("repetition", {"n": 2}, "a b a b").value == pytest.approx(2 / 3)
    assert run_check("repetition", {"n": 1}, "A a. a b").value == pytest.approx(3 / 4)


def test_repetition_with_a_limit():
    loop = "the same words again and " * 40
    assert run_check("repetition", {"min_unique": 0.3}, loop).value == 0.0
    assert run_check("repetition", {"min_unique": 0.3}, "all of these words are new").value == 1.0


def test_text_too_short_to_repeat_passes():
    assert run_check("repetition", {}, "a b").value == 1.0
    assert run_check("repetition", {}, "").value == 1.0
