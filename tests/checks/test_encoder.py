import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from judge.checks import CHECKS, run_check
from judge.checks.encoder import encoded
from judge.errors import CheckError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """An encoder of one small layer, drawn at random; 16 places."""
    folder = tmp_path_factory.mktemp("encoder")
    file = str(Path(__file__).with_name("tokenizer.json"))
    transformers.PreTrainedTokenizerFast(
        tokenizer_file=file, unk_token="[UNK]", pad_token="[PAD]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=5, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=16,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    return str(folder)


def test_a_text_is_the_mean_of_its_last_hidden_states(encoder):
    model = transformers.AutoModel.from_pretrained(encoder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(encoder)
    expected = []
    for text in ("red cars", "boats"):
        ids = tokenizer(text, truncation=True, max_length=16, return_tensors="pt")
        with torch.inference_mode():
            mean = model(**ids).last_hidden_state[0].mean(dim=0).numpy()
        expected.append(mean / np.linalg.norm(mean))
    assert encoded(["red cars", "boats"], encoder, 512) == pytest.approx(np.array(expected), 1e-5)


def test_the_same_is_the_most_relevant_and_each_text_stands_alone(encoder):
    params = {"encoder": encoder}
    values = [
        run_check("semantic_relevance", params, text, prompt="red cars").value
        for text in ("red cars", "cars cars", "boats")
    ]
    assert values[0] == pytest.approx(1.0)
    assert values[0] > values[1] > values[2] >= 0.0
    assert run_check("semantic_relevance", params, "red cars", prompt="red cars").value == values[0]
    alone = encoded(["boats"], encoder, 512)
    beside = encoded(["boats", "red " * 15], encoder, 512)
    assert np.array_equal(alone[0], beside[0])


def test_reference_prefixes_limit_and_cut(encoder):
    to = {"encoder": encoder, "to": "reference"}
    assert run_check("semantic_relevance", to, "boats", reference="boats").value == pytest.approx(1)
    prefixed = {"encoder": encoder, "prefix": "red ", "response_prefix": "red "}
    swapped = {**prefixed, "prefix": "cars "}
    same = run_check("semantic_relevance", prefixed, "boats", prompt="boats").value
    assert same == pytest.approx(1.0)
    assert run_check("semantic_relevance", swapped, "boats", prompt="boats").value < 0.999
    strict = {"encoder": encoder, "min": 0.999}
    assert run_check("semantic_relevance", strict, "red cars", prompt="red cars").value == 1.0
    assert run_check("semantic_relevance", strict, "boats", prompt="red cars").value == 0.0
    # Beyond the encoder's places nothing is read.
    long = [run_check("semantic_relevance", {"encoder": encoder}, text, prompt="red").value
            for text in ("cars " * 16, "cars " * 16 + "boats " * 100)]  # fmt: skip
    assert long[0] == long[1]


@pytest.mark.parametrize("text", ["", "...", "a\x00b", "\ud800", "\ud800 red", "9" * 250_000])
def test_awkward_texts_have_a_value(encoder, text):
    value = run_check("semantic_relevance", {"encoder": encoder}, text, prompt="red cars").value
    assert 0.0 <= value <= 1.0
    assert value == 0.0 or any(char.isalnum() for char in text)
    assert run_check("semantic_relevance", {"encoder": encoder}, "red", prompt="?").value is None
    assert (
        run_check("semantic_relevance", {"encoder": encoder, "to": "reference"}, "red").value
        is None
    )


def test_threads_agree(encoder):
    texts = [f"red {'cars ' * k}" for k in range(12)] * 3

    def value(text):
        return run_check("semantic_relevance", {"encoder": encoder}, text, prompt="boats").value

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(value, texts)) == [value(text) for text in texts]


def test_what_is_missing_is_said_and_nothing_is_fetched(tmp_path, monkeypatch):
    with pytest.raises(CheckError, match="is no folder"):
        run_check("semantic_relevance", {"encoder": "facebook/contriever"}, "red", prompt="red")
    with pytest.raises(CheckError, match="cannot be loaded"):
        run_check("semantic_relevance", {"encoder": str(tmp_path)}, "red", prompt="red")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(CheckError, match="needs torch and transformers"):
        run_check("semantic_relevance", {"encoder": str(tmp_path / "x")}, "red", prompt="red")


def test_explains_itself():
    spec = CHECKS["semantic_relevance"]
    assert spec.params.starts_process
    params = spec.params.model_validate({"encoder": "x", "to": "reference"})
    assert params.sentence() == "is about what the reference is about"
    assert spec.params.model_validate(params.model_dump(mode="json")) == params
