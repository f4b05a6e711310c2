from importlib.metadata import EntryPoint

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.checks import CHECKS, CheckParams, CheckResult, base, run_check

PARAMS = {
    "characters": {"max": 10},
    "contains": {"terms": ["a", "é"], "whole_word": True},
    "degenerate": {"openers": True},
    "ends_with": {"terms": "."},
    "excludes": {"terms": ["a"]},
    "json_valid": {"allow_fence": True},
    "max_words": {"limit": 3},
    "min_words": {"limit": 3},
    "paragraphs": {"min": 1},
    "regex": {"pattern": r"\w+\s", "min_count": 2},
    "repetition": {},
    "sentences": {"max": 2},
    "starts_with": {"terms": ["a"], "case": True},
    "words": {"min": 1},
}
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
HUGE = {
    "letters": "a" * 1_000_000,
    "words": "ab " * 80_000,
    "stops": "." * 250_000,
    "stops and closers": '."' * 125_000,
    "lines": "\n \n" * 80_000,
    "cjk": "漢" * 250_000,
    "marks": "e" + "\u0301\u0327" * 125_000,
    "surrogates": "\ud800" * 250_000,
    "nul": "\x00" * 250_000,
    "brackets": "[" * 250_000,
}


def test_every_check_has_parameters_here():
    assert set(PARAMS) == set(CHECKS)


@pytest.mark.parametrize("name", PARAMS)
@settings(deadline=None)
@given(text=ANY_TEXT)
def test_any_text_gives_a_value_in_range_the_same_each_time(name, text):
    result = run_check(name, PARAMS[name], text, prompt="p", reference=None)
    assert result.value is None or 0.0 <= result.value <= 1.0
    assert result == run_check(name, PARAMS[name], text, prompt="p", reference=None)


@pytest.mark.parametrize("kind", HUGE)
def test_huge_texts_are_decided(kind):
    # Quadratic work on texts of this size would run for many minutes.
    for name in PARAMS:
        assert isinstance(run_check(name, PARAMS[name], HUGE[kind]), CheckResult)


@pytest.mark.parametrize("name", PARAMS)
def test_every_check_explains_itself(name):
    spec = CHECKS[name]
    assert spec.about.endswith(".")
    sentence = spec.params.model_validate(PARAMS[name]).sentence()
    assert sentence
    assert not sentence.endswith(".")


def test_bare_value_is_the_positional_parameter():
    assert CHECKS["max_words"].params.mapping(300) == {"limit": 300}
    assert CHECKS["degenerate"].params.mapping(None) == {}
    assert CHECKS["contains"].params.mapping(["a"]) == {"terms": ["a"]}


class Shout(CheckParams):
    """The response is in capitals."""

    def run(self, text, inputs):
        return CheckResult.of(text.isupper(), inputs.prompt)

    def sentence(self):
        return "is in capitals"


def test_other_packages_add_checks_and_cannot_replace_ours(monkeypatch):
    points = [
        EntryPoint("shout", "tests_shout:Shout", base.ENTRY_POINTS),
        EntryPoint("words", "tests_shout:Shout", base.ENTRY_POINTS),
    ]
    monkeypatch.setattr(EntryPoint, "load", lambda self: Shout)
    monkeypatch.setattr(base, "entry_points", lambda group: points)
    registry = base.Registry({"words": CHECKS["words"].params})
    assert registry["shout"].params is Shout
    assert registry["words"].params is CHECKS["words"].params
    assert sorted(registry) == ["shout", "words"]


def test_a_check_that_does_not_load_is_skipped_with_a_warning(monkeypatch):
    point = EntryPoint("broken", "no_such_module:X", base.ENTRY_POINTS)
    monkeypatch.setattr(base, "entry_points", lambda group: [point])
    registry = base.Registry({})
    with pytest.warns(UserWarning, match="'broken' does not load"):
        assert "other" not in registry


def test_unknown_check():
    with pytest.raises(KeyError):
        run_check("no_such_check", {}, "text")
    assert "no_such_check" not in CHECKS
