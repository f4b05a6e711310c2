import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.challenge.figures import LAST_YEAR, dates, numbers


@pytest.mark.parametrize(
    "text",
    [
        "The river is 1,250.50 km long.",
        "It weighs 05.70 kg.",
        "The rate is 25% of it.",
        "It has 206 bones.",
        "It costs $1,250 in total.",
        "It holds 0.5 litres.",
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_number_is_far_off_and_looks_as_before(changed, text, seed):
    (made,) = changed(numbers, text, seed=seed)
    assert made != text
    assert re.sub(r"\d", "9", made) == re.sub(r"\d", "9", text)
    before, after = (
        float(re.search(r"\d[\d,.]*\d|\d", one)[0].replace(",", "")) for one in (text, made)
    )
    assert after > 0.0
    assert abs(after - before) >= 0.25 * before
    assert "%" not in text or after < 100.0


@settings(deadline=None)
@given(st.decimals(0, 10**7, places=2), st.booleans(), st.integers(0, 99))
def test_any_quantity_keeps_its_format_and_is_never_a_lone_one(changed, value, grouped, seed):
    number = f"{value:,}" if grouped else f"{value}"
    text = f"The sum is {number} grams."
    for made in changed(numbers, text, seed=seed):
        found = re.fullmatch(r"The sum is ([\d,.]+) grams\.", made)[1]
        assert found != number
        assert re.sub(r"\d", "9", found) == re.sub(r"\d", "9", number)
        assert float(found.replace(",", "")) != 1.0
        assert sum(a != b for a, b in zip(found, number, strict=True)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "It is about 5 km long.",
        "It takes 5-10 minutes.",
        "It takes 5 to 10 minutes.",
        "It takes between 5 and 10 minutes.",
        "It takes 1 hour.",
        "It is a 5-minute walk.",
        "Take GPT-4 or step 4 of it.",
        "There are 5.",
        "Version 1.2.3 km of 5 km2.",
        "It is 0 km.",
        "Use `5 km` of it.",
        "See https://a.org/5 km.",
        "It is 2*5 km.",
    ],
)
def test_a_number_that_may_be_right_otherwise_is_left_alone(changed, text):
    assert changed(numbers, text) == []


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("It fell on July 20, 1969.", r"It fell on July 20, (\d{4})\."),
        ("It fell on 20th July 1969, at noon.", r"It fell on 20th July (\d{4}), at noon\."),
        ("In 1969, it fell.", r"In (\d{4}), it fell\."),
        ("It is known since 1969.", r"It is known since (\d{4})\."),
        ("It opened on 1969-07-20.", r"It opened on (\d{4})-07-20\."),
    ],
)
def test_a_year_is_moved(changed, text, form):
    for seed in range(20):
        (made,) = changed(dates, text, seed=seed)
        year = int(re.fullmatch(form, made)[1])
        assert 3 <= abs(year - 1969) <= 25


@pytest.mark.parametrize("year", [1000, 1002, 2024, LAST_YEAR])
def test_years_stay_years_of_the_past(changed, year):
    for seed in range(30):
        for made in changed(dates, f"It fell in {year}.", seed=seed):
            assert 1000 <= int(made[-5:-1]) <= LAST_YEAR


def test_a_month_takes_the_place_of_another_where_there_is_no_year(changed):
    (made,) = changed(dates, "It is on July 20 at noon.")
    assert re.fullmatch(r"It is on (?!July)[A-Z][a-z]+ 20 at noon\.", made)


@pytest.mark.parametrize(
    "text",
    [
        "It fell around 1969.",
        "It lasted from 1939\u20131945.",
        "It sold in 1500 shops.",
        "In 1969 people it was known.",
        "In 2093, it ends.",
        "The room 1969 is free.",
        "It is on July 31 at noon.",
        "See https://a.org/in/1969, now.",
        "`In 1969, it fell.`",
    ],
)
def test_what_may_be_no_date_is_left_alone(changed, text):
    assert changed(dates, text) == []
