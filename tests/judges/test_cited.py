import pytest

from judge.errors import VerdictError
from judge.fence import ControlTokens
from judge.judges.case import Case
from judge.judges.cited import Sources, proven, sources_of
from judge.rubrics import Criterion
from judge.types import CriterionVerdict, Group

ITEM = Criterion(id="s", question="Did <E0> so?", evidence="citation", slots=("E0",))
YES = CriterionVerdict("s", 1, 0.9, (0.1, 0.9), "why", "It opened in 1931.", 0.8)
SOURCES = Sources(("It  opened\nin 1931. Free entry.",), ("It opened in 1931.", "Ida built it."))
SAID = "Ida Berg built it [1]."
NAMES = {"E0": "ida  berg"}


def test_a_proven_verdict_stays_as_it_is():
    assert proven(YES, ITEM, NAMES, SAID, SOURCES) is YES
    no = CriterionVerdict("s", 0, 0.2, (0.8, 0.2), "", "none")
    assert proven(no, ITEM, NAMES, SAID, SOURCES) is no
    absent = CriterionVerdict("s", None, None)
    assert proven(absent, ITEM, {}, SAID, Sources((), ())) is absent


@pytest.mark.parametrize(
    ("part", "names", "sources", "why"),
    [
        (YES, {}, SOURCES, "not named"),
        (YES, {"E0": " None "}, SOURCES, "not named"),
        (YES, {"E0": "Nils Ek"}, SOURCES, "not named"),
        (YES, NAMES, Sources((), ("It opened in 1931.",)), "cites nothing"),
        (CriterionVerdict("s", 1, 1.0, (), "", "Ida built it."), NAMES, SOURCES, "does not cite"),
    ],
)
def test_what_the_program_sees_is_the_lowest_level(part, names, sources, why):
    found = proven(part, ITEM, names, SAID, sources)
    assert (found.level, found.value) == (0, 0.0)
    assert found.probabilities == ((1.0, 0.0) if part.probabilities else ())
    assert why in found.reason


def test_a_quotation_from_nowhere_voids():
    lie = CriterionVerdict("s", 1, 1.0, (), "", "It opened in 1932.")
    with pytest.raises(VerdictError) as caught:
        proven(lie, ITEM, NAMES, SAID, SOURCES)
    assert caught.value.kind == "void_evidence"


def test_without_citations_only_the_names_are_asked_for():
    free = ITEM.model_copy(update={"evidence": "none"})
    lie = CriterionVerdict("s", 1, 1.0, (), "", "")
    assert proven(lie, free, NAMES, SAID, Sources((), ())) is lie


def test_a_hidden_context_is_no_source(make_rubric):
    group = Group.of("p", ["So [1]."], context="[1] Because.")
    open_case = Case(
        group, make_rubric(ITEM.model_dump(exclude_defaults=True)), 0, ControlTokens(())
    )
    assert sources_of(open_case, 0).cited == ("[1] Because.",)
    hidden = make_rubric(inputs={"hidden": ["context"]})
    found = sources_of(open_case.under(hidden), 0)
    assert found == Sources((), ())
    assert "nothing" in found.shown
