import pytest

from judge.engines.openai import OpenAIEngine
from judge.engines.secrets import redacted, without_user


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("openai:m@http://h/v1?api_key=abc123&limit=4", "openai:m@http://h/v1?api_key=***&limit=4"),
        ("openai:m@https://user:pw@h/v1", "openai:m@https://***@h/v1"),
        ("pool:openai:m@http://u:p@a:1,http://v:q@b:2", "pool:openai:m@http://***@a:1,http://***@b:2"),
        ("401: Authorization: Bearer abcdefghijkl", "401: Authorization: Bearer ***"),
        ("wrong key sk-abcdefghijklmnop.", "wrong key ***."),
        ("x?hf_token=secret&max_tokens=512", "x?hf_token=***&max_tokens=512"),
        ("vllm:Qwen/Qwen3-8B?tensor_parallel_size=2", "vllm:Qwen/Qwen3-8B?tensor_parallel_size=2"),
        ("openai:gpt@http://127.0.0.1:8000/v1", "openai:gpt@http://127.0.0.1:8000/v1"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_hidden_and_nothing_else(text: str, hidden: str) -> None:
    assert redacted(text) == hidden
    assert redacted(hidden) == hidden


def test_what_the_environment_holds_is_hidden_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "plainwordskey")
    monkeypatch.setenv("SHORT_KEY", "the")
    redacted.cache_clear()
    assert redacted("said plainwordskey to the server") == "said *** to the server"
    redacted.cache_clear()


def test_an_engines_name_and_digest_have_no_user() -> None:
    assert without_user("http://h:8000/v1") == "http://h:8000/v1"
    engine = OpenAIEngine("m", "http://user:pw@h:8000/v1")
    assert engine.name == OpenAIEngine("m", "http://h:8000/v1").name == "openai:m@http://h:8000/v1"
    assert "pw" not in engine.digest
