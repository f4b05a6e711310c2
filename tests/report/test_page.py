import base64
import csv
import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from judge.report.page import ROWS, page_of, render
from judge.report.probes import Probed
from judge.report.rewards import by_length
from judge.report.run import run_report

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Read(HTMLParser):
    """The elements of a page; a tag that is not closed where it must be is an error."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.links, self.ids, self.text = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def attack(name, rate):
    return {
        "attack": name, "rate": rate, "low": 0.0, "high": 1.0, "judged": 4, "unjudged": 0,
        "gated": 0, "lift": None,
    }  # fmt: skip


PROBE = Probed(
    {
        "recipe": "<b>r</b>", "items": 4, "rule": "<i>",
        "attacks": [attack("<script>x</script>", 0.5)],
        "overall": attack("all", 0.5), "record": {"engine": "e1", "recipe": "r1"},
    }
)  # fmt: skip


@pytest.fixture
def evil_page(hostile):
    return page_of([run_report(hostile(30)), run_report(hostile(3, "other"))], [PROBE])


def test_hostile_texts_are_text(evil_page):
    page = Read(render(evil_page))
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "iframe", "link", "object", "base", "form", "b", "i"}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    said = "".join(page.text)
    for text in ("<script>alert(1)</script>", "</details></pre></svg></style>", "{{ 7 * 7 }}"):
        assert text in said
    assert "\x00" not in said
    assert "\x1b" not in said


def test_nothing_is_loaded(evil_page):
    told = render(evil_page)
    page = Read(told)
    assert page.links
    assert all(link.startswith(("#", "data:text/csv;")) for link in page.links)
    assert not re.search(r"@import|url\(", told)
    policy = next(attrs for _, attrs in page.tags if attrs.get("http-equiv"))
    assert policy["content"].startswith(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    )


def test_links_lead_somewhere_and_names_are_unique(evil_page):
    for made in (evil_page, page_of(evil_page.runs[:1], [PROBE, PROBE])):
        page = Read(render(made))
        assert len(set(page.ids)) == len(page.ids)
        assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
        names = [name for name, _ in made.tables()]
        assert len(set(names)) == len(names)


def test_every_drawing_is_xml_with_a_title_and_a_description(evil_page):
    drawings = re.findall(r"<svg.*?</svg>", render(evil_page), re.DOTALL)
    drawn = [one for run in evil_page.runs for one in run.figures if one.svg]
    assert len(drawings) == len(drawn) + 2
    for text in drawings:
        root = ElementTree.fromstring(text)
        assert root.get("role") == "img"
        assert root.find("{*}title").text
        assert root.find("{*}desc").text


def test_each_figure_has_its_numbers_beside_it(evil_page):
    page = Read(render(evil_page))
    inside = {attrs["download"]: attrs["href"] for tag, attrs in page.tags if "download" in attrs}
    tables = dict(evil_page.tables())
    assert set(inside) == set(tables)
    for name, link in inside.items():
        told = base64.b64decode(link.partition("base64,")[2]).decode()
        assert told == tables[name].csv
        assert len(list(csv.reader(io.StringIO(told)))) == len(tables[name].rows) + 1


def test_long_tables_are_cut_on_the_page_and_whole_in_their_file(make_row, make_source):
    rows = [make_row(k, [0.5, 0.1 + k / 1000]) for k in range(ROWS)]
    report = run_report(make_source(rows))
    figure = by_length(list(range(2 * ROWS)), [0.5] * (2 * ROWS))
    told = render(page_of([replace(report, figures=(figure,))]))
    assert f"The first {ROWS} of {2 * ROWS} rows" in told
    assert told.count("<td") < 3 * ROWS


def test_a_run_without_a_reward_says_so_at_the_top(make_row, make_source):
    page = page_of([run_report(make_source([make_row(1, [None, None])]))])
    assert page.finding.startswith("No response has a reward")
    told = render(page)
    assert told.index("No response has a reward") < told.index("<main>")


def test_a_probe_of_another_judge_is_named_as_such(make_row, make_source):
    same = run_report(make_source([make_row(1, [0.5])], "mine"))
    other = run_report(make_source([make_row(1, [0.5], record={"engine": "e9"})], "other"))
    assert "This is the judge of mine." in page_of([same, other], [PROBE]).probes[0].caption
    assert "not the judge of the report" in page_of([other], [PROBE]).probes[0].caption
