import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.errors import ConfigError
from judge.transforms import diversity, text_similarity, unlikeliness


def test_the_likeliest_response_loses_most():
    values, logprobs = [1.0, 1.0, None, 0.5, 1.0], [-1.0, -3.0, -9.0, -2.0, -0.5]
    assert unlikeliness(values, logprobs, beta=0.4) == [
        pytest.approx(1.0 - 0.4 * 2 / 4),
        1.0,
        None,
        pytest.approx(0.5 * (1.0 - 0.4 * 1 / 4)),
        pytest.approx(1.0 - 0.4 * 3 / 4),
    ]


def test_equally_likely_responses_share_their_rank():
    assert unlikeliness([1.0, 1.0, 1.0], [-1.0, -1.0, -2.0]) == pytest.approx(
        [1 - 0.25 * 1.5 / 3, 1 - 0.25 * 1.5 / 3, 1.0]
    )
    assert unlikeliness([0.4], [-1.0]) == [0.4]
    assert unlikeliness([0.4, 0.6], [None, -1.0]) == [None, 0.6]
    assert unlikeliness([0.4, 0.6], [-2.0, -1.0], beta=0.0) == [0.4, 0.6]


@given(st.lists(st.floats(0.01, 5), min_size=2, max_size=8), st.floats(0.01, 1))
def test_right_and_unlikely_beats_right_and_likely(values, beta):
    equal = unlikeliness([values[0]] * len(values), list(map(float, range(len(values)))), beta=beta)
    assert equal == sorted(equal, reverse=True)
    assert equal[0] > equal[-1] >= values[0] * (1.0 - beta)


def test_duplicates_share_what_one_would_get():
    """Three responses, the first two equal, the third unlike them."""
    embeddings = [[2.0, 0.0], [5.0, 0.0], [0.0, 1.0]]
    assert diversity([0.8, 0.6, 0.6], embeddings=embeddings) == pytest.approx([0.4, 0.3, 0.6])


def test_the_denominator_by_hand():
    half = math.sqrt(0.5)
    embeddings = [[1.0, 0.0], [1.0, 1.0], [-1.0, 0.0]]
    denominators = [1.0 + half, 1.0 + half, 1.0]  # the cosines -1 and -.71 count as 0
    assert diversity([1.0, 0.5, 0.2], embeddings=embeddings) == pytest.approx(
        [r / d for r, d in zip([1.0, 0.5, 0.2], denominators, strict=True)]
    )


def test_a_copy_that_is_not_judged_takes_nothing():
    embeddings = [[1.0, 0.0], [1.0, 0.0]]
    assert diversity([0.8, None], embeddings=embeddings) == [pytest.approx(0.8), None]


def test_embeddings_and_their_cosines_give_the_same():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5, 3))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    values = [0.1, 0.9, None, 0.4, 1.0]
    assert diversity(values, embeddings=vectors) == pytest.approx(
        diversity(values, similarity=unit @ unit.T)
    )


def test_a_zero_vector_is_like_nothing():
    assert diversity([0.8, 0.4], embeddings=[[0.0, 0.0], [1.0, 0.0]]) == [0.8, 0.4]


@given(st.lists(st.tuples(st.floats(0, 1), st.text("abc ", max_size=6)), min_size=1, max_size=6))
def test_a_reward_only_shrinks_and_at_most_by_the_size_of_the_group(group):
    values = [value for value, _ in group]
    shaped = diversity(values, similarity=text_similarity([text for _, text in group]))
    for before, after in zip(values, shaped, strict=True):
        assert before / len(group) - 1e-9 <= after <= before


def test_text_similarity_by_hand():
    """abcd has abc, bcd; bcde has bcd, cde: one of two shared."""
    table = text_similarity(["abcd", "bcde", "abcd", "zz", "", ""])
    assert table[0, 1] == pytest.approx(0.5)
    assert table[0, 2] == pytest.approx(1.0)
    assert table[0, 3] == table[3, 4] == 0.0
    assert table[4, 5] == 1.0
    assert np.diag(table) == pytest.approx(np.ones(6))
    assert text_similarity(["aab", "ab"], n=1)[0, 1] == pytest.approx(3 / math.sqrt(5 * 2))
    assert text_similarity([]).shape == (0, 0)


def test_a_paraphrase_is_nearer_than_another_answer():
    table = text_similarity(
        [
            "The capital of France is Paris, on the Seine.",
            "Paris, on the Seine, is the capital of France.",
            "Photosynthesis turns light into sugar.",
        ]
    )
    assert table[0, 1] > 0.7
    assert table[0, 2] < 0.3


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: unlikeliness([-0.1], [0.0]), "values"),
        (lambda: unlikeliness([0.1], [0.0], beta=1.5), "beta"),
        (lambda: unlikeliness([0.1], []), "mean_logprobs"),
        (lambda: diversity([1.2], embeddings=[[1.0]]), "values"),
        (lambda: diversity([-0.2], embeddings=[[1.0]]), "values"),
        (lambda: diversity([0.5]), "similarity"),
        (lambda: diversity([0.5], embeddings=[[1.0]], similarity=[[1.0]]), "similarity"),
        (lambda: diversity([0.5], embeddings=[1.0]), "embeddings"),
        (lambda: diversity([0.5], embeddings=[[1.0], [2.0]]), "embeddings"),
        (lambda: diversity([0.5], embeddings=[[math.nan]]), "embeddings"),
        (lambda: diversity([0.5], similarity=[[0.0]]), "similarity"),
        (lambda: diversity([0.5, 0.5], similarity=[[1.0, 0.2], [0.3, 1.0]]), "similarity"),
        (lambda: diversity([0.5, 0.5], similarity=[[1.0, 3.0], [3.0, 1.0]]), "similarity"),
        (lambda: diversity([0.5, 0.5], similarity=[[1.0], [1.0]]), "similarity"),
        (lambda: text_similarity(["a"], n=0), "n"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ConfigError, match=f"^{name}: "):
        call()
