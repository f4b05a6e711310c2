import json
from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.runs.dataset import Columns, read_rows

ROWS = [
    {"id": "a", "prompt": "p", "responses": ["x", "y"], "label": 1, "reference": "r", "tag": 7},
    {"prompt": [{"role": "user", "content": "hi"}], "responses": ["z"]},
]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_jsonl_array_parquet_and_saved_data_set_read_alike(tmp_path: Path) -> None:
    import datasets
    import pyarrow
    import pyarrow.parquet

    rows = [ROWS[0], {**ROWS[0], "id": "b", "label": 0}]
    write(tmp_path / "d.jsonl", rows)
    (tmp_path / "d.json").write_text(json.dumps(rows))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "d.parquet")
    datasets.Dataset.from_list(rows).save_to_disk(str(tmp_path / "saved"))
    read = [list(read_rows(tmp_path / n)) for n in ("d.jsonl", "d.json", "d.parquet", "saved")]
    expected = [(1, "a", 1, ("x", "y"), "r", {"tag": 7}), (2, "b", 0, ("x", "y"), "r", {"tag": 7})]
    for one in read:
        assert [
            (
                row.number,
                row.group.id,
                row.label,
                tuple(response.text for response in row.group.responses),
                row.group.reference,
                dict(row.group.meta),
            )
            for row in one
        ] == expected


def test_columns_are_mapped_and_joined(tmp_path: Path) -> None:
    path = write(
        tmp_path / "d.jsonl",
        [{"input": "p", "output_1": "x", "output_2": "y", "label": 2}],
    )
    columns = Columns.of(["prompt=input", "responses=output_1,output_2"], labels_from=1)
    (row,) = read_rows(path, columns)
    assert row.group.prompt == "p"
    assert [response.text for response in row.group.responses] == ["x", "y"]
    assert row.label == 1


def test_a_label_may_name_its_column(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [{"prompt": "p", "good": "x", "bad": "y", "label": "bad"}])
    (row,) = read_rows(path, Columns.of(["responses=good,bad"]))
    assert row.label == 1


def test_a_ranking_is_read_from_its_column(tmp_path: Path) -> None:
    rows = [
        {"prompt": "p", "responses": ["x", "y", "z"], "order": [3, [1, 2]]},
        {"prompt": "p", "responses": ["x", "y"], "order": [[1, 2]], "label": 2},
        {"prompt": "p", "responses": ["x", "y"], "order": None, "label": 1},
        {"prompt": "p", "responses": ["x", "y"], "order": None},
    ]
    path = write(tmp_path / "d.jsonl", rows)
    read = list(read_rows(path, Columns.of(["ranking=order"], labels_from=1)))
    assert [row.ranking for row in read] == [((2,), (0, 1)), ((0, 1),), None, None]
    assert [row.label for row in read] == [2, 1, 0, None]
    assert [row.order for row in read] == [((2,), (0, 1)), ((0, 1),), 0, None]
    assert all("order" not in row.group.meta for row in read)


def test_a_ranking_may_name_columns_and_comes_from_parquet_too(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    row = {"prompt": "p", "a": "x", "b": "y", "c": "z", "ranking": [["b"], ["c", "a"]]}
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "d.parquet")
    (read,) = read_rows(tmp_path / "d.parquet", Columns.of(["responses=a,b,c"]))
    assert read.ranking == ((1,), (2, 0))


def test_a_ranking_of_flat_rows_stands_in_the_first(tmp_path: Path) -> None:
    flat = [{"q": 1, "prompt": "p", "response": text, "ranking": [1, 0]} for text in "xy"]
    (row,) = read_rows(write(tmp_path / "d.jsonl", flat), Columns(group_by="q"))
    assert (row.ranking, row.label) == (((1,), (0,)), 1)


def test_flat_rows_are_grouped(tmp_path: Path) -> None:
    flat = [
        {"q": 1, "prompt": "p", "response": "x", "label": False},
        {"q": 1, "prompt": "p", "response": "y", "label": True},
        {"q": 2, "prompt": "o", "response": "z", "label": False},
    ]
    rows = list(read_rows(write(tmp_path / "d.jsonl", flat), Columns(group_by="q")))
    assert [(r.number, r.group.id, len(r.group.responses), r.label) for r in rows] == [
        (1, "1", 2, 1),
        (3, "2", 1, None),
    ]
    split = [flat[0], flat[2], flat[1]]
    with pytest.raises(ConfigError, match="row 3: the rows of group 1 are not neighbours"):
        list(read_rows(write(tmp_path / "e.jsonl", split), Columns(group_by="q")))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"promt": "p", "responses": ["x"]}, r"row 2: no column 'prompt'.*"),
        ({"prompt": "p", "responses": "x"}, "row 2: responses is not a list"),
        ({"prompt": "p", "responses": ["x", 3]}, "row 2: response 1 is neither"),
        ({"prompt": 3, "responses": ["x"]}, "row 2: prompt is neither"),
        ({"prompt": "p", "responses": ["x"], "label": 1}, "row 2: label 1 is not the index"),
        ({"prompt": "p", "responses": ["x"], "label": "no"}, "row 2: label 'no' is neither"),
        ({"prompt": "p", "responses": ["x", "y"], "ranking": [1]}, "row 2: ranking .* of 2 resp"),
        ({"prompt": "p", "responses": ["x"], "ranking": 1}, "row 2: ranking 1 is not a list"),
        ({"prompt": "p", "responses": ["x", "y"], "ranking": [0, 2]}, "row 2: ranking: 2 is not"),
        ({"prompt": "p", "responses": ["x"], "reference": 3}, "row 2: reference is not a text"),
        ({"prompt": "p", "responses": ["x"], "anchor": 4}, "row 2: group .*anchor 4"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: dict[str, object], said: str) -> None:
    path = write(tmp_path / "d.jsonl", [ROWS[0], row])
    read = read_rows(path)
    assert next(read).group.id == "a"
    with pytest.raises(ConfigError, match=said):
        next(read)


def test_a_near_column_is_suggested(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [{"prompt": "p", "respones": ["x"]}])
    with pytest.raises(ConfigError) as caught:
        list(read_rows(path))
    assert "did you mean 'respones'?" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("d.jsonl", b'{"prompt": "p"\n', "row 1 is not JSON"),
        ("d.jsonl", b'{"prompt": "\xff", "responses": []}\n', "row 1 is not JSON"),
        ("d.jsonl", b"[1]\n", "row 1 is not an object"),
        ("d.json", b"{}", "is not an array"),
        ("d.json", b'{"prompt": 1}\n{"prompt": 2}', "is not JSON"),
        ("d.parquet", b"PAR1 but no more", "is not Parquet"),
    ],
)
def test_a_broken_file_is_a_clear_error(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        list(read_rows(tmp_path / name))


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no data set"):
        list(read_rows(tmp_path / "none.jsonl"))


@pytest.mark.parametrize("text", ["prompt", "prompt=", "promt=x", "prompt=a,b"])
def test_a_wrong_map_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--map"):
        Columns.of([text])


def test_lone_surrogates_and_nul_pass_through(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [{"prompt": "\x00", "responses": ["\ud800"]}])
    (row,) = read_rows(path)
    assert row.group.responses[0].text == "\ud800"
    assert len(row.group.id) == 16


# --- who wrote what ---------------------------------------------------------------------------


def test_columns_of_responses_and_lists_of_systems_name_who_wrote_them(tmp_path: Path) -> None:
    columns = Columns.of(["responses=gpt,mine"])
    path = write(tmp_path / "a.jsonl", [{"prompt": "p", "gpt": "x", "mine": "y"}])
    (row,) = read_rows(path, columns)
    assert [response.id for response in row.group.responses] == ["gpt", "mine"]
    path = write(
        tmp_path / "b.jsonl", [{"prompt": "p", "responses": ["x", "y"], "systems": ["a", 7]}]
    )
    (row,) = read_rows(path)
    assert [response.id for response in row.group.responses] == ["a", "7"]


def test_flat_rows_may_name_their_systems(tmp_path: Path) -> None:
    flat = [{"q": "1", "prompt": "p", "response": t, "model": m} for t, m in ("xa", "yb")]
    path = write(tmp_path / "flat.jsonl", flat)
    (row,) = read_rows(path, Columns.of(["systems=model"], group_by="q"))
    assert [(r.text, r.id) for r in row.group.responses] == [("x", "a"), ("y", "b")]


# --- bad input --------------------------------------------------------------------------------

GOOD: dict[str, object] = {"prompt": "p", "responses": ["x", "y"]}


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": 5},
        {"prompt": ["hello", "you"]},
        {"prompt": [{"content": "no role"}]},
        {"responses": "one text"},
        {"responses": {"a": "x"}},
        {"responses": ["x", 5]},
        {"responses": ["x", {"text": 5}]},
        {"responses": ["x", {"txt": "y"}]},
        {"responses": ["x", ["not", "messages"]]},
        {"reference": ["r"]},
        {"context": 7},
        {"anchor": "1"},
        {"anchor": True},
        {"anchor": 2},
        {"label": "best"},
        {"label": 1.5},
        {"systems": ["only one"]},
        {"systems": "ab"},
    ],
    ids=str,
)
def test_a_value_of_another_form_is_an_error_with_its_row(
    tmp_path: Path, change: dict[str, object]
) -> None:
    path = write(tmp_path / "d.jsonl", [GOOD, {**GOOD, **change}])
    rows = read_rows(path)
    assert next(rows).number == 1
    with pytest.raises(ConfigError, match=r"d\.jsonl: row 2: "):
        next(rows)


def test_missing_columns_are_named_with_a_likely_one(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [{"promt": "p", "responses": ["x"]}])
    with pytest.raises(ConfigError, match=r"row 1: no column 'prompt'") as caught:
        list(read_rows(path))
    assert "promt" in caught.value.hint


def test_whether_the_data_gives_the_id_is_known(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [GOOD, {**GOOD, "id": 7}])
    assert [(row.named, row.group.id == "7") for row in read_rows(path)] == [
        (False, False),
        (True, True),
    ]
