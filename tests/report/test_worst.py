import pytest

from judge.errors import ConfigError
from judge.report.collected import Collected
from judge.report.worst import disagreements, read_texts
from judge.runs.dataset import Row
from judge.types import Group, Response


def data_row(number, *texts, label=None, **fields):
    responses = [Response(text, id=f"system {at}") for at, text in enumerate(texts)]
    return Row("data.jsonl", number, Group.of(f"prompt {number}", responses, **fields), label)


def told(make_source, rows, data, shown=True):
    found = Collected.of(rows)
    wanted = {one.place for one in found.against_label or found.against_itself}
    source = make_source(rows, joined=lambda: zip(data, rows, strict=True))
    texts = read_texts(source, wanted)
    return texts, *disagreements(found, texts, shown=shown)


def test_texts_of_a_disagreement_are_whole(make_row, make_source):
    long = "word " * 5000
    rows = [make_row(1, [0.9, 0.2], label=1), make_row(2, [0.9, 0.2], label=0)]
    data = [data_row(1, long, "short", reference="gold"), data_row(2, "x", "y")]
    texts, figure, (case,) = told(make_source, rows, data)
    assert list(texts.cases) == [("data.jsonl", 1)]
    assert [(one.heading, one.text) for one in case.passages] == [
        ("Prompt", "prompt 1"),
        ("Reference", "gold"),
        ("Response 1 by system 1, labelled the best", "short"),
        ("Response 0 by system 0", long),
    ]
    assert figure.table.rows == (("g1", "data.jsonl", 1, 1, 0, pytest.approx(0.7)),)


def test_lengths_are_of_the_responses_that_have_a_reward(make_row, make_source):
    texts, *_ = told(make_source, [make_row(1, [0.9, None])], [data_row(1, "four", "seven..")])
    assert list(texts.lengths) == [4]
    assert list(texts.values) == [0.9]


def test_what_the_judge_wrote_of_the_two_is_shown(make_row, make_pair, make_source):
    verdicts = [make_pair(0, 1, 0.9, "first is clear"), make_pair(0, 2, 0.9, "of another")]
    rows = [make_row(1, [0.9, 0.2, 0.1], label=1, verdicts=verdicts)]
    *_, (case,) = told(make_source, rows, [data_row(1, "a", "b", "c")])
    last = case.passages[-1]
    assert last.text == "first is clear"
    assert last.heading == "The judge, 0 shown before 1 (0.90 to 0.10)"
    assert "of another" not in str(case)


def test_without_labels_the_judge_is_set_against_itself(make_row, make_pair, make_source):
    turned = [make_pair(0, 1, 0.2), make_pair(1, 0, 0.1)]
    rows = [make_row(1, [0.5, 0.5], verdicts=turned)]
    _, figure, (case,) = told(make_source, rows, [data_row(1, "a", "b")])
    assert case.summary == "g1: responses 0 and 1, whichever is shown second"
    assert "Nothing is labelled" in figure.caption


def test_a_run_that_keeps_no_texts_shows_none(make_row, make_source):
    rows = [make_row(1, [0.9, 0.2], label=1)]
    _, figure, cases = told(make_source, rows, [data_row(1, "a", "b")], shown=False)
    assert cases == ()
    assert "keeps no texts" in figure.caption


def test_data_that_is_gone_leaves_the_numbers(make_row, make_source):
    def gone():
        raise ConfigError("there is no data set x.jsonl")
        yield

    rows = [make_row(1, [0.9, 0.2], label=1)]
    found = Collected.of(rows)
    texts = read_texts(make_source(rows, joined=gone), set())
    figure, cases = disagreements(found, texts, shown=True)
    assert "no data set x.jsonl" in texts.missing
    assert "no data set x.jsonl" in figure.caption
    assert figure.table.rows
    assert cases == ()


def test_agreement_and_ignorance_are_told_apart(make_row, make_source):
    _, agrees, _ = told(make_source, [make_row(1, [0.9, 0.2], label=0)], [data_row(1, "a", "b")])
    _, unknown, _ = told(make_source, [make_row(1, [0.9, 0.2])], [data_row(1, "a", "b")])
    assert "contradicts neither" in agrees.missing
    assert "neither labels nor" in unknown.missing


def test_a_chat_is_shown_with_its_roles(make_row, make_source):
    chat = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]
    rows = [make_row(1, [0.9, 0.2], label=1)]
    row = Row("data.jsonl", 1, Group.of("p", [chat, "b"]), 1)
    *_, (case,) = told(make_source, rows, [row])
    assert case.passages[-1].text == "[user]\nhi\n\n[assistant]\nyo"
