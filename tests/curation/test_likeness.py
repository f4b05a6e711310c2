import numpy as np
import pytest

from judge.curation.likeness import Alike, features
from judge.types import Group


def pair(*texts):
    return Group.of(texts[0], texts[1:])


KNOWN = [
    pair("How do I bake bread?", "Mix flour and water.", "Buy it."),
    pair("What is the capital of Peru?", "Lima.", "Cusco."),
    pair("How do I bake a cake?", "Mix flour and eggs.", "Buy it."),
]


def test_features_are_a_unit_vector_that_knows_no_order_of_responses():
    vector = features(KNOWN[0])
    assert np.linalg.norm(vector) == pytest.approx(1.0)
    turned = features(pair("How do I bake bread?", "Buy it.", "Mix flour and water."))
    assert np.array_equal(vector, turned)
    assert not features(pair("", "", "")).any()


def test_the_nearest_are_those_with_shared_words():
    alike = Alike(KNOWN)
    assert alike.near(pair("How do I bake bread?", "Mix.", "No."), 2).tolist() == [0, 2]
    assert alike.near(pair("The capital of Chile?", "Santiago.", "Lima."), 1).tolist() == [1]
    assert len(alike.near(pair("zzz", "qqq", "vvv"), 3)) == 0
    assert len(Alike([]).near(KNOWN[0], 3)) == 0


def test_chats_are_read_too():
    chat = Group.of([{"role": "user", "content": "How do I bake bread?"}], ["Mix.", "No."])
    assert Alike(KNOWN).near(chat, 1).tolist() == [0]
