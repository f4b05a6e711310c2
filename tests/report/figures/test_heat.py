from xml.etree import ElementTree

from judge.report.figures.heat import DRAWN, NUMBERED, heat


def drawn(values, names=("a", "b"), **more):
    options = {"middle": 0.0, "reach": 1.0, "told": lambda v: f"{v:.1f}", **more}
    return ElementTree.fromstring(heat("t", "d", names, values, **options))


def coloured(root):
    return [one for one in root.findall(".//{*}rect") if one.get("fill-opacity")]


def test_sign_is_the_hue_and_size_the_strength():
    cells = coloured(drawn({("a", "b"): 1.0, ("b", "a"): -0.5, ("b", "b"): 0.0}))
    assert [one.get("class") for one in cells] == ["fill-a", "fill-b", "fill-a"]
    strong, half, none = (float(one.get("fill-opacity")) for one in cells)
    assert strong == 2.0 * half > none == 0.0


def test_beyond_its_reach_a_colour_grows_no_stronger():
    cells = coloured(drawn({("a", "b"): 5.0, ("b", "a"): 1.0}))
    assert cells[0].get("fill-opacity") == cells[1].get("fill-opacity")


def test_what_is_not_known_is_empty_and_says_so():
    root = drawn({("a", "b"): 1.0})
    assert len(coloured(root)) == 1
    assert "a, a: not known" in [one.text for one in root.findall(".//{*}title")]


def test_numbers_stand_in_large_cells_alone_and_are_told_in_all():
    for n in (NUMBERED, NUMBERED + 1):
        names = [f"s{k}" for k in range(n)]
        root = drawn({("s0", "s1"): 0.7}, names)
        assert ("0.7" in [one.text for one in root.findall(".//{*}text")]) is (n == NUMBERED)
        assert "s0, s1: 0.7" in [one.text for one in root.findall(".//{*}title")]


def test_only_so_many_names_are_drawn():
    names = [f"s{k}" for k in range(DRAWN + 3)]
    assert len(list(drawn({}, names).findall(".//{*}rect"))) == DRAWN**2
