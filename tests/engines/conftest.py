from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from judge.engines.chat import ChatTokenizer
from judge.engines.embedded import pull

CONTROL = (
    "<pad>",
    "<s>",
    "<|end|>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<|reward|>",
    "[UNUSED_TOKEN_130]",
)
"""Special tokens of the tiny reward models, in the order of their ids; then all bytes."""
TEMPLATE = (
    "<s>{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


SCRIPT = Path(__file__).parents[2] / "scripts" / "check_modes.py"


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_modes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECK = _script()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A `mode` is each of the script's."""
    if "mode" in metafunc.fixturenames:
        metafunc.parametrize("mode", CHECK.MODES)


@pytest.fixture(scope="session")
def hf() -> Any:
    """The embedded model's tokenizer."""
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(pull())


@pytest.fixture(scope="session")
def chat(hf: Any) -> ChatTokenizer:
    """The same as the engines use it."""
    return ChatTokenizer(hf)


@pytest.fixture(scope="session")
def check_modes() -> ModuleType:
    """`scripts/check_modes.py`."""
    return CHECK


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer instead of waiting for it."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()


@pytest.fixture
def virtually() -> Callable[[Coroutine[Any, Any, Any]], tuple[Any, float]]:
    """Runs a coroutine in virtual time; gives its result and the seconds that passed."""

    def run(work: Coroutine[Any, Any, Any]) -> tuple[Any, float]:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            result = runner.run(work)
            return result, runner.get_loop().time()

    return run


@pytest.fixture(scope="session")
def reward_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes folders with a tiny random model and its tokenizer.

    By default a sequence classifier of one output; `architecture` names another class, `facts` go
    to its configuration.
    """

    def build(
        architecture: str = "LlamaForSequenceClassification",
        *,
        seed: int = 0,
        chat_template: str | None = TEMPLATE,
        **facts: Any,
    ) -> Path:
        import torch
        import transformers

        folder = tmp_path_factory.mktemp("reward-model")
        tokenizer = _tokenizer()
        tokenizer.chat_template = chat_template
        tokenizer.save_pretrained(folder)
        made = transformers.LlamaConfig(
            **{
                "vocab_size": len(tokenizer),
                "hidden_size": 64,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 1,
                "max_position_embeddings": 512,
                "initializer_range": 0.3,
                "pad_token_id": 0,
                "bos_token_id": 1,
                "eos_token_id": 2,
                "id2label": {0: "reward"},
                **facts,
            }
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = getattr(transformers, architecture)(made)
        model.save_pretrained(folder)
        return folder

    return build


def _tokenizer() -> Any:
    """Bytes, with a start token before what is encoded with special tokens."""
    import tokenizers
    import transformers
    from tokenizers import decoders, models, pre_tokenizers, processors

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: at for at, token in enumerate([*CONTROL, *letters])}
    raw = tokenizers.Tokenizer(models.BPE(vocabulary, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    raw.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    named = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "<|end|>"}
    rest = [token for token in CONTROL if token not in named.values()]
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, extra_special_tokens=rest, **named
    )
