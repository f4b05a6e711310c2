import pytest

from judge.engines.metered import LONGEST, Meter, MeteredEngine
from judge.engines.replay import ReplayEngine
from judge.engines.scripted import ScriptedEngine
from judge.errors import StoreError
from judge.types import Failure, Generation, GenerationRequest, Message


def requests(count: int) -> list[GenerationRequest]:
    return [GenerationRequest(str(k), (Message("user", f"hello {k}"),)) for k in range(count)]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "engine.jsonl"


async def test_no_call_beyond_the_budget_is_made(file):
    asked = []

    def respond(request):
        asked.append(request.id)
        return "yes"

    meter = Meter(5)
    engines = [MeteredEngine(ScriptedEngine(respond), file, meter) for _ in range(2)]
    first = await engines[0].generate(requests(3))
    second = await engines[1].generate(requests(4))
    assert [type(answer) for answer in (*first, *second)] == [Generation] * 5 + [Failure] * 2
    assert [(f.kind, f.retryable, f.call) for f in second[2:]] == [
        ("budget", False, "2"),
        ("budget", False, "3"),
    ]
    assert (len(asked), meter.calls, meter.refused) == (5, 5, 2)


async def test_without_a_budget_all_are_made_and_counted(file):
    meter = Meter()
    engine = MeteredEngine(ScriptedEngine(lambda request: "yes"), file, meter)
    assert len(await engine.generate(requests(7))) == 7
    assert (meter.calls, meter.refused) == (7, 0)


async def test_its_file_stands_in_for_the_engine(file):
    inner = ScriptedEngine(lambda request: "yes", name="inner", control_tokens=("<|x|>",))
    engine = MeteredEngine(inner, file, Meter())
    await engine.start()
    codes = engine.encode('"good": 1')
    engine.encode("x" * (LONGEST + 1))
    await engine.generate(requests(1))
    stand_in = ReplayEngine(file)  # readable before it is closed
    assert (stand_in.digest, stand_in.control_tokens) == ("inner", frozenset(("<|x|>",)))
    assert stand_in.abilities == inner.abilities
    assert stand_in.encode('"good": 1') == codes
    assert "xxx" not in file.read_text()
    assert "yes" not in file.read_text()
    (answer,) = await stand_in.generate(requests(1))
    assert isinstance(answer, Failure)
    await engine.aclose()


def test_what_else_an_engine_can_do_it_still_can(file):
    engine = MeteredEngine(ScriptedEngine(lambda request: "yes"), file, Meter())
    assert engine.decode((104, 105)) == "hi"
    with pytest.raises(AttributeError):
        engine.sleep  # noqa: B018


async def test_a_file_that_cannot_be_written_is_an_error_of_ours(tmp_path):
    for path in (tmp_path / "none" / "engine.jsonl", tmp_path):
        engine = MeteredEngine(ScriptedEngine(lambda request: "yes"), path, Meter())
        with pytest.raises(StoreError, match="cannot be written"):
            await engine.start()
    full = MeteredEngine(ScriptedEngine(lambda request: "yes"), "/dev/full", Meter())
    with pytest.raises(StoreError, match="No space left"):
        await full.start()
    full._file = None  # closing it would try to write again
