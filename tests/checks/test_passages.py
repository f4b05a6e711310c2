import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.checks.passages import MOST_CITED, Page, cited_passages, pages_of, passages_of
from judge.types import Message

INLINE = "[1] It opened in 1931. [2] Its wing was added in 1964."
FOUND = """\
[1] The museum
https://elm.org/history
It opened in 1931. See [7] and https://other.org/x.
[2] Lund (https://lund.org/a_(man))
An architect.
"""
PLAIN = """\
URL: https://elm.org/history
It opened in 1931.

URL: https://lund.org/
An architect, see https://elm.org/else for more.
"""


def cites(text, *pages):
    made = [page if isinstance(page, Page) else Page("", page) for page in pages]
    return cited_passages(text, passages_of(made))


@pytest.mark.parametrize(
    ("text", "page", "found"),
    [
        ("So [2].", INLINE, ["[2] Its wing was added in 1964."]),
        ("So [1, 2].", INLINE, ["[1] It opened in 1931.", "[2] Its wing was added in 1964."]),
        ("So [02].", INLINE, ["[2] Its wing was added in 1964."]),
        ("So [3].", INLINE, []),
        ("So.", INLINE, []),
        ("So [7].", FOUND, []),  # a mark inside an entry begins none
        ("So [2].", FOUND, ["[2] Lund (https://lund.org/a_(man))\nAn architect."]),
        ("So [9](https://lund.org/a_(man)).", FOUND, [FOUND[FOUND.index("[2]") :].strip()]),
        ("So https://elm.org/history#top.", FOUND, [FOUND[: FOUND.index("[2]")].strip()]),
        ("So https://other.org/x.", FOUND, []),  # only a link on a page
        ("So https://lund.org.", PLAIN, [PLAIN[PLAIN.rindex("URL") :].strip()]),
        ("So https://elm.org/else.", PLAIN, []),
        ("So [2].", "1. One\n2. Two", ["2. Two"]),
        ("So [1](https://made.up/a).", INLINE, []),
        ("So [1].\n\n[1] Some title, https://made.up/a", INLINE, []),
        ("So [1].\n\n[1]: https://elm.org/history", FOUND, [FOUND[: FOUND.index("[2]")].strip()]),
    ],
)
def test_what_a_text_cites_in_a_page(text, page, found):
    assert cites(text, page) == found


def test_search_results_as_json():
    page = json.dumps({"results": [
        {"title": "Elm", "url": "https://elm.org/", "lines": ["Opened.", "In \"1931\"."]},
        {"title": "Lund", "url": "https://lund.org", "rank": 2, "more": None},
    ]})  # fmt: skip
    assert cites("[1](https://elm.org)", page) == ['Elm\nhttps://elm.org/\nOpened.\nIn "1931".']
    assert cites("https://lund.org and [1]", page) == ["Lund\nhttps://lund.org"]


def test_a_page_belongs_to_the_address_it_was_opened_by():
    turns = (
        Message("assistant", "", tool_calls=("open(https://elm.org)", "open(https://lund.org)")),
        Message("tool", "It opened."),
        Message("tool", "An architect."),
        Message("assistant", "Then [1](https://lund.org)."),
        Message("tool", "Nobody asked."),
    )
    pages = pages_of(turns, "A context.")
    assert pages[0] == Page("", "A context.")
    assert [page.asked for page in pages[1:]] == [*turns[0].tool_calls, ""]
    assert cites("[1](https://lund.org)", *pages) == ["An architect."]
    assert pages_of("text", None) == []


def test_only_so_many_sources_are_looked_up():
    page = "\n".join(f"[{k}] Entry {k}" for k in range(1, 40))
    text = " ".join(f"[{k}]" for k in range(1, 40))
    assert len(cites(text, page)) == MOST_CITED


@given(st.text(alphabet="[]()1290. \nhttps:/{}\"',ab\x00\ud800", max_size=80))
def test_any_text_can_be_read(text):
    found = cites(text, text, Page(text, text))
    assert all(isinstance(one, str) for one in found)


@pytest.mark.parametrize("piece", ["[1] ", "https://a", '{"a":', "[", "(", "[1]https://", "1. "])
def test_long_texts_take_no_long_time(piece):
    text = piece * 20_000
    cites(text, text)
