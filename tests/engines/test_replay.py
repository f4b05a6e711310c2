import json
import math

import pytest
from msgspec.structs import replace

from judge.engines.replay import RecordingEngine, ReplayEngine, request_digest
from judge.engines.scripted import ScriptedEngine
from judge.errors import ConfigError
from judge.types import (
    Constraint,
    Failure,
    Generation,
    GenerationRequest,
    Message,
    Sampling,
    Usage,
)

FULL = Generation(
    "x",
    "a\u2028\ud800",
    "thought",
    ("a", "\u2028\ud800"),
    "length",
    Usage(1, 2, 3, 0.5),
    ({"A": -0.1, "B": -math.inf}, {}),
    True,
    (-1.0, -2.5),
    0.25,
)
FAILED = Failure("engine", "timeout", "late", True, 1, "y")


def request(text, id="x", **fields):
    return GenerationRequest(id, (Message("user", text),), **fields)


def respond(asked):
    return FAILED if asked.messages[0].content == "fail" else replace(FULL, id=asked.id)


@pytest.fixture
async def recording(tmp_path):
    """A file in which two requests and two encoded texts are recorded."""
    path = tmp_path / "deep" / "r.jsonl"
    path.parent.mkdir()
    engine = RecordingEngine(ScriptedEngine(respond, name="s", context_tokens=9999), path)
    await engine.start()
    await engine.start()
    assert engine.encode("é") == engine.encode("é") == (195, 169)
    assert await engine.generate([request("ok"), request("fail")]) == [FULL, FAILED]
    await engine.aclose()
    await engine.aclose()
    return path


async def test_a_replay_is_the_recorded_engine_without_its_model(recording):
    engine = ReplayEngine(recording)
    await engine.start()
    scripted = ScriptedEngine(respond, name="s", context_tokens=9999)
    assert engine.digest == "s"
    assert engine.abilities == scripted.abilities
    assert engine.control_tokens == scripted.control_tokens
    assert engine.name.startswith("replay:")
    assert engine.encode("é") == (195, 169)
    assert engine.encode("\ud800") == scripted.encode("\ud800")
    failed, full = await engine.generate([request("fail", "1"), request("ok", "2")])
    assert failed == replace(FAILED, call="1")
    assert full == replace(FULL, id="2")
    await engine.aclose()


async def test_what_was_not_recorded_is_a_failure(recording):
    (missing,) = await ReplayEngine(recording).generate([request("new", "z")])
    assert (missing.kind, missing.call, missing.retryable) == ("unavailable", "z", False)


def test_the_recording_says_each_text_once(recording):
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    assert list(lines[0]) == ["engine", "digest", "abilities", "control_tokens"]
    assert sum("encode" in line for line in lines) == 1
    assert len(lines) == 4


def test_a_requests_digest_is_that_of_all_that_can_change_its_answer():
    base = request("a")
    same = [request("a", "other"), request("a", timeout_s=1.0)]
    others = [
        request("b"),
        request("a", sampling=Sampling(seed=1)),
        request("a", constraint=Constraint(regex="x")),
        request("a", constraint=Constraint(choice=("x",))),
        request("a", prefix="p"),
        request("a", labels=("A",)),
        request("a", read_after=(("m", ("A",)),)),
        GenerationRequest("x", (Message("system", "a"),)),
        GenerationRequest("x", token_ids=(1,)),
    ]
    assert {request_digest(r) for r in same} == {request_digest(base)}
    assert len({request_digest(r) for r in [base, *others]}) == len(others) + 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        '{"digest": "d"}',
        '{"digest": "d", "control_tokens": [], "abilities": {"wings": 2, "constraints": []}}',
    ],
)
def test_a_file_that_is_no_recording(tmp_path, text):
    path = tmp_path / "r"
    path.write_text(text)
    with pytest.raises(ConfigError, match="not a recording"):
        ReplayEngine(path)


def test_a_torn_recording_is_refused(recording):
    recording.write_bytes(recording.read_bytes()[:-20])
    with pytest.raises(ConfigError, match="not a recording"):
        ReplayEngine(recording)


def test_a_recording_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="not a recording"):
        ReplayEngine(tmp_path / "nothing")
