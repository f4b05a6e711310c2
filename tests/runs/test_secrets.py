import msgspec

from judge.runs.secrets import textless, without_secrets
from judge.types import (
    CriterionVerdict,
    Failure,
    GroupResult,
    Pointwise,
    Reward,
    Score,
    Usage,
)

ADDRESS, HIDDEN = "openai:m@http://u:p@h", "openai:m@http://***@h"


def result(reason: Failure | None) -> GroupResult:
    reward = Reward(None if reason else 1.0, "failed" if reason else "ok", None, 1.0, reason=reason)
    part = CriterionVerdict("a", 1, 1.0, reason="WORDS", evidence="WORDS")
    return GroupResult(
        "g",
        (reward,),
        (Score(1.0, None, 1.0, (part,)),),
        None,
        (Pointwise(0, (part,), "WORDS", "key", "WORDS", "WORDS"),),
        () if reason is None else (reason,),
        {"calls": 1.0},
        Usage(1),
        {
            "engine_name": ADDRESS,
            "engine": f"{ADDRESS} vllm",
            "written": '{"d": "WORDS"}',
            "seed": "0",
        },
    )


def test_a_result_loses_its_secrets_and_nothing_else() -> None:
    failure = Failure("engine", "refused", "Bearer abcdefghijkl is wrong")
    for reason in (None, failure):
        before = result(reason)
        after = without_secrets(before)
        named = {"engine_name": HIDDEN, "engine": f"{HIDDEN} vllm"}
        assert after.record == {**before.record, **named}
        assert (after.verdicts, after.scores) == (before.verdicts, before.scores)
    assert after.failures[0].message == "Bearer *** is wrong"
    assert after.rewards[0].reason == after.failures[0]


def test_a_textless_result_has_all_its_numbers_and_no_words() -> None:
    for reason in (None, Failure("read", "malformed", "it said WORDS")):
        before, after = result(reason), textless(result(reason))
        assert b"WORDS" not in msgspec.json.encode(after)
        assert after.values == before.values
        assert after.verdicts[0].call == "key"
        assert after.record["seed"] == "0"
    assert after.failures[0].message == "malformed"
