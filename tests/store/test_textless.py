from judge.store import MemoryStore, TextlessStore, without_texts
from judge.types import (
    CriterionVerdict,
    ErrorFound,
    ErrorReport,
    Listing,
    Pairwise,
    Spans,
    SpanVerdict,
)

SECRET = "what the response said"
PART = CriterionVerdict("a", 1, 0.5, (0.5, 0.5), SECRET, SECRET, 0.9)
BARE = CriterionVerdict("a", 1, 0.5, (0.5, 0.5), "", "", 0.9)


def test_numbers_stay_and_texts_go_however_deep_they_stand():
    store = TextlessStore(MemoryStore())
    told = {
        "pair": (
            Pairwise(
                0, 1, 0.5, 0.2, 0.3, (PART,), 0.7, critique=SECRET, raw=SECRET, thinking=SECRET
            ),
            Pairwise(0, 1, 0.5, 0.2, 0.3, (BARE,), 0.7),
        ),
        "list": (Listing((0,), ((PART,),), SECRET), Listing((0,), ((BARE,),))),
        "spans": (Spans(0, (SpanVerdict(1, 2, PART),)), Spans(0, (SpanVerdict(1, 2, BARE),))),
        "errors": (
            ErrorReport(0, "a", (ErrorFound(0, 1, "x", "minor", 0.5, SECRET),)),
            ErrorReport(0, "a", (ErrorFound(0, 1, "x", "minor", 0.5),)),
        ),
    }
    for key, (verdict, bare) in told.items():
        store.put(key, verdict)
        assert store.get(key) == bare


def test_of_json_only_texts_under_these_names_go():
    row = {"reason": {"kind": "cut", "message": "m"}, "parts": [{"reason": SECRET, "level": 1}]}
    assert without_texts(row) == {
        "reason": {"kind": "cut", "message": "m"},
        "parts": [{"reason": "", "level": 1}],
    }
