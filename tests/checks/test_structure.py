import pytest

from judge.checks import run_check


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, null, "x"]}', 1.0),
        (' "text"\n', 1.0),
        ("{'a': 1}", 0.0),
        ('{"a": 1,}', 0.0),
        ('{"a": 1, "a": 2}', 0.0),
        ("NaN", 0.0),
        ("[Infinity]", 0.0),
        ("", 0.0),
        ('{"a": 1} and more', 0.0),
        ('```json\n{"a": 1}\n```', 0.0),
        ("[" * 100_000, None),
        ("9" * 100_000, 1.0),
        ('"\ud800"', 1.0),
    ],
)
def test_whole_response(text, value):
    assert run_check("json_valid", {}, text).value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('```json\n{"a": 1}\n```', 1.0),
        ('```\n{"a": 1}\n```\n', 1.0),
        ('{"a": 1}', 1.0),
        ('Here:\n```json\n{"a": 1}\n```', 0.0),
        ("```json\n```", 0.0),
        ("```python\n1\n```", 0.0),
    ],
)
def test_fence(text, value):
    assert run_check("json_valid", {"allow_fence": True}, text).value == value
