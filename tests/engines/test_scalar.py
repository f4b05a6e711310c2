"""What scalar reward models share, without a model."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.engines.scalar import SAMPLE_BYTES, label_index, read_scalar, weights_digest
from judge.errors import ConfigError, RequestRefused

NAMES = {0: "LABEL_0", 1: "helpful", 2: "helpful"}


@pytest.mark.parametrize(
    ("label", "names", "count", "found"),
    [
        (None, {}, 1, 0),
        (0, {}, 1, 0),
        (2, NAMES, 3, 2),
        ("helpful", {0: "verbose", 1: "helpful"}, 2, 1),
        ("LABEL_0", NAMES, 3, 0),
        ("1", {}, 2, 1),
    ],
)
def test_the_output_that_is_meant(
    label: int | str | None, names: dict[int, str], count: int, found: int
) -> None:
    assert label_index(label, names, count) == found


@pytest.mark.parametrize(
    ("label", "count"),
    [(None, 3), (3, 3), (-1, 3), (1, 1), ("helpful", 3), ("HELPFUL", 3), ("", 3), (None, 0)],
)
def test_an_output_that_is_not_there_or_not_said(label: int | str | None, count: int) -> None:
    with pytest.raises(ConfigError, match=f"of {count} outputs"):
        label_index(label, NAMES, count)


@given(st.lists(st.floats(width=32), min_size=1, max_size=4), st.integers(1, 4), st.data())
def test_a_reward_is_the_finite_number_that_was_given_or_none(
    values: list[float], count: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, count - 1))
    if count == len(values) and math.isfinite(values[index]):
        assert read_scalar(values, index, count) == values[index]
    else:
        with pytest.raises(RequestRefused, match="the model gave"):
            read_scalar(values, index, count)


def _saved(folder: Path, tensors: dict[str, bytes], name: str = "model.safetensors") -> None:
    head, data = {"__metadata__": {"format": "pt"}}, b""
    for key, raw in tensors.items():
        offsets = [len(data), len(data) + len(raw)]
        head[key] = {"dtype": "U8", "shape": [len(raw)], "data_offsets": offsets}  # type: ignore[dict-item]
        data += raw
    text = json.dumps(head).encode()
    (folder / name).write_bytes(len(text).to_bytes(8, "little") + text + data)


def test_a_digest_of_weights_reads_every_tensor(tmp_path: Path) -> None:
    assert weights_digest("some/model") == weights_digest(str(tmp_path)) == ""
    body = bytes(SAMPLE_BYTES + 5)
    found = set()
    for tensors in (
        {"body": body, "head": b"\x00\x00"},
        {"body": body, "head": b"\x00\x01"},
        {"body": b"\x01" + body[1:], "head": b"\x00\x00"},
        {"body": body, "hand": b"\x00\x00"},
    ):
        _saved(tmp_path, tensors)
        found.add(weights_digest(str(tmp_path)))
        assert weights_digest(str(tmp_path)) in found
    _saved(tmp_path, {"more": b"\x00"}, "model-2.safetensors")
    found.add(weights_digest(str(tmp_path)))
    assert len(found) == 5
