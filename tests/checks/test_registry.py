from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.checks import CHECKS, CheckParams, CheckResult, base, run_check

PARAMS = {
    "box_iou": {"box": [0, 0, 1, 1]},
    "characters": {"max": 10},
    "citations_present": {"per_sentence": 0.5},
    "citations_resolve": {"style": "author_year"},
    "closeness": {"answer": 1.0},
    "code_quality": {"docstrings": True},
    "contains": {"terms": ["a", "é"], "whole_word": True},
    "degenerate": {"openers": True},
    "echo": {"n": 2},
    "embedding_match": {},
    "ends_with": {"terms": "."},
    "exact_match": {"answers": "a"},
    "excludes": {"terms": ["a"]},
    "format": {"element": "tables", "min": 1},
    "json_schema": {"schema": {"type": "array", "uniqueItems": True}},
    "json_valid": {"allow_fence": True},
    "language": {"expected": "en"},
    "length_delta": {"max": 3},
    "length_share": {"target": 3},
    "max_words": {"limit": 3},
    "min_words": {"limit": 3},
    "numeric_match": {"answer": 1.0},
    "paragraphs": {"min": 1},
    "quotes_verbatim": {"min_words": 1},
    "regex": {"pattern": r"\w+\s", "min_count": 2},
    "relevance": {},
    "repetition": {},
    "script": {"expected": "latin"},
    "sentences": {"max": 2},
    "sql_ngrams": {"query": "SELECT a FROM b"},
    "sql_parses": {},
    "sql_schema_items": {"query": "SELECT a FROM b"},
    "starts_with": {"terms": ["a"], "case": True},
    "tokens": {"max": 3, "tokenizer": str(Path(__file__).with_name("tokenizer.json"))},
    "words": {"min": 1},
}
PROCESSES = {
    "code_exec": {"tests": ["assert True"]},
    "generated_check": {"programs": ["def check(r): return True"] * 2},
    "math_equivalent": {"answer": "1"},
    "sql_result": {"schema_sql": "", "query": "SELECT 1"},
}
ENCODERS = {"semantic_relevance"}
"""Checks that need a model; see test_encoder."""
TEXTS = {"prompt": "p", "reference": "a 1", "context": "[1] Smith 2020"}
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
    assert set(PARAMS) | set(PROCESSES) | ENCODERS == set(CHECKS)
    slow = {name for name in CHECKS if CHECKS[name].params.starts_process}
    assert slow == set(PROCESSES) | ENCODERS


@pytest.mark.parametrize("name", PARAMS)
@settings(deadline=None)
@given(text=ANY_TEXT)
def test_any_text_gives_a_value_in_range_the_same_each_time(name, text):
    result = run_check(name, PARAMS[name], text, **TEXTS)
    assert result.value is None or 0.0 <= result.value <= 1.0
    assert result == run_check(name, PARAMS[name], text, **TEXTS)


@pytest.mark.parametrize("kind", HUGE)
def test_huge_texts_are_decided(kind):
    # Quadratic work on texts of this size would run for many minutes.
    for name in PARAMS:
        assert isinstance(run_check(name, PARAMS[name], HUGE[kind], **TEXTS), CheckResult)


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("text", ["", "a\x00b", "\ud800", "```python\n```", "9" * 250_000])
def test_awkward_texts_do_not_break_the_checks_that_start_a_process(name, text):
    result = run_check(name, PROCESSES[name], text, **TEXTS)
    assert result.value in (None, 0.0, 1.0)


@pytest.mark.parametrize("name", {**PARAMS, **PROCESSES})
def test_every_check_explains_itself(name):
    spec = CHECKS[name]
    assert spec.about.endswith(".")
    params = spec.params.model_validate({**PARAMS, **PROCESSES}[name])
    sentence = params.sentence()
    assert sentence
    assert not sentence.endswith(".")
    assert spec.params.model_validate(params.model_dump(mode="json")) == params


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
    with pytest.warns(UserWarning, match="'broken' of an unknown package does not load"):
        assert "other" not in registry


class Distribution:
    name = "their-checks"


def test_what_is_no_check_is_named_with_its_distribution(monkeypatch):
    point = EntryPoint("strange", "json:dumps", base.ENTRY_POINTS)._for(Distribution())
    monkeypatch.setattr(base, "entry_points", lambda group: [point])
    registry = base.Registry({})
    with pytest.warns(UserWarning, match=r"'strange' of their-checks .* subclass of CheckParams"):
        assert list(registry) == []


def test_unknown_check():
    with pytest.raises(KeyError):
        run_check("no_such_check", {}, "text")
    assert "no_such_check" not in CHECKS
