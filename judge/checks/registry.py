"""All checks by name."""

from __future__ import annotations

from collections.abc import Mapping

from judge.checks.base import CheckParams, CheckResult, CheckSpec, Inputs, Registry
from judge.checks.boxes import BoxIou
from judge.checks.citations import CitationsPresent, CitationsResolve, QuotesVerbatim
from judge.checks.content import Degenerate, Repetition
from judge.checks.encoder import SemanticRelevance
from judge.checks.execution import CodeExec, GeneratedCheck
from judge.checks.format import Format
from judge.checks.json_schema import JsonSchema
from judge.checks.language import Language, Script
from judge.checks.length import (
    Characters,
    LengthShare,
    MaxWords,
    MinWords,
    Paragraphs,
    Sentences,
    Words,
)
from judge.checks.likeness import EmbeddingMatch, Relevance
from judge.checks.matching import Closeness, ExactMatch, NumericMatch
from judge.checks.maths import MathEquivalent
from judge.checks.overlap import Echo, LengthDelta
from judge.checks.pattern import Regex
from judge.checks.quality import CodeQuality
from judge.checks.sql import SqlNgrams, SqlParses, SqlSchemaItems
from judge.checks.sql_result import SqlResult
from judge.checks.structure import JsonValid
from judge.checks.terms import Contains, EndsWith, Excludes, StartsWith
from judge.checks.tokens import Tokens

CHECKS: Mapping[str, CheckSpec] = Registry(
    {
        "box_iou": BoxIou,
        "characters": Characters,
        "citations_present": CitationsPresent,
        "citations_resolve": CitationsResolve,
        "closeness": Closeness,
        "code_exec": CodeExec,
        "code_quality": CodeQuality,
        "contains": Contains,
        "degenerate": Degenerate,
        "echo": Echo,
        "embedding_match": EmbeddingMatch,
        "ends_with": EndsWith,
        "exact_match": ExactMatch,
        "excludes": Excludes,
        "format": Format,
        "generated_check": GeneratedCheck,
        "json_schema": JsonSchema,
        "json_valid": JsonValid,
        "language": Language,
        "length_delta": LengthDelta,
        "length_share": LengthShare,
        "math_equivalent": MathEquivalent,
        "max_words": MaxWords,
        "min_words": MinWords,
        "numeric_match": NumericMatch,
        "paragraphs": Paragraphs,
        "quotes_verbatim": QuotesVerbatim,
        "regex": Regex,
        "relevance": Relevance,
        "repetition": Repetition,
        "script": Script,
        "semantic_relevance": SemanticRelevance,
        "sentences": Sentences,
        "sql_ngrams": SqlNgrams,
        "sql_parses": SqlParses,
        "sql_result": SqlResult,
        "sql_schema_items": SqlSchemaItems,
        "starts_with": StartsWith,
        "tokens": Tokens,
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
    context: str | None = None,
) -> CheckResult:
    """Run one check on the text of one response.

    Args:
        name: A name in `CHECKS`.
        params: What the rubric's loader made of the parameters, or the parameters as a mapping.
        text: The response.
        prompt: The user's prompt.
        reference: The reference answer, where there is one.
        context: The texts the response draws on, where there are any.

    Raises:
        CheckError: The check cannot run here: a package or the sandbox is missing.
        KeyError: There is no such check.
        pydantic.ValidationError: The parameters were given as a mapping and are wrong.
    """
    if not isinstance(params, CheckParams):
        params = CHECKS[name].params.model_validate(params)
    return params.run(text, Inputs(prompt, reference, context))
