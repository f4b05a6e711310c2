"""The pages in a real browser: nothing fails or loads, all is drawn, reached and printed."""

import base64

import pytest

from judge.report.page import page_of, render
from judge.report.run import run_report

DRAWN = """[...document.querySelectorAll('svg')].map(s => {
    const box = s.getBoundingClientRect(), inside = s.getBBox()
    return [box.width, box.height, inside.width, inside.height]})"""
CUT = """[...document.querySelectorAll('svg')].flatMap(s => {
    const room = s.getBoundingClientRect()
    return [...s.querySelectorAll('text')].filter(t => {
        const b = t.getBoundingClientRect()
        return b.left < room.left - 2 || b.right > room.right + 2 || b.bottom > room.bottom + 2
    }).map(t => t.textContent)})"""
STOPS = "[...document.querySelectorAll('a[href], summary, [tabindex]')]"
"""What the Tab key is to reach."""
OPENED = "document.querySelectorAll('details').forEach(d => d.open = true)"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Writes a page and says where; each once."""
    folder, made = tmp_path_factory.mktemp("pages"), {}

    def write(name, runs):
        if name not in made:
            made[name] = folder / f"{name}.html"
            made[name].write_text(render(page_of([run_report(run) for run in runs()])), "utf-8")
        return made[name]

    return write


@pytest.fixture
def page(pages, hostile, make_row, make_source):
    """Pages of small, large, several and failed runs."""
    kinds = {
        "three": lambda: [hostile(3)],
        "many": lambda: [hostile(300)],
        "two": lambda: [hostile(30, "one"), hostile(40, "two")],
        "dead": lambda: [make_source([make_row(1, [None, None])])],
    }
    return lambda name: pages(name, kinds[name])


@pytest.mark.parametrize("name", ["three", "many", "two", "dead"])
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_fails_or_loads_and_all_is_drawn(browser, page, name, width):
    file = page(name)
    browser.open(file, width=width)
    browser.run(OPENED)
    assert browser.seen("Log.entryAdded") == []
    assert browser.seen("Runtime.consoleAPICalled") == []
    assert browser.seen("Runtime.exceptionThrown") == []
    asked = [one["request"]["url"] for one in browser.seen("Network.requestWillBeSent")]
    assert asked == [file.resolve().as_uri()]
    boxes = browser.run(DRAWN)
    assert boxes
    assert all(side > 0 for box in boxes for side in box)
    assert browser.run(CUT) == []
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_the_policy_of_the_page_stops_a_script(browser, page):
    browser.open(page("three"), width=800)
    script = "const s = document.createElement('script'); s.textContent = 'window.ran = 1'"
    browser.run(f"{script}; document.head.append(s); 0")
    assert browser.run("window.ran === undefined")


def test_letters_are_large_enough_on_a_telephone(browser, page):
    browser.open(page("three"), width=400)
    sizes = browser.run(
        """[...document.querySelectorAll('svg text')].map(t => {
        const m = t.getScreenCTM(), size = parseFloat(getComputedStyle(t).fontSize)
        return size * Math.sqrt(Math.abs(m.a * m.d - m.b * m.c))})"""
    )
    assert min(sizes) >= 9.5


@pytest.mark.parametrize("name", ["three", "two"])
def test_the_keyboard_reaches_everything_in_order(browser, page, name):
    browser.open(page(name), width=1000)
    browser.run(OPENED)
    reached = []
    for _ in range(browser.run(f"{STOPS}.length")):
        browser.tab()
        reached.append(browser.run(f"{STOPS}.indexOf(document.activeElement)"))
    assert reached == list(range(len(reached)))


@pytest.mark.parametrize("dark", [False, True])
def test_letters_stand_out_from_the_paper(browser, page, dark):
    browser.open(page("three"), width=1000, dark=dark)
    pairs = browser.run(
        """(() => {const c = (e, p) => getComputedStyle(e)[p].match(/[0-9.]+/g).map(Number)
        const body = document.body, panel = document.querySelector('figure')
        return [[c(body, 'color'), c(body, 'backgroundColor')],
            [c(panel.querySelector('.caption'), 'color'), c(panel, 'backgroundColor')],
            [c(panel.querySelector('a'), 'color'), c(panel, 'backgroundColor')],
            [c(panel.querySelector('svg text'), 'fill'), c(panel, 'backgroundColor')]]})()"""
    )
    assert (sum(pairs[0][1]) < 3 * 64) is dark
    assert all(contrast(one, other) >= 4.5 for one, other in pairs)


def contrast(one, other):
    """Of two colours, from 1 to 21 (WCAG 2.2)."""

    def light(colour):
        parts = [c / 255 for c in colour[:3]]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_it_prints_with_the_texts_that_are_folded_away(browser, page):
    browser.open(page("three"), width=1000, dark=True)
    printed = browser.send("Page.printToPDF", printBackground=True)
    assert base64.b64decode(printed["data"]).startswith(b"%PDF-")
    browser.open(page("three"), width=700, media="print", dark=True)
    assert browser.run("document.querySelectorAll('details.case').length") > 0
    tall = """Math.min(...[...document.querySelectorAll('details.case')].map(d =>
        d.clientHeight - d.querySelector('summary').clientHeight))"""
    assert browser.run(tall) > 50
    white = browser.run("getComputedStyle(document.body).backgroundColor")
    assert white == "rgb(255, 255, 255)"
    assert browser.run("document.documentElement.scrollWidth") <= 700
