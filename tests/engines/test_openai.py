from __future__ import annotations

import asyncio
import email.utils
import http.server
import json
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from judge.decoding import OutputSpec, Slot
from judge.engines.openai import OpenAIEngine
from judge.errors import ConfigError, VerdictError
from judge.types import Constraint, Failure, Generation, GenerationRequest, Message, Sampling

Handle = Callable[[httpx.Request], Any]
Answer = tuple[int, dict[str, str], str]

PAIR = OutputSpec((Slot("overall", ("A", "B", "C")),), critique_chars=80)
LEVELS = OutputSpec((Slot("clear", ("1", "2", "3")),))


def request(id: str = "r", **fields: Any) -> GenerationRequest:
    fields.setdefault("messages", (Message("system", "S"), Message("user", "U")))
    return GenerationRequest(id, **fields)


def said(text: str | None, **choice: Any) -> dict[str, Any]:
    message = choice.pop("message", {})
    return {
        "choices": [
            {"message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
            | choice
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3},
    }


def spelled(*tokens: str | tuple[str, dict[str, float]]) -> dict[str, Any]:
    """The `logprobs` part of a choice: tokens, some with their top log-probabilities."""
    content = []
    for token in tokens:
        text, tops = token if isinstance(token, tuple) else (token, {token: -0.1})
        rows = [{"token": label, "logprob": value} for label, value in tops.items()]
        content.append({"token": text, "logprob": -0.1, "top_logprobs": rows})
    return {"content": content}


def engine(handle: Handle, **options: Any) -> OpenAIEngine:
    return OpenAIEngine("m", "http://server/v1/", transport=httpx.MockTransport(handle), **options)


async def ask(of: OpenAIEngine, *requests: GenerationRequest) -> list[Generation | Failure]:
    await of.start()
    try:
        return await of.generate(requests or (request(),))
    finally:
        await of.aclose()


class Script:
    """A server that gives its answers in turn, the last for ever, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, asked: httpx.Request) -> httpx.Response:
        self.asked.append(asked)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.asked[-1].content)
        return body


OK = httpx.Response(200, json=said("fine"))


def only(answers: list[Generation | Failure]) -> Generation:
    (answer,) = answers
    assert isinstance(answer, Generation), answer
    return answer


def failure(answers: list[Generation | Failure]) -> Failure:
    (answer,) = answers
    assert isinstance(answer, Failure), answer
    assert answer.stage == "engine"
    assert answer.call == "r"
    return answer


# --- what is sent ----------------------------------------------------------------------------


async def test_a_plain_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = Script(OK)
    sampling = Sampling(temperature=0.5, top_p=0.9, max_tokens=7, seed=3, stop=("END",))
    made = only(await ask(engine(server), request(sampling=sampling)))
    assert (made.id, made.text, made.finish) == ("r", "fine", "stop")
    assert (made.usage.calls, made.usage.prompt_tokens, made.usage.completion_tokens) == (1, 11, 3)
    assert str(server.asked[0].url) == "http://server/v1/chat/completions"
    assert "authorization" not in server.asked[0].headers
    assert server.body == {
        "model": "m",
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "seed": 3,
        "stop": ["END"],
    }


async def test_the_key_comes_from_the_caller_or_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-env")
    server = Script(OK)
    await ask(engine(server))
    await ask(engine(server, api_key="given"))
    keys = [asked.headers["authorization"] for asked in server.asked]
    assert keys == ["Bearer from-env", "Bearer given"]


async def test_a_json_schema_travels_as_response_format() -> None:
    server = Script(OK)
    schema = PAIR.json_schema()
    of = engine(server)
    assert PAIR.constraint(of.abilities.constraints) == Constraint(json_schema=schema)
    await ask(of, request(constraint=Constraint(json_schema=schema)))
    assert server.body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "verdict", "strict": True, "schema": schema},
    }
    assert "structured_outputs" not in server.body


@pytest.mark.parametrize(
    ("constraint", "body"),
    [
        (Constraint(regex="(A|B)"), {"regex": "(A|B)"}),
        (Constraint(choice=("A", "B")), {"choice": ["A", "B"]}),
        (Constraint(json_schema={"type": "object"}), {"json": {"type": "object"}}),
    ],
)
async def test_a_vllm_server_gets_structured_outputs(
    constraint: Constraint, body: dict[str, Any]
) -> None:
    server = Script(OK)
    await ask(engine(server, server="vllm"), request(constraint=constraint))
    assert server.body["structured_outputs"] == body
    assert "response_format" not in server.body


async def test_a_constraint_the_server_cannot_take_is_refused_here() -> None:
    server = Script(OK)
    failed = failure(await ask(engine(server), request(constraint=Constraint(regex="A"))))
    assert failed.kind == "refused"
    assert "regex" in failed.message
    assert not server.asked


async def test_a_prefix_is_the_start_of_the_answer() -> None:
    server = Script(OK)
    await ask(engine(server, server="vllm"), request(prefix='{"a": "'))
    assert server.body["messages"][-1] == {"role": "assistant", "content": '{"a": "'}
    assert server.body["continue_final_message"] is True
    assert server.body["add_generation_prompt"] is False


async def test_logprobs_are_asked_for_where_labels_are_wanted() -> None:
    server = Script(OK)
    await ask(engine(server), request(labels=("A", "B")))
    assert (server.body["logprobs"], server.body["top_logprobs"]) == (True, 20)
    await ask(engine(server, logprobs=False), request(labels=("A", "B")))
    assert "logprobs" not in server.body


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": None, "token_ids": (1, 2)},
        {"score_from": 1},
        {"sampling": Sampling(think_tokens=1)},
    ],
)
async def test_what_a_chat_server_cannot_do_is_refused(fields: dict[str, Any]) -> None:
    server = Script(OK)
    assert failure(await ask(engine(server), request(**fields))).kind == "refused"
    assert not server.asked


async def test_a_lone_surrogate_is_sent_as_a_question_mark() -> None:
    server = Script(OK)
    only(await ask(engine(server), request(messages=(Message("user", "a\ud800b"),))))
    assert server.body["messages"] == [{"role": "user", "content": "a?b"}]


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://x", ""])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigError, match="no address"):
        OpenAIEngine("m", url)


def test_an_unknown_kind_of_server() -> None:
    with pytest.raises(ConfigError, match="sglang"):
        OpenAIEngine("m", server="sglang")  # type: ignore[arg-type]


def test_tokens_are_never_undercounted() -> None:
    assert len(OpenAIEngine("m").encode("é\ud800")) == 5


# --- label probabilities ---------------------------------------------------------------------


def pair_tokens(*first: str, **tops: float) -> dict[str, Any]:
    opening = (*first, '{"critique": "', "B is wrong", '", "overall": "')
    return spelled(*opening, ("A", tops), '"}')


async def test_top_logprobs_become_probabilities() -> None:
    tops = {"A": math.log(0.6), "B": math.log(0.2), "a": math.log(0.1)}
    text = '{"critique": "B is wrong", "overall": "A"}'
    server = Script(httpx.Response(200, json=said(text, logprobs=pair_tokens(**tops))))
    made = only(await ask(engine(server), request(labels=PAIR.labels)))
    answer = PAIR.read(made)
    (reading,) = answer.readings
    assert answer.critique == "B is wrong"
    assert reading.index == 0
    assert reading.probabilities == pytest.approx((0.75, 0.25, 0.0))
    assert reading.label_mass == pytest.approx(0.8)


async def test_under_a_constraint_the_mass_is_not_known() -> None:
    tops = {"A": math.log(0.75), "B": math.log(0.25)}
    text = '{"critique": "B is wrong", "overall": "A"}'
    server = Script(httpx.Response(200, json=said(text, logprobs=pair_tokens(**tops))))
    constraint = Constraint(json_schema=PAIR.json_schema())
    asked = request(labels=PAIR.labels, constraint=constraint)
    (reading,) = PAIR.read(only(await ask(engine(server), asked))).readings
    assert reading.probabilities == pytest.approx((0.75, 0.25, 0.0))
    assert reading.label_mass is None


async def test_tokens_of_the_thinking_and_of_the_end_are_left_out() -> None:
    tops = {"A": math.log(0.5), "B": math.log(0.5)}
    text = '{"critique": "B is wrong", "overall": "A"}'
    logprobs = pair_tokens("Let me", " think A", **tops)
    logprobs["content"].append({"token": "<|im_end|>", "logprob": 0.0, "top_logprobs": []})
    body = said(text, logprobs=logprobs, message={"reasoning_content": "Let me think A"})
    made = only(
        await ask(engine(Script(httpx.Response(200, json=body))), request(labels=("A", "B")))
    )
    assert made.thinking == "Let me think A"
    assert "".join(made.token_texts) == made.text == text
    assert len(made.label_logprobs) == len(made.token_texts)
    assert PAIR.read(made).readings[0].probabilities == pytest.approx((0.5, 0.5, 0.0))


@pytest.mark.parametrize(
    ("before", "thinking"),
    [
        ('<think>\nSo {"overall": "B"}\n</think>\n\n', '\nSo {"overall": "B"}\n'),
        ("opened by the template</think>", "opened by the template"),
        ("", ""),
    ],
)
async def test_thinking_that_a_server_leaves_in_the_answer_is_taken_out(
    before: str, thinking: str
) -> None:
    text = '{"critique": "B says </think>", "overall": "A"}'
    body = said(before + text)
    made = only(await ask(engine(Script(httpx.Response(200, json=body))), request()))
    assert (made.text.strip(), made.thinking) == (text, thinking)
    assert PAIR.read(made).readings[0].index == 0


async def test_a_verdict_in_thinking_that_never_ends_is_none() -> None:
    text = '<think>\nPerhaps {"critique": "B is wrong", "overall": "A"}'
    body = said(text, finish_reason="length")
    made = only(await ask(engine(Script(httpx.Response(200, json=body))), request()))
    assert made.text == ""
    with pytest.raises(VerdictError) as caught:
        PAIR.read(made)
    assert caught.value.kind == "cut"


async def test_a_character_of_several_tokens_does_not_lose_the_labels() -> None:
    robot = "\U0001f916".encode()
    pieces = [b'{"critique": "', robot[:2], robot[2:], b'", "overall": "', b"B", b'"}']
    content = [
        {
            "token": piece.decode("utf-8", "replace"),
            "bytes": list(piece),
            "logprob": -0.1,
            "top_logprobs": [{"token": "B", "logprob": -0.25}],
        }
        for piece in pieces
    ]
    text = b"".join(pieces).decode()
    body = said(text, logprobs={"content": content})
    made = only(
        await ask(engine(Script(httpx.Response(200, json=body))), request(labels=("A", "B")))
    )
    assert made.token_texts[1:3] == ("", "\U0001f916")
    assert PAIR.read(made).readings[0].label_mass == pytest.approx(math.exp(-0.25))


@pytest.mark.parametrize("logprobs", [None, {"content": None}, spelled("2", " or", " so")])
async def test_without_usable_logprobs_only_the_label_is_known(logprobs: Any) -> None:
    server = Script(httpx.Response(200, json=said("2", logprobs=logprobs)))
    made = only(await ask(engine(server), request(labels=LEVELS.labels)))
    (reading,) = LEVELS.read(made).readings
    if logprobs is None or logprobs["content"] is None:
        assert reading.probabilities == ()
        assert reading.label_mass is None
    assert reading.index == 1


async def test_tokens_that_do_not_spell_the_text_are_not_trusted() -> None:
    body = said("2", logprobs=spelled("x", ("1", {"1": -0.1})))
    made = only(
        await ask(engine(Script(httpx.Response(200, json=body))), request(labels=("1", "2")))
    )
    assert made.token_texts == ()
    assert made.label_logprobs == ()


# --- what can go wrong -----------------------------------------------------------------------


TOO_LONG = [
    {
        "error": {
            "message": "This model's maximum context length is 8192 tokens. However, ...",
            "code": "context_length_exceeded",
        }
    },
    {"error": {"message": "the request exceeds the available context size", "n_ctx": 4096}},
]


@pytest.mark.parametrize("body", TOO_LONG)
async def test_a_prompt_too_long_for_the_server_is_an_overflow(body: dict[str, Any]) -> None:
    server = Script(httpx.Response(400, json=body))
    failed = failure(await ask(engine(server)))
    assert (failed.kind, failed.retryable) == ("overflow", False)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "API key is missing or wrong"), (403, "API key may not"), (404, "does not know"),
     (400, "bad schema")],
)  # fmt: skip
async def test_a_refusal_of_the_server_is_not_tried_again(status: int, says: str) -> None:
    server = Script(httpx.Response(status, text="bad schema in context"))
    failed = failure(await ask(engine(server)))
    assert (failed.kind, failed.retryable) == ("refused", False)
    assert says in failed.message
    assert str(status) in failed.message
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body",
    [said(None, message={"refusal": "I cannot."}), said(None, finish_reason="content_filter")],
)
async def test_a_refusal_of_the_model(body: dict[str, Any]) -> None:
    failed = failure(await ask(engine(Script(httpx.Response(200, json=body)))))
    assert failed.kind == "refused"
    assert "the model refused" in failed.message


async def test_an_answer_cut_short_says_so() -> None:
    body = said('{"crit', finish_reason="length")
    assert only(await ask(engine(Script(httpx.Response(200, json=body))))).finish == "length"


MALFORMED = [
    "not json",
    "[]",
    "null",
    '{"choices": []}',
    '{"choices": [{}]}',
    '{"choices": [{"message": null}]}',
    '{"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"token": "x",'
    ' "top_logprobs": [{"token": "A", "logprob": null}]}]}}]}',
    '{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": "many"}}',
]


@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_answer_is_tried_again_then_unavailable(virtually: Any, body: str) -> None:
    server = Script(httpx.Response(200, text=body))
    answers, _ = virtually(ask(engine(server, retries=2), request(labels=("A",))))
    failed = failure(answers)
    assert (failed.kind, failed.retryable) == ("unavailable", True)
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_trouble_that_passes_is_waited_out(virtually: Any, status: int) -> None:
    server = Script(httpx.Response(status), httpx.Response(status), OK)
    answers, seconds = virtually(ask(engine(server, backoff_s=1.0)))
    assert only(answers).text == "fine"
    assert len(server.asked) == 3
    assert 0.5 + 1.0 <= seconds <= 1.5 + 3.0


def test_waits_double_and_are_jittered(virtually: Any) -> None:
    waits = []
    for retries in (1, 2, 3, 4):
        server = Script(httpx.Response(503))
        _, seconds = virtually(ask(engine(server, backoff_s=1.0, retries=retries)))
        waits.append(seconds)
    steps = [waits[0]] + [b - a for a, b in pairwise(waits)]
    for step, mean in zip(steps, (1.0, 2.0, 4.0, 8.0), strict=True):
        assert 0.5 * mean <= step <= 1.5 * mean
    assert any(step != mean for step, mean in zip(steps, (1.0, 2.0, 4.0, 8.0), strict=True))


def test_retry_after_is_honoured_to_the_second(virtually: Any) -> None:
    server = Script(httpx.Response(429, headers={"Retry-After": "7"}), OK)
    answers, seconds = virtually(ask(engine(server)))
    assert (only(answers).text, seconds) == ("fine", 7.0)


def test_retry_after_may_be_a_date(virtually: Any) -> None:
    later = email.utils.formatdate(time.time() + 3600.0, usegmt=True)
    _, seconds = virtually(
        ask(engine(Script(httpx.Response(503, headers={"Retry-After": later}), OK)))
    )
    assert 3500.0 < seconds < 3600.5


@pytest.mark.parametrize("header", ["soon", "nan", "inf", ""])
def test_a_senseless_retry_after_is_ignored(virtually: Any, header: str) -> None:
    server = Script(httpx.Response(429, headers={"Retry-After": header}), OK)
    answers, seconds = virtually(ask(engine(server, backoff_s=1.0)))
    assert only(answers).text == "fine"
    assert 0.5 <= seconds <= 1.5


def test_the_deadline_holds_over_all_tries(virtually: Any) -> None:
    server = Script(httpx.Response(503))
    answers, seconds = virtually(
        ask(engine(server, backoff_s=1.0, retries=99), request(timeout_s=10.0))
    )
    failed = failure(answers)
    assert (failed.kind, failed.retryable) == ("unavailable", True)
    assert "503" in failed.message
    assert seconds <= 10.0
    assert len(server.asked) > 2


def test_a_wait_longer_than_the_deadline_is_not_begun(virtually: Any) -> None:
    server = Script(httpx.Response(429, headers={"Retry-After": "3600"}))
    answers, seconds = virtually(ask(engine(server), request(timeout_s=10.0)))
    assert "429" in failure(answers).message
    assert seconds == 0.0


def test_a_server_that_hangs_is_a_timeout(virtually: Any) -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1e9)
        return OK

    answers, seconds = virtually(ask(engine(hang), request(timeout_s=10.0)))
    assert (failure(answers).kind, seconds) == ("timeout", 10.0)
    assert failure(answers).retryable


@pytest.mark.parametrize(
    ("error", "kind"),
    [(httpx.ReadTimeout("slow"), "timeout"), (httpx.ConnectError("refused"), "unavailable")],
)
def test_a_try_that_fails_is_tried_again(virtually: Any, error: Exception, kind: str) -> None:
    answers, _ = virtually(ask(engine(Script(error, error, OK))))
    assert only(answers).text == "fine"
    server = Script(error)
    answers, _ = virtually(ask(engine(server, retries=2)))
    assert failure(answers).kind == kind
    assert len(server.asked) == 3


def test_concurrency_is_bounded_over_all_callers(virtually: Any) -> None:
    most, now = [0], [0]

    async def count(_: httpx.Request) -> httpx.Response:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(1.0)
        now[0] -= 1
        return httpx.Response(200, json=said("fine"))

    async def work() -> list[list[Generation | Failure]]:
        of = engine(count, concurrency=3)
        await of.start()
        callers = [of.generate([request(f"{k}-{n}") for n in range(5)]) for k in range(2)]
        return await asyncio.gather(*callers)

    answers, seconds = virtually(work())
    ids = [[answer.id for answer in batch] for batch in answers]
    assert ids == [[f"{k}-{n}" for n in range(5)] for k in range(2)]
    assert most == [3]
    assert seconds == 4.0


def test_waiting_for_a_place_does_not_count_against_the_deadline(virtually: Any) -> None:
    async def slow(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(8.0)
        return httpx.Response(200, json=said("fine"))

    requests = [request(str(n), timeout_s=10.0) for n in range(3)]
    answers, seconds = virtually(ask(engine(slow, concurrency=1), *requests))
    assert [getattr(answer, "text", None) for answer in answers] == ["fine"] * 3
    assert seconds == 24.0


async def test_a_bad_item_leaves_the_others_alone() -> None:
    def handle(asked: httpx.Request) -> httpx.Response:
        bad = json.loads(asked.content)["messages"][-1]["content"] == "bad"
        return httpx.Response(401) if bad else httpx.Response(200, json=said("fine"))

    asks = [
        request(str(n), messages=(Message("user", t),)) for n, t in enumerate(("a", "bad", "c"))
    ]
    first, second, third = await ask(engine(handle), *asks)
    assert isinstance(second, Failure)
    assert [getattr(first, "text", ""), getattr(third, "text", "")] == ["fine", "fine"]


async def test_a_closed_engine_is_unavailable_and_opens_again() -> None:
    of = engine(Script(OK))
    assert failure(await of.generate([request()])).kind == "unavailable"
    assert only(await ask(of)).text == "fine"
    assert only(await ask(of)).text == "fine"


# --- a real server ---------------------------------------------------------------------------


class Loopback:
    """A real HTTP server on this machine that gives its answers in turn, the last for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer | None] = [(200, {}, json.dumps(said("fine")))]
        self.bodies: list[dict[str, Any]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                outer.bodies.append(json.loads(self.rfile.read(length)))
                more = len(outer.answers) > 1
                answer = outer.answers.pop(0) if more else outer.answers[0]
                if answer is None:  # hang up in the middle
                    self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    server = Loopback()
    yield server
    server.close()


async def test_a_real_server_answers_many(loopback: Loopback) -> None:
    of = OpenAIEngine("m", loopback.url, concurrency=4)
    answers = await ask(of, *(request(str(n)) for n in range(20)))
    assert [getattr(answer, "text", None) for answer in answers] == ["fine"] * 20
    assert [answer.id for answer in answers if isinstance(answer, Generation)] == [
        str(n) for n in range(20)
    ]
    assert len(loopback.bodies) == 20


async def test_a_real_server_that_stumbles(loopback: Loopback) -> None:
    loopback.answers = [
        (429, {"retry-after": "0"}, "{}"),
        None,
        (200, {}, "<html>"),
        (500, {}, "oops"),
        (200, {}, json.dumps(said("fine"))),
    ]
    made = only(await ask(OpenAIEngine("m", loopback.url, backoff_s=0.001)))
    assert made.text == "fine"
    assert len(loopback.bodies) == 5
    assert all(body == loopback.bodies[0] for body in loopback.bodies)


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        failed = failure(await ask(OpenAIEngine("m", url, retries=1, backoff_s=0.001)))
    assert (failed.kind, failed.retryable) == ("unavailable", True)
    assert "is the server running?" in failed.message


# --- images ----------------------------------------------------------------------------------

ONE, TWO = "data:image/png;base64,AA==", "https://a.org/2.png"
SEEN = (
    Message("system", "S"),
    Message("user", "first\n[image 1]\n[image 2]", images=(ONE, TWO)),
    Message("user", "", images=(ONE,)),
)


async def test_images_travel_as_parts_in_their_order():
    script = Script(httpx.Response(200, json=said("A")))
    (answer,) = await ask(engine(script, images=True), request(messages=SEEN))
    assert isinstance(answer, Generation)
    system, first, second = json.loads(script.asked[0].content)["messages"]
    assert system == {"role": "system", "content": "S"}
    assert first["content"] == [
        {"type": "text", "text": SEEN[1].content},
        {"type": "text", "text": "[image 1]"},
        {"type": "image_url", "image_url": {"url": ONE}},
        {"type": "text", "text": "[image 2]"},
        {"type": "image_url", "image_url": {"url": TWO}},
    ]
    assert second["content"] == [
        {"type": "text", "text": "[image 3]"},
        {"type": "image_url", "image_url": {"url": ONE}},
    ]


async def test_a_model_that_takes_no_images_refuses_them():
    script = Script(httpx.Response(200, json=said("A")))
    made = engine(script)
    answers = await ask(made, request(messages=SEEN), request())
    assert [type(one) for one in answers] == [Failure, Generation]
    assert (answers[0].kind, answers[0].retryable) == ("refused", False)
    assert "images=true" in answers[0].message
    assert len(script.asked) == 1
    assert (made.abilities.images, engine(script, images=True).abilities.images) == (False, True)


@pytest.mark.parametrize("server", ["openai", "vllm"])
def test_schemas_of_a_vllm_server_are_known_to_leave_spaces_free(server: str) -> None:
    made = OpenAIEngine("m", url="http://localhost:1/v1", server=server)
    assert made.abilities.spaced_json is (server == "vllm")
