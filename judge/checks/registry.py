"""All checks by name."""

from __future__ import annotations

from collections.abc import Mapping

from judge.checks.base import CheckParams, CheckResult, CheckSpec, Inputs, Registry
from judge.checks.content import Degenerate, Repetition
from judge.checks.length import Characters, MaxWords, MinWords, Paragraphs, Sentences, Words
from judge.checks.pattern import Regex
from judge.checks.structure import JsonValid
from judge.checks.terms import Contains, EndsWith, Excludes, StartsWith

CHECKS: Mapping[str, CheckSpec] = Registry(
    {
        "characters": Characters,
        "contains": Contains,
        "degenerate": Degenerate,
        "ends_with": EndsWith,
        "excludes": Excludes,
        "json_valid": JsonValid,
        "max_words": MaxWords,
        "min_words": MinWords,
        "paragraphs": Paragraphs,
        "regex": Regex,
        "repetition": Repetition,
        "sentences": Sentences,
        "starts_with": StartsWith,
        "words": Words,
    }
)


def run_check(
    name: str,
    params: CheckParams | Mapping[str, object],
    text: str,
    *,
    prompt: str = "",
    reference: str | None = None,
) -> CheckResult:
    """Run one check on the text of one response.

    Args:
        name: A name in `CHECKS`.
        params: What the rubric's loader made of the parameters, or the parameters as a mapping.
        text: The response.
        prompt: The user's prompt.
        reference: The reference answer, where there is one.

    Raises:
        KeyError: There is no such check.
        pydantic.ValidationError: The parameters were given as a mapping and are wrong.
    """
    if not isinstance(params, CheckParams):
        params = CHECKS[name].params.model_validate(params)
    return params.run(text, Inputs(prompt, reference))
