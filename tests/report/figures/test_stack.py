from xml.etree import ElementTree

import pytest

from judge.report.figures.stack import stack


def test_parts_are_as_wide_as_their_share_and_empty_ones_are_named_only():
    root = ElementTree.fromstring(stack("t", "d", [("ok", 30), ("gated", 0), ("failed", 10)]))
    bar = [one for one in root.findall(".//{*}rect") if one.get("height") == "22"]
    wide = [float(one.get("width")) + 1.0 for one in bar]
    assert len(bar) == 2
    assert wide[0] == pytest.approx(3.0 * wide[1], abs=0.1)
    said = [one.text for one in root.findall(".//{*}text")]
    assert said == ["ok: 30 (75.0 %)", "gated: 0 (0.0 %)", "failed: 10 (25.0 %)"]
