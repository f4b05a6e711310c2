from xml.etree import ElementTree

from judge.report.figures.plot import BOTTOM, LEFT, TOP, Point, across, plot, up


def draw(points, **more):
    axes = (across(0.0, 1.0), up(0.0, 1.0))
    return ElementTree.fromstring(plot("t", "d", points, axes, ("x", "y"), **more))


def test_points_stand_where_their_numbers_are():
    low, high = list(draw([Point(0.0, 0.0), Point(1.0, 1.0)]).findall(".//{*}circle"))
    assert (float(low.get("cx")), float(low.get("cy"))) == (LEFT, BOTTOM)
    assert float(high.get("cx")) > LEFT
    assert float(high.get("cy")) == TOP


def test_a_diagonal_joins_equal_numbers():
    root = draw([Point(0.5, 0.5)], diagonal=True)
    (line,) = [one for one in root.findall(".//{*}line") if one.get("class") == "even"]
    assert (line.get("x1"), line.get("y1")) == (f"{LEFT:.0f}", f"{BOTTOM:.0f}")


def test_means_are_one_line_and_intervals_are_drawn():
    root = draw([Point(0.5, 0.5, 0.2, 0.7)], means=[(0.0, 0.0), (1.0, 1.0)])
    (track,) = root.findall(".//{*}polyline")
    assert len(track.get("points").split()) == 2
    assert [one.get("class") for one in root.findall(".//{*}line")].count("whisker") == 1


def test_names_are_beside_their_points_and_inside():
    root = draw([Point(0.0, 0.5, name="left"), Point(1.0, 0.5, name="right")])
    named = {one.text: one for one in root.findall(".//{*}text") if one.text in ("left", "right")}
    assert named["left"].get("text-anchor") is None
    assert named["right"].get("text-anchor") == "end"
