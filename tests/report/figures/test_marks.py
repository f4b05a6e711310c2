from xml.etree import ElementTree

from judge.report.figures.marks import DRAWN, Mark, marks


def circles(svg):
    return [float(one.get("cx")) for one in ElementTree.fromstring(svg).findall(".//{*}circle")]


def test_dots_stand_in_the_order_of_their_numbers():
    svg = marks("t", "d", [Mark("a", 0.1), Mark("b", 0.9), Mark("c", 0.5)], ends=(0.0, 1.0))
    a, b, c = circles(svg)
    assert a < c < b
    assert abs((b - a) - 4.0 * (c - a) / 2.0) < 0.1


def test_an_unknown_number_has_a_name_and_no_dot():
    svg = marks("t", "d", [Mark("known", 1.0), Mark("unknown", None)])
    assert len(circles(svg)) == 1
    assert "unknown" in svg


def test_an_interval_is_drawn_where_both_ends_are_known():
    lines = [Mark("a", 0.5, 0.4, 0.6), Mark("b", 0.5, None, None)]
    assert marks("t", "d", lines).count('class="whisker"') == 1


def test_bars_begin_at_the_low_end():
    svg = marks("t", "d", [Mark("a", 1.0), Mark("b", 2.0)], style="bars", ends=(0.0, 2.0))
    one, two = list(ElementTree.fromstring(svg).findall(".//{*}rect"))
    assert one.get("x") == two.get("x")
    assert float(two.get("width")) == 2.0 * float(one.get("width"))


def test_only_so_many_lines_are_drawn():
    svg = marks("t", "d", [Mark(f"name{k}", float(k)) for k in range(DRAWN + 5)])
    assert len(circles(svg)) == DRAWN
